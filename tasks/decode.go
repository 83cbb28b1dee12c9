package tasks

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// An ArgError is one wrong argument.
type ArgError struct {
	Arg  string // as the user wrote it, with the way to nested ones: users[0].uid
	Msg  string // what is wrong, one line
	Hint string // what to do, or ""
}

// Error is the message with its hint.
func (e *ArgError) Error() string {
	if e.Hint != "" {
		return e.Msg + ": " + e.Hint
	}
	return e.Msg
}

// Decode fills the fields of a module (a pointer to a struct with the tags of
// Arg) from what the user wrote, with defaults for what is not given; null
// counts as not given. It does not call Validate. The error joins (see
// errors.Join) an *ArgError for each mistake.
func Decode(spec any, args *value.Dict) error {
	return decode(spec, args, func(string) bool { return true })
}

// DecodeKnown is Decode before templates are filled in: of arguments for which
// known is false only the names are checked.
func DecodeKnown(spec any, args *value.Dict, known func(arg string) bool) error {
	return decode(spec, args, known)
}

func decode(spec any, args *value.Dict, known func(string) bool) error {
	v := reflect.ValueOf(spec).Elem()
	d := decoder{known: known}
	d.fill(v, structArgs(v.Type()), args, "")
	return errors.Join(d.errs...)
}

type decoder struct {
	known func(arg string) bool
	errs  []error
}

func (d *decoder) errorf(arg, hint, format string, a ...any) {
	d.errs = append(d.errs, &ArgError{Arg: arg, Msg: fmt.Sprintf(format, a...), Hint: hint})
}

// fill sets the fields of one struct; path is "" or how its name begins.
func (d *decoder) fill(v reflect.Value, specs []Arg, args *value.Dict, path string) {
	given, rest := d.match(specs, args, path)
	for _, a := range specs {
		field := v.FieldByIndex(a.index)
		g, ok := given[a.Name]
		switch {
		case a.Name == restArg:
			field.Set(reflect.ValueOf(rest))
		case ok && path == "" && !d.known(g.name):
		case ok && g.value != nil:
			if err := set(d, field, a, g.value, path+g.name); err != nil {
				d.errorf(path+g.name, "", "%s: %v", path+g.name, err)
			}
		case a.Required:
			hint := ""
			if a.Doc != "" {
				hint = lowerFirst(a.Doc)
			}
			d.errorf(path+a.Name, hint, "missing argument %q", path+a.Name)
		case a.Default != "":
			if err := set(d, field, a, a.Default, path+a.Name); err != nil {
				panic("tasks: default of " + path + a.Name + ": " + err.Error())
			}
		}
	}
}

type givenArg struct {
	name  string // as written
	value any
}

// restArg is the name of a *value.Dict field that takes all arguments that no
// other field does.
const restArg = "*"

// match finds for each argument what the user wrote, under whichever of its
// names, and what is left for restArg.
func (d *decoder) match(specs []Arg, args *value.Dict, path string) (map[string]givenArg, *value.Dict) {
	canon := map[string]string{}
	rest, open := value.NewDict(), false
	var names []string
	for _, a := range specs {
		if a.Name == restArg {
			open = true
			continue
		}
		for _, n := range append([]string{a.Name}, a.Aliases...) {
			canon[n] = a.Name
			names = append(names, n)
		}
	}
	given := map[string]givenArg{}
	for k, v := range args.All() {
		key, ok := k.(string)
		if !ok {
			key = value.Str(k)
		}
		name, ok := canon[key]
		if !ok && open {
			rest.Set(key, v)
			continue
		}
		if !ok {
			hint := source.DidYouMean(key, names)
			if hint == "" {
				slices.Sort(names)
				hint = "known are " + strings.Join(names, ", ")
			}
			d.errorf(path+key, hint, "unknown argument %q", path+key)
			continue
		}
		if old, twice := given[name]; twice {
			d.errorf(path+key, "keep one", "%q and %q are the same argument", old.name, key)
			continue
		}
		given[name] = givenArg{key, v}
	}
	return given, rest
}

// set converts one value and puts it into its field.
func set(d *decoder, field reflect.Value, a Arg, v any, path string) error {
	t := field.Type()
	switch {
	case t == modeType:
		m, err := decodeMode(v, a.preserve)
		field.SetString(string(m))
		return err
	case t == durationType:
		dur, err := decodeDuration(v)
		field.SetInt(int64(dur))
		return err
	case t == dictType:
		dict, ok := v.(*value.Dict)
		if !ok {
			return fmt.Errorf("must be a dict, not %s", describe(v))
		}
		field.Set(reflect.ValueOf(dict))
		return nil
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		if err := set(d, p.Elem(), a, v, path); err != nil {
			return err
		}
		field.Set(p)
		return nil
	}
	switch t.Kind() {
	case reflect.Interface:
		field.Set(reflect.ValueOf(v))
		return nil
	case reflect.String:
		s, err := decodeString(v)
		if err == nil {
			err = a.choose(s)
		}
		field.SetString(s)
		return err
	case reflect.Bool:
		b, err := decodeBool(v)
		field.SetBool(b)
		return err
	case reflect.Int:
		n, err := decodeInt(v)
		field.SetInt(int64(n))
		return err
	case reflect.Float64:
		f, err := decodeFloat(v)
		field.SetFloat(f)
		return err
	case reflect.Struct:
		dict, ok := v.(*value.Dict)
		if !ok {
			return fmt.Errorf("must be a dict, not %s", describe(v))
		}
		d.fill(field, a.Elem, dict, path+".")
		return nil
	case reflect.Slice:
		return setList(d, field, a, v, path)
	case reflect.Map:
		return setMap(field, v)
	}
	panic("tasks: no argument can have the type " + t.String())
}

