package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds the nesting of JSON and YAML input; Python gives up near
// 1000 too.
const maxDepth = 1000

// A JSONStyle says how JSON is written. The zero style is one line with ", "
// and ": " between things, in the order of the keys, as Python's json.dumps.
type JSONStyle struct {
	Indent   int  // spaces a level, on lines of their own; 0 is one line
	SortKeys bool // by name instead of in order
	ASCII    bool // escape everything beyond ASCII
	Compact  bool // no blank behind "," and ":"
}

// JSON writes a value as Python's json.dumps does: floats keep their point
// (1.0), keys that are no strings become "true", "null", "1".
func JSON(v any, style JSONStyle) string {
	w := jsonWriter{style: style}
	w.value(v, 0)
	return w.b.String()
}

// MarshalJSON writes the entries in order.
func (d *Dict) MarshalJSON() ([]byte, error) {
	w := jsonWriter{style: JSONStyle{Compact: true}, strict: true}
	w.value(d, 0)
	return []byte(w.b.String()), w.err
}

type jsonWriter struct {
	b      strings.Builder
	style  JSONStyle
	strict bool // refuse NaN and infinities, which Python writes and JSON lacks
	err    error
}

func (w *jsonWriter) value(v any, depth int) {
	switch v := v.(type) {
	case nil:
		w.b.WriteString("null")
	case bool:
		w.b.WriteString(strconv.FormatBool(v))
	case int:
		w.b.WriteString(strconv.Itoa(v))
	case float64:
		w.float(v)
	case string:
		w.string(v)
	case []any:
		w.group('[', ']', depth, len(v), func(i int) { w.value(v[i], depth+1) })
	case *Dict:
		keys := v.Keys()
		if w.style.SortKeys {
			slices.SortStableFunc(keys, func(a, b any) int { return strings.Compare(jsonKey(a), jsonKey(b)) })
		}
		w.group('{', '}', depth, len(keys), func(i int) {
			w.string(jsonKey(keys[i]))
			if w.style.Compact {
				w.b.WriteString(":")
			} else {
				w.b.WriteString(": ")
			}
			item, _ := v.Get(keys[i])
			w.value(item, depth+1)
		})
	default:
		w.other(v)
	}
}

// other writes a value from outside the model as encoding/json would.
func (w *jsonWriter) other(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		w.err = errors.Join(w.err, err)
		data, _ = json.Marshal(fmt.Sprint(v))
	}
	w.b.Write(data)
}

func (w *jsonWriter) group(open, end byte, depth, n int, item func(int)) {
	w.b.WriteByte(open)
	for i := range n {
		if i > 0 {
			w.b.WriteByte(',')
			if w.style.Indent == 0 && !w.style.Compact {
				w.b.WriteByte(' ')
			}
		}
		w.newline(depth + 1)
		item(i)
	}
	if n > 0 {
		w.newline(depth)
	}
	w.b.WriteByte(end)
}

func (w *jsonWriter) newline(depth int) {
	if w.style.Indent > 0 {
		w.b.WriteByte('\n')
		w.b.WriteString(strings.Repeat(" ", depth*w.style.Indent))
	}
}

func (w *jsonWriter) float(f float64) {
	switch {
	case math.IsNaN(f):
		w.b.WriteString("NaN")
	case math.IsInf(f, 1):
		w.b.WriteString("Infinity")
	case math.IsInf(f, -1):
		w.b.WriteString("-Infinity")
	default:
		w.b.WriteString(floatRepr(f))
		return
	}
	if w.strict {
		w.err = fmt.Errorf("%v cannot be written as JSON", f)
	}
}

func (w *jsonWriter) string(s string) {
	w.b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.b.WriteByte('\\')
			w.b.WriteRune(r)
		case r == '\n':
			w.b.WriteString(`\n`)
		case r == '\r':
			w.b.WriteString(`\r`)
		case r == '\t':
			w.b.WriteString(`\t`)
		case r == '\b':
			w.b.WriteString(`\b`)
		case r == '\f':
			w.b.WriteString(`\f`)
		case r < 0x20:
			fmt.Fprintf(&w.b, `\u%04x`, r)
		case w.style.ASCII && r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(&w.b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case w.style.ASCII && r >= 0x7f && r != 0x7f:
			fmt.Fprintf(&w.b, `\u%04x`, r)
		default:
			w.b.WriteRune(r)
		}
	}
	w.b.WriteByte('"')
}

func jsonKey(k any) string {
	switch k := k.(type) {
	case nil:
		return "null"
	case string:
		return k
	case bool:
		return strconv.FormatBool(k)
	}
	return Repr(k)
}

// DecodeJSON reads one JSON document. Objects keep their order (of a key given
// twice the last value counts), numbers without point and exponent are ints;
// whole numbers beyond 64 bits stay text, so that no digit is lost. Errors
// begin with the line and column.
func DecodeJSON(data []byte) (any, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, errors.New("JSON must be UTF-8")
	}
	// Reading token by token loses track of where an error is, so look first.
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		at := len(data)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			at = min(int(syntax.Offset), len(data))
		}
		before := data[:at]
		line := 1 + bytes.Count(before, []byte("\n"))
		col := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
		return nil, fmt.Errorf("line %d, column %d: %w", line, max(col, 1), err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return decodeJSON(d, 0)
}

func decodeJSON(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d levels deep", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Number:
		return jsonNumber(t.String())
	case json.Delim:
		if t == '[' {
			list := []any{}
			for d.More() {
				item, err := decodeJSON(d, depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, item)
			}
			_, err := d.Token()
			return list, err
		}
		dict := &Dict{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			item, err := decodeJSON(d, depth+1)
			if err != nil {
				return nil, err
			}
			dict.Set(key, item)
		}
		_, err := d.Token()
		return dict, err
	}
	return token, nil // nil, bool, string
}

func jsonNumber(s string) (any, error) {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.Atoi(s); err == nil {
			return i, nil
		}
		return s, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, err
	}
	return f, nil
}
