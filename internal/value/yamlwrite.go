package value

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// YAML writes a value as a block of YAML that YAML 1.1 and FromYAML read back
// as the same value.
func YAML(v any) string {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(ToYAML(v)); err != nil {
		return "" // cannot be: ToYAML makes only nodes that can be written
	}
	return b.String()
}

// ToYAML turns a value into a node.
func ToYAML(v any) *yaml.Node {
	scalar := func(tag, text string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
	}
	switch v := v.(type) {
	case nil:
		return scalar("!!null", "null")
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	case int:
		return scalar("!!int", strconv.Itoa(v))
	case float64:
		return scalar("!!float", yamlFloatText(v))
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if len(v) == 0 {
			n.Style = yaml.FlowStyle
		}
		for _, e := range v {
			n.Content = append(n.Content, ToYAML(e))
		}
		return n
	case *Dict:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if v.Len() == 0 {
			n.Style = yaml.FlowStyle
		}
		for k, e := range v.All() {
			n.Content = append(n.Content, ToYAML(k), ToYAML(e))
		}
		return n
	}
	s := Str(v)
	n := scalar("!!str", s)
	_, plain := yaml11(s).(string)
	switch {
	case !plain || s == "<<" || s == "=":
		n.Style = yaml.SingleQuotedStyle
	case strings.ContainsAny(s, "\r\u0085\u2028\u2029\ufeff\x00\x1b\x7f"),
		strings.Contains(s, "\n") && (strings.TrimSpace(s) == "" || s[0] == ' ' || s[0] == '\n' || s[0] == '\t'):
		n.Style = yaml.DoubleQuotedStyle // a block would lose or change it
	}
	return n
}

// yamlFloatText writes a float so that YAML 1.1 reads a float: with a point.
func yamlFloatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return ".nan"
	case math.IsInf(f, 1):
		return ".inf"
	case math.IsInf(f, -1):
		return "-.inf"
	}
	s := floatRepr(f)
	if mantissa, exp, found := strings.Cut(s, "e"); found && !strings.Contains(mantissa, ".") {
		return mantissa + ".0e" + exp
	}
	return s
}
