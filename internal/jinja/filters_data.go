package jinja

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// dataFilters read and write JSON and YAML.
func dataFilters() map[string]function {
	const jsonArgs = "indent sort_keys separators ensure_ascii vault_to_text preprocess_unsafe"
	const yamlArgs = "indent width sort_keys default_flow_style explicit_start explicit_end default_style allow_unicode line_break"
	return map[string]function{
		"to_json":       {sig: jsonArgs, fn: func(c *call) (any, error) { return c.toJSON(value.JSONStyle{ASCII: true}) }},
		"to_nice_json":  {sig: jsonArgs, fn: func(c *call) (any, error) { return c.toJSON(value.JSONStyle{ASCII: true, Indent: 4, SortKeys: true}) }},
		"from_json":     {fn: filterFromJSON},
		"tojson":        {sig: "indent", fn: filterHTMLJSON},
		"to_yaml":       {sig: yamlArgs, fn: func(c *call) (any, error) { return c.toYAML(yamlStyle{indent: 2, flow: flowLeaves}) }},
		"to_nice_yaml":  {sig: yamlArgs, fn: func(c *call) (any, error) { return c.toYAML(yamlStyle{indent: 4}) }},
		"from_yaml":     {fn: func(c *call) (any, error) { return c.fromYAML(false) }},
		"from_yaml_all": {fn: func(c *call) (any, error) { return c.fromYAML(true) }},
	}
}

// written prepares the filtered value for being written down.
func (c *call) written() any {
	v, err := (&walker{st: c.st, write: true}).top(c.in)
	c.fail2(err)
	return v
}

func (c *call) toJSON(style value.JSONStyle) (any, error) {
	v := c.written()
	if c.has(0) {
		if c.args[0] == nil {
			style.Indent = 0
		} else {
			style.Indent = c.int(0, 0)
		}
	}
	style.SortKeys = c.bool(1, style.SortKeys)
	style.ASCII = c.bool(3, style.ASCII)
	if c.given(2) {
		sep, ok := sequence(c.args[2])
		if !ok || len(sep) != 2 {
			return nil, fmt.Errorf("separators is a pair such as (',', ':')")
		}
		switch {
		case sep[0] == "," && sep[1] == ":":
			style.Compact = true
		case (sep[0] == ", " || sep[0] == "," && style.Indent > 0) && sep[1] == ": ":
		default:
			return nil, fmt.Errorf("the separators (',', ':') and (', ', ': ') are supported, not %s", brief(c.args[2]))
		}
	}
	if c.err != nil {
		return nil, nil
	}
	if style.Indent < 0 || style.Indent > 100 {
		return nil, fmt.Errorf("an indent of %d is out of reason", style.Indent)
	}
	return c.str(value.JSON(v, style))
}

func filterFromJSON(c *call) (any, error) {
	s := c.input()
	if c.err != nil {
		return nil, nil
	}
	if err := c.st.charge(4 * len(s)); err != nil {
		return nil, err
	}
	v, err := value.DecodeJSON([]byte(s))
	if err != nil {
		return nil, fmt.Errorf("this is no JSON: %w", err)
	}
	return v, nil
}

// filterHTMLJSON is Jinja2's own tojson, whose result may stand in HTML.
func filterHTMLJSON(c *call) (any, error) {
	style := value.JSONStyle{ASCII: true, SortKeys: true}
	if c.given(0) {
		style.Indent = c.int(0, 0)
	}
	v := c.written()
	if c.err != nil {
		return nil, nil
	}
	r := strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`)
	return c.str(r.Replace(value.JSON(v, style)))
}

func (c *call) fromYAML(all bool) (any, error) {
	s, ok := c.in.(string)
	if !ok {
		return c.in, nil
	}
	if err := c.st.charge(4 * len(s)); err != nil {
		return nil, err
	}
	c.st.built = true
	var out []any
	d := yaml.NewDecoder(bytes.NewReader([]byte(s)))
	for {
		var node yaml.Node
		err := d.Decode(&node)
		if errors.Is(err, io.EOF) {
			break
		}
		var v any
		if err == nil {
			v, err = value.FromYAML(&node, value.YAMLOptions{})
		}
		if err != nil {
			return nil, errors.New("this is no YAML: " + strings.TrimPrefix(err.Error(), "yaml: "))
		}
		out = append(out, v)
	}
	if all {
		return out, nil
	}
	switch len(out) {
	case 0:
		return nil, nil
	case 1:
		return out[0], nil
	}
	return nil, &hinted{"the YAML has several documents", "use from_yaml_all"}
}
