package tasks

import (
	"fmt"
	"regexp"
	"strings"
)

// Mode is a file mode as chmod takes it: octal ("0644") or symbolic
// ("u=rwX,go=rX"); "" leaves the mode alone. Where an argument allows it, the
// word preserve keeps the mode of the source file.
type Mode string

// Preserve is the Mode that keeps what the source file has.
const Preserve Mode = "preserve"

var (
	octalMode    = regexp.MustCompile(`^[0-7]{1,5}$`)
	symbolicMode = regexp.MustCompile(`^[ugoa]*([-+=]([rwxXst]*|[ugo]))+(,[ugoa]*([-+=]([rwxXst]*|[ugo]))+)*$`)
)

// decodeMode takes a mode as it comes from YAML, where an unquoted 0644 is the
// number 420.
func decodeMode(v any, preserve bool) (Mode, error) {
	switch v := v.(type) {
	case int:
		return modeOfInt(v)
	case string:
		s := strings.TrimPrefix(strings.TrimSpace(v), "0o")
		switch {
		case octalMode.MatchString(s) || symbolicMode.MatchString(s) || s == "":
			return Mode(s), nil
		case s == string(Preserve) && preserve:
			return Preserve, nil
		case s == string(Preserve):
			return "", fmt.Errorf("preserve has no meaning here: there is no source file")
		}
		return "", fmt.Errorf(`%q is no file mode: write octal digits in quotes ("0644") or symbols (u=rwX,go=rX)`, v)
	}
	return "", fmt.Errorf(`a file mode is a string like "0644", not %s`, describe(v))
}

// modeOfInt reads a number as the mode whose value it is, as Ansible does, but
// refuses what can only be octal digits read as decimal: 644 would silently
// become 01204.
func modeOfInt(n int) (Mode, error) {
	if n < 0 || n > 0o7777 {
		return "", fmt.Errorf(`%d is no file mode: write it in quotes, like "0644"`, n)
	}
	if digits := fmt.Sprint(n); n > 0o777 && octalMode.MatchString(digits) && n < 0o1777 {
		return "", fmt.Errorf(`the number %d means the mode %#o: write "0%d" in quotes`, n, n, n)
	}
	return Mode(fmt.Sprintf("%04o", n)), nil
}
