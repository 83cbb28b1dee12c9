package report

import (
	"bytes"
	"encoding/json"
	"sort"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// compactJSON is a result on one line, its keys sorted, as Ansible prints it.
func compactJSON(v any) string {
	var b strings.Builder
	writeJSON(&b, v, "", "")
	return b.String()
}

// prettyJSON is a result over several lines, indented by four.
func prettyJSON(v any) string {
	var b strings.Builder
	writeJSON(&b, v, "\n", "    ")
	return b.String()
}

// writeJSON writes with Python's separators; nl is "" or a newline with the
// indentation so far.
func writeJSON(b *strings.Builder, v any, nl, indent string) {
	inner, sep := nl+indent, ", "
	if nl != "" {
		sep = ","
	}
	switch x := v.(type) {
	case *value.Dict:
		if x.Len() == 0 {
			b.WriteString("{}")
			return
		}
		keys := x.Keys()
		sort.SliceStable(keys, func(i, j int) bool { return value.Str(keys[i]) < value.Str(keys[j]) })
		b.WriteString("{")
		for i, k := range keys {
			if i > 0 {
				b.WriteString(sep)
			}
			b.WriteString(inner + scalarJSON(value.Str(k)) + ": ")
			e, _ := x.Get(k)
			writeJSON(b, e, inner, indent)
		}
		b.WriteString(nl + "}")
	case []any:
		if len(x) == 0 {
			b.WriteString("[]")
			return
		}
		b.WriteString("[")
		for i, e := range x {
			if i > 0 {
				b.WriteString(sep)
			}
			b.WriteString(inner)
			writeJSON(b, e, inner, indent)
		}
		b.WriteString(nl + "]")
	default:
		b.WriteString(scalarJSON(v))
	}
}

func scalarJSON(v any) string {
	switch v.(type) {
	case nil, bool, int, float64, string:
	default:
		v = value.Str(v)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if f, ok := v.(float64); ok {
		return value.Repr(f)
	}
	if err := enc.Encode(v); err != nil {
		return `"` + err.Error() + `"`
	}
	return strings.TrimSuffix(out.String(), "\n")
}
