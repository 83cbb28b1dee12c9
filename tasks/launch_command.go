package tasks

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// words is the command line: the program and its arguments, those of the first
// start or those of all others.
func (l *Launch) words(first bool) ([]string, error) {
	args, err := l.Args, error(nil)
	if first && l.FirstArgs != nil {
		if args, err = overridden(l.Args, l.FirstArgs); err != nil {
			return nil, err
		}
	}
	words, err := argWords(args)
	if err != nil {
		return nil, fmt.Errorf("args: %w", err)
	}
	return append([]string{l.Command}, words...), nil
}

// overridden puts first_args over args; flags keep their places.
func overridden(args, first any) (any, error) {
	f, isDict := first.(*value.Dict)
	if !isDict {
		return first, nil
	}
	a, ok := args.(*value.Dict)
	if !ok && args != nil {
		return nil, &ArgError{Arg: "first_args", Msg: "first_args: a dict can't override args that are a list", Hint: "give the whole list"}
	}
	out := value.NewDict()
	for k, v := range a.All() {
		out.Set(k, v)
	}
	for k, v := range f.All() {
		out.Set(k, v)
	}
	return out, nil
}

func argWords(args any) ([]string, error) {
	switch args := args.(type) {
	case nil:
		return nil, nil
	case []any:
		var words []string
		for i, w := range args {
			s, err := decodeString(w)
			if err != nil || w == nil {
				return nil, fmt.Errorf("element %d must be a word, not %s", i, describe(w))
			}
			words = append(words, s)
		}
		return words, nil
	case *value.Dict:
		var words []string
		for k, v := range args.All() {
			word, err := flagWord(value.Str(k), v)
			if err != nil {
				return nil, err
			}
			if word != "" {
				words = append(words, word)
			}
		}
		return words, nil
	}
	return nil, fmt.Errorf("must be a dict of flags or a list of words, not %s", describe(args))
}

// joinFlags writes flags as one word with two dashes, so that `-name peer1` and
// `--name=peer1` are the same. A flag without a value may be joined with what
// follows it: good enough to compare command lines that are written alike.
func joinFlags(words []string) (out []string) {
	isFlag := func(w string) bool { return len(w) > 1 && w[0] == '-' }
	for i := 0; i < len(words); i++ {
		w := words[i]
		if i > 0 && isFlag(w) {
			w = "--" + strings.TrimLeft(w, "-")
			if !strings.Contains(w, "=") && i+1 < len(words) && !isFlag(words[i+1]) {
				i++
				w += "=" + words[i]
			}
		}
		out = append(out, w)
	}
	return out
}

// flagWord is one flag: --name=value. A name that begins with - stays as it is.
func flagWord(name string, v any) (string, error) {
	if name == "" || strings.ContainsAny(name, " \t\n=\x00") {
		return "", fmt.Errorf("%q is no name of a flag", name)
	}
	if !strings.HasPrefix(name, "-") {
		name = "--" + name
	}
	text, err := flagValue(v)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", name, err)
	case v == nil:
		return "", nil
	case v == true:
		return name, nil
	case v == false:
		return name + "=false", nil
	}
	return name + "=" + text, nil
}

func flagValue(v any) (string, error) {
	var parts []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			s, err := decodeString(e)
			if err != nil {
				return "", err
			}
			parts = append(parts, s)
		}
	case *value.Dict:
		for k, e := range v.All() {
			s, err := decodeString(e)
			if err != nil {
				return "", err
			}
			parts = append(parts, value.Str(k)+"="+s)
		}
	default:
		return decodeString(v)
	}
	return strings.Join(parts, ","), nil
}
