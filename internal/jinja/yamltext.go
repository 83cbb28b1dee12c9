package jinja

import (
	"fmt"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

func (w *yamlWriter) scalar(v any, ctx yamlContext) {
	defer w.deeper(true, false)()
	s, isText := v.(string)
	if !isText {
		w.plain(yamlScalar(v), false)
		return
	}
	split := ctx != nodeKey
	a := analyzeYAML(s)
	switch {
	case !resolvesToOther(s) && !(ctx == nodeKey && a.multiline) &&
		(w.flowDepth > 0 && a.flowPlain || w.flowDepth == 0 && a.blockPlain):
		w.plain(s, split)
	case a.single && !(ctx == nodeKey && a.multiline):
		w.single(s, split)
	default:
		w.double(s, split)
	}
}

// yamlScalar writes a scalar that is no text.
func yamlScalar(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		if v {
			return "true"
		}
		return "false"
	case float64:
		s := value.Repr(v)
		switch s {
		case "inf", "-inf", "nan":
			return strings.Replace(strings.Replace(s, "inf", ".inf", 1), "nan", ".nan", 1)
		}
		if strings.Contains(s, "e") && !strings.Contains(s, ".") {
			s = strings.Replace(s, "e", ".0e", 1)
		}
		return s
	}
	return value.Str(v)
}

// plain writes text without quotes.
func (w *yamlWriter) plain(s string, split bool) {
	if !w.blank && s != "" {
		w.put(" ")
	}
	w.blank, w.only = false, false
	runes := []rune(s)
	spaces := false
	for i, r := range runes {
		if r != ' ' {
			w.put(string(r))
			spaces = false
			continue
		}
		if split && !spaces && w.column > w.width && i+1 < len(runes) && runes[i+1] != ' ' {
			w.newLine()
			w.blank, w.only = false, false
		} else {
			w.put(" ")
		}
		spaces = true
	}
}

func isYAMLBreak(r rune) bool { return r == '\n' || r == 0x85 || r == 0x2028 || r == 0x2029 }

// single writes text in single quotes.
func (w *yamlWriter) single(s string, split bool) {
	w.indicator("'", true, false, false)
	runes := []rune(s)
	spaces, breaks := false, false
	for i, r := range runes {
		switch {
		case r == ' ':
			if split && !spaces && w.column > w.width && i != 0 && i != len(runes)-1 && runes[i+1] != ' ' {
				w.newLine()
			} else {
				w.put(" ")
			}
			spaces = true
		case isYAMLBreak(r):
			if !breaks && r == '\n' {
				w.lineBreak()
			}
			w.writeBreak(r)
			w.only = true
			breaks = true
		default:
			if breaks {
				w.newLine()
			}
			w.put(string(r))
			if r == '\'' {
				w.put("'")
			}
			w.only = false
			spaces, breaks = false, false
		}
	}
	if breaks {
		w.newLine()
	}
	w.indicator("'", false, false, false)
	w.blank, w.only = false, false
}

func (w *yamlWriter) writeBreak(r rune) {
	if r == '\n' {
		w.lineBreak()
		return
	}
	w.b.WriteRune(r)
	w.column, w.blank, w.only = 0, true, true
}

// double writes text in double quotes, with escapes.
func (w *yamlWriter) double(s string, split bool) {
	w.indicator(`"`, true, false, false)
	runes := []rune(s)
	spaces := false
	for i, r := range runes {
		if e := yamlEscape(r); e != "" {
			w.put(e)
			spaces = false
			continue
		}
		if r == ' ' {
			if split && !spaces && w.column > w.width && i != 0 && i != len(runes)-1 {
				w.newLine()
				if runes[i+1] == ' ' {
					w.put(`\`)
				}
			} else {
				w.put(" ")
			}
			spaces = true
			continue
		}
		w.put(string(r))
		spaces = false
	}
	w.indicator(`"`, false, false, false)
	w.blank, w.only = false, false
}

func printableYAML(r rune) bool {
	return r == '\n' || r >= 0x20 && r <= 0x7e || r == 0x85 || r >= 0xa0 && r <= 0xd7ff ||
		r >= 0xe000 && r <= 0xfffd && r != 0xfeff || r >= 0x10000 && r <= 0x10ffff
}

// yamlEscape is the escape of a character in double quotes, or "".
func yamlEscape(r rune) string {
	if printableYAML(r) && !isYAMLBreak(r) && r != '"' && r != '\\' {
		return ""
	}
	short := map[rune]string{
		0: "0", 7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 0x1b: "e", '"': `"`, '\\': `\`,
		0x85: "N", 0xa0: "_", 0x2028: "L", 0x2029: "P",
	}
	if e, ok := short[r]; ok {
		return `\` + e
	}
	switch {
	case r <= 0xff:
		return fmt.Sprintf(`\x%02X`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04X`, r)
	}
	return fmt.Sprintf(`\U%08X`, r)
}
