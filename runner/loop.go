package runner

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
)

// An item is one turn of a loop.
type item struct {
	value any
	name  string // the loop variable
	index string // the index variable, or ""
	vars  finals
	pause time.Duration
}

// items works out a task's loop; nil without one.
func (p *play) items(ctx context.Context, sc *scope, t *playbooks.Task) ([]item, error) {
	if t.Loop == nil {
		return nil, nil
	}
	values, err := p.loopValues(ctx, sc, t)
	if err != nil || values == nil {
		return nil, err
	}
	pause, err := p.seconds(ctx, sc, t.Loop.Pause, 0)
	if err != nil {
		return nil, err
	}
	out := make([]item, len(values))
	for i, v := range values {
		vars := finals{t.Loop.LoopVar: v, "ansible_loop_var": t.Loop.LoopVar}
		if t.Loop.IndexVar != "" {
			vars[t.Loop.IndexVar] = i
			vars["ansible_index_var"] = t.Loop.IndexVar
		}
		if t.Loop.Extended {
			vars["ansible_loop"] = extended(values, i)
		}
		out[i] = item{value: v, name: t.Loop.LoopVar, index: t.Loop.IndexVar, vars: vars, pause: pause}
	}
	return out, nil
}

// extended is ansible_loop.
func extended(values []any, i int) *value.Dict {
	n := len(values)
	d := value.NewDict("allitems", values, "index", i+1, "index0", i, "first", i == 0, "last", i == n-1,
		"length", n, "revindex", n-i, "revindex0", n-i-1)
	if i > 0 {
		d.Set("previtem", values[i-1])
	}
	if i < n-1 {
		d.Set("nextitem", values[i+1])
	}
	return d
}

func (p *play) loopValues(ctx context.Context, sc *scope, t *playbooks.Task) ([]any, error) {
	l := t.Loop
	over, err := sc.eval(ctx, l.Over)
	if err != nil {
		return nil, err
	}
	if l.Kind == "loop" {
		if over == nil {
			return nil, nil
		}
		list, ok := over.([]any)
		if !ok {
			return nil, source.Errorf(l.Pos, "Invalid data passed to 'loop', it requires a list, got this instead: %s", value.Str(over)).
				WithHint("a single element is written as a list of one; a dict goes through | dict2items")
		}
		return list, nil
	}
	values, err := p.with(ctx, sc, l.Kind, over)
	if err != nil {
		return nil, source.Errorf(l.Pos, "with_%s: %w", l.Kind, err)
	}
	return values, nil
}

// with gives the values of one of Ansible's with_ loops.
func (p *play) with(ctx context.Context, sc *scope, kind string, over any) ([]any, error) {
	terms, isList := over.([]any)
	if !isList {
		terms = []any{over}
	}
	switch kind {
	case "list":
		if !isList {
			return nil, fmt.Errorf("wants a list, not %s", value.Repr(over))
		}
		return terms, nil
	case "items":
		return flattenOnce(terms), nil
	case "flattened":
		return flattenAll(terms), nil
	case "indexed_items":
		var out []any
		for i, v := range flattenOnce(terms) {
			out = append(out, []any{i, v})
		}
		return out, nil
	case "together":
		return together(terms)
	case "nested", "cartesian":
		return nested(terms)
	case "subelements":
		return subelements(terms)
	case "random_choice":
		return nil, fmt.Errorf("is not supported: use loop with | random")
	}
	// The others are lookups.
	names := make([]string, len(terms))
	vars := finals{}
	for i, t := range terms {
		names[i] = "ep_term" + strconv.Itoa(i)
		vars[names[i]] = t
	}
	v, err := sc.with(vars).expr(ctx, "query("+strings.Join(append([]string{strconv.Quote(kind)}, names...), ", ")+")", source.Pos{})
	if err != nil {
		return nil, err
	}
	list, ok := v.([]any)
	if !ok {
		return []any{v}, nil
	}
	return list, nil
}

func flattenOnce(terms []any) []any {
	out := []any{}
	for _, t := range terms {
		if l, ok := t.([]any); ok {
			out = append(out, l...)
		} else {
			out = append(out, t)
		}
	}
	return out
}