func setList(d *decoder, field reflect.Value, a Arg, v any, path string) error {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
		if s, isText := v.(string); isText && a.split != "" {
			items = nil
			for part := range strings.SplitSeq(s, a.split) {
				if part = strings.TrimSpace(part); part != "" {
					items = append(items, part)
				}
			}
		}
	}
	list := reflect.MakeSlice(field.Type(), len(items), len(items))
	elem := a
	elem.split = ""
	for i, it := range items {
		at := fmt.Sprintf("%s[%d]", path, i)
		if it == nil {
			return fmt.Errorf("element %d is null", i)
		}
		if err := set(d, list.Index(i), elem, it, at); err != nil {
			if len(items) > 1 {
				return fmt.Errorf("element %d: %w", i, err)
			}
			return err
		}
	}
	field.Set(list)
	return nil
}

func setMap(field reflect.Value, v any) error {
	dict, ok := v.(*value.Dict)
	if !ok {
		return fmt.Errorf("must be a dict, not %s", describe(v))
	}
	m := make(map[string]string, dict.Len())
	for k, e := range dict.All() {
		s, err := decodeString(e)
		if err != nil {
			return fmt.Errorf("%s: %w", value.Str(k), err)
		}
		m[value.Str(k)] = s
	}
	field.Set(reflect.ValueOf(m))
	return nil
}

func (a Arg) choose(s string) error {
	if len(a.Choices) == 0 || slices.Contains(a.Choices, s) {
		return nil
	}
	msg := fmt.Sprintf("%q is none of %s", s, strings.Join(a.Choices, ", "))
	if hint := source.DidYouMean(s, a.Choices); hint != "" {
		msg += "; " + hint
	}
	return errors.New(msg)
}

func decodeString(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return noNUL(v)
	case []any, *value.Dict:
		return "", fmt.Errorf("must be a string, not %s", describe(v))
	}
	return noNUL(value.Str(v))
}

func noNUL(s string) (string, error) {
	if strings.ContainsRune(s, 0) {
		return "", errors.New("must not hold a NUL byte")
	}
	return s, nil
}

// decodeBool takes the words that Ansible takes, in any case.
func decodeBool(v any) (bool, error) {
	switch x := v.(type) {
	case bool:
		return x, nil
	case int, float64:
		if value.Equal(x, 0) || value.Equal(x, 1) {
			return value.Truthy(x), nil
		}
	case string:
		switch strings.ToLower(strings.TrimSpace(x)) {
		case "y", "yes", "on", "1", "true", "t", "1.0":
			return true, nil
		case "n", "no", "off", "0", "false", "f", "0.0":
			return false, nil
		}
	}
	return false, fmt.Errorf("must be true or false, not %s", describe(v))
}

func decodeInt(v any) (int, error) {
	switch x := v.(type) {
	case int:
		return x, nil
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int(x), nil
		}
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(x)); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("must be a whole number, not %s", describe(v))
}

func decodeFloat(v any) (float64, error) {
	switch x := v.(type) {
	case int:
		return float64(x), nil
	case float64:
		return x, nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(x), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	}
	return 0, fmt.Errorf("must be a number, not %s", describe(v))
}

// decodeDuration takes seconds, or "90s", "2m", "1h30m".
func decodeDuration(v any) (time.Duration, error) {
	if s, ok := v.(string); ok {
		if dur, err := time.ParseDuration(strings.TrimSpace(s)); err == nil && dur >= 0 {
			return dur, nil
		}
	}
	f, err := decodeFloat(v)
	if err != nil || f < 0 || f > math.MaxInt64/float64(time.Second)/2 {
		return 0, fmt.Errorf(`must be a time in seconds, or like "90s" or "2m", not %s`, describe(v))
	}
	return time.Duration(f * float64(time.Second)), nil
}

// describe names a value for an error message, short.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case *value.Dict:
		return fmt.Sprintf("a dict of %d", v.Len())
	case string:
		if len(v) > 60 {
			v = v[:57] + "..."
		}
		return strconv.Quote(v)
	}
	return value.Repr(v)
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
