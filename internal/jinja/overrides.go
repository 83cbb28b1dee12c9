package jinja

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

const overridesMark = "#jinja2:"

// overrides reads a first line such as `#jinja2: lstrip_blocks: True` into o
// and says where the template begins behind it.
func overrides(t *text, o *TextOptions) (int, error) {
	if !strings.HasPrefix(t.src, overridesMark) {
		return 0, nil
	}
	line, _, _ := strings.Cut(t.src, "\n")
	end := min(len(line)+1, len(t.src))
	off := len(overridesMark)
	for _, pair := range strings.Split(line[off:], ",") {
		key, val, ok := strings.Cut(pair, ":")
		at := t.place(off + len(pair) - len(strings.TrimLeft(pair, " ")))
		off += len(pair) + 1
		key, val = strings.TrimSpace(key), strings.TrimSpace(val)
		if !ok {
			return 0, at.errorf("%s: an option of a template is written name: value", key)
		}
		if err := o.set(key, val, at); err != nil {
			return 0, err
		}
	}
	return end, nil
}

func (o *TextOptions) set(key, val string, at place) error {
	flags := map[string]*bool{"trim_blocks": &o.TrimBlocks, "lstrip_blocks": &o.LstripBlocks}
	texts := map[string]*string{
		"newline_sequence": &o.Newline, "variable_start_string": &o.VariableStart, "variable_end_string": &o.VariableEnd,
		"block_start_string": &o.BlockStart, "block_end_string": &o.BlockEnd,
		"comment_start_string": &o.CommentStart, "comment_end_string": &o.CommentEnd,
	}
	if p := flags[key]; p != nil {
		switch val {
		case "True", "true":
			*p = true
		case "False", "false":
			*p = false
		default:
			return at.errorf("%s is True or False, not %s", key, val)
		}
		return nil
	}
	if p := texts[key]; p != nil {
		n := len(val)
		if n < 3 || val[0] != val[n-1] || val[0] != '\'' && val[0] != '"' {
			return at.errorf("%s is a quoted string, not %s", key, val)
		}
		decoded, bad := unescape(val[1 : n-1])
		if bad != "" {
			return at.errorf("bad escape %s in a string", bad)
		}
		*p = decoded
		return nil
	}
	if key == "keep_trailing_newline" {
		return nil // it is always kept
	}
	e := at.errorf("there is no template option %s", key)
	e.Hint = source.DidYouMean(key, append(names(flags), names(texts)...))
	return e
}
