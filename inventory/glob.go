package inventory

import (
	"fmt"
	"regexp"
	"strings"
)

// matcher is the test that a plain name, a glob or a ~regexp stands for. A
// regexp must match from the start of a name, not to its end.
func matcher(pattern string) (func(string) bool, error) {
	if expr, isRegexp := strings.CutPrefix(pattern, "~"); isRegexp {
		re, err := regexp.Compile(`^(?:` + expr + `)`)
		if err != nil {
			return nil, fmt.Errorf("the pattern %s is no regular expression: %w", pattern, err)
		}
		return re.MatchString, nil
	}
	if !strings.ContainsAny(pattern, "*?[") {
		return func(s string) bool { return s == pattern }, nil
	}
	re, err := regexp.Compile(globExpr(pattern))
	if err != nil {
		return nil, fmt.Errorf("the pattern %s is no glob: %w", pattern, err)
	}
	return re.MatchString, nil
}

// globExpr translates a glob (*, ?, [a-z], [!a-z]) into a regexp.
func globExpr(glob string) string {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(`.*`)
		case '?':
			b.WriteString(`.`)
		case '[':
			class, n := globClass(glob[i:])
			b.WriteString(class)
			i += n - 1
		default:
			j := i
			for j < len(glob) && strings.IndexByte("*?[", glob[j]) < 0 {
				j++
			}
			b.WriteString(regexp.QuoteMeta(glob[i:j]))
			i = j - 1
		}
	}
	b.WriteString(`$`)
	return b.String()
}

// globClass translates a [class] at the start of s and tells its length; a [
// without an end is itself.
func globClass(s string) (string, int) {
	from := 1
	if strings.HasPrefix(s[from:], "!") {
		from++
	}
	skip := from
	if strings.HasPrefix(s[skip:], "]") {
		skip++
	}
	end := strings.IndexByte(s[skip:], ']')
	if end < 0 {
		return `\[`, 1
	}
	end += skip
	body := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`, `~`, `\~`).Replace(s[from:end])
	body = dropBackwardRanges(body)
	if body == "" {
		if from == 2 {
			return `.`, end + 1
		}
		return `[^\x{0}-\x{10FFFF}]`, end + 1
	}
	if from == 2 {
		return `[^` + body + `]`, end + 1
	}
	return `[` + body + `]`, end + 1
}

// dropBackwardRanges removes ranges such as z-a, which match nothing.
func dropBackwardRanges(class string) string {
	r := []rune(class)
	var out []rune
	for i := 0; i < len(r); i++ {
		if i+2 < len(r) && r[i+1] == '-' && r[i] != '\\' && r[i+2] != '\\' {
			if r[i] <= r[i+2] {
				out = append(out, r[i:i+3]...)
			}
			i += 2
			continue
		}
		if r[i] == '\\' && i+1 < len(r) {
			out = append(out, r[i], r[i+1])
			i++
			continue
		}
		if r[i] == '-' {
			out = append(out, '\\')
		}
		out = append(out, r[i])
	}
	return string(out)
}