func flattenAll(terms []any) []any {
	out := []any{}
	for _, t := range terms {
		if l, ok := t.([]any); ok {
			out = append(out, flattenAll(l)...)
		} else if t != nil {
			out = append(out, t)
		}
	}
	return out
}

func lists(terms []any) ([][]any, error) {
	out := make([][]any, len(terms))
	for i, t := range terms {
		l, ok := t.([]any)
		if !ok {
			return nil, fmt.Errorf("wants lists, not %s", value.Repr(t))
		}
		out[i] = l
	}
	return out, nil
}

// together pairs the lists up; short ones are filled with null.
func together(terms []any) ([]any, error) {
	ls, err := lists(terms)
	if err != nil {
		return nil, err
	}
	longest := 0
	for _, l := range ls {
		longest = max(longest, len(l))
	}
	out := make([]any, longest)
	for i := range out {
		row := make([]any, len(ls))
		for j, l := range ls {
			if i < len(l) {
				row[j] = l[i]
			}
		}
		out[i] = row
	}
	return out, nil
}

// maxItems bounds loops that multiply.
const maxItems = 1_000_000

// nested combines every element with every other, the last list fastest.
func nested(terms []any) ([]any, error) {
	ls, err := lists(terms)
	if err != nil {
		return nil, err
	}
	rows := [][]any{{}}
	for _, l := range ls {
		if len(rows)*len(l) > maxItems {
			return nil, fmt.Errorf("would make more than %d items", maxItems)
		}
		var next [][]any
		for _, row := range rows {
			for _, v := range l {
				next = append(next, append(row[:len(row):len(row)], v))
			}
		}
		rows = next
	}
	out := make([]any, len(rows))
	for i, r := range rows {
		out[i] = r
	}
	return out, nil
}

// subelements pairs each dict, without the list at the key, with each element
// of that list.
func subelements(terms []any) ([]any, error) {
	if len(terms) < 2 {
		return nil, fmt.Errorf("wants a list of dicts and a key")
	}
	dicts, ok := terms[0].([]any)
	if d, isDict := terms[0].(*value.Dict); isDict {
		ok = true
		for _, v := range d.All() {
			dicts = append(dicts, v)
		}
	}
	if !ok {
		return nil, fmt.Errorf("wants a list of dicts, not %s", value.Repr(terms[0]))
	}
	path := strings.Split(value.Str(terms[1]), ".")
	skipMissing := false
	if len(terms) > 2 {
		if flags, ok := terms[2].(*value.Dict); ok {
			v, _ := flags.Get("skip_missing")
			skipMissing = value.Truthy(v)
		}
	}
	out := []any{}
	for _, e := range dicts {
		d, ok := e.(*value.Dict)
		if !ok {
			return nil, fmt.Errorf("%s is no dict", value.Repr(e))
		}
		rest, list, err := takeList(d, path)
		if err != nil {
			if skipMissing {
				continue
			}
			return nil, err
		}
		for _, v := range list {
			out = append(out, []any{rest, v})
		}
	}
	return out, nil
}

// takeList gives the list at a path below a dict, and the dict without it.
func takeList(d *value.Dict, path []string) (*value.Dict, []any, error) {
	v, ok := d.Get(path[0])
	if !ok {
		return nil, nil, fmt.Errorf("there is no key %q in %s", path[0], value.Repr(d))
	}
	rest := d.Clone()
	if len(path) == 1 {
		list, ok := v.([]any)
		if !ok {
			return nil, nil, fmt.Errorf("the key %q holds no list: %s", path[0], value.Repr(v))
		}
		rest.Delete(path[0])
		return rest, list, nil
	}
	below, ok := v.(*value.Dict)
	if !ok {
		return nil, nil, fmt.Errorf("the key %q holds no dict: %s", path[0], value.Repr(v))
	}
	inner, list, err := takeList(below, path[1:])
	if err != nil {
		return nil, nil, err
	}
	rest.Set(path[0], inner)
	return rest, list, nil
}
