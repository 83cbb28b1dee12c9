package script_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks/script"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                 "''",
		"plain":            "plain",
		"/a/b-c_d.e:f,g@h": "/a/b-c_d.e:f,g@h",
		"50%+1":            "50%+1",
		"a b":              "'a b'",
		"it's":             `'it'\''s'`,
		"'":                `''\'''`,
		"''":               `''\'''\'''`,
		"$HOME `id` $(id)": "'$HOME `id` $(id)'",
		"a\nb":             "'a\nb'",
		"~":                "'~'",
		"~root":            "'~root'",
		"A=b":              "'A=b'",
		"#c":               "'#c'",
		"*?[x]":            "'*?[x]'",
		"a\\b":             `'a\b'`,
		"{a,b}":            "'{a,b}'",
		"!x":               "'!x'",
		"ü":                "'ü'",
		"-n":               "-n",
		"a;b|c&d<e>f":      "'a;b|c&d<e>f'",
		"\x01\x7f\xff":     "'\x01\x7f\xff'",
	} {
		if got := script.Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
	if got := script.QuoteAll("echo", "a b", ""); got != "echo 'a b' ''" {
		t.Errorf("QuoteAll = %s", got)
	}
}

// FuzzQuote asks every shell on this machine whether it reads back what was
// quoted: as a word, after eval, and as an assignment.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a b", "it's", "$(touch /tmp/x)", "\n", "\\", "'\\''", "-e", "~", "a=b", "\xff\xfe", "é", "\t \r"} {
		f.Add(s)
	}
	var shells [][]string
	for _, sh := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(sh[0]); err == nil {
			shells = append(shells, sh)
		} else {
			f.Logf("not tested with %s: it is not installed", sh[0])
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			t.Skip("no shell can hold NUL")
		}
		q := script.Quote(s)
		text := "v=" + q + "\nprintf '%s|%s|' " + q + " \"$v\"\neval " + script.Quote("printf '%s' "+q) + "\n"
		for _, sh := range shells {
			cmd := exec.Command(sh[0], sh[1:]...)
			cmd.Stdin, cmd.Env = strings.NewReader(text), []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v", sh, err)
			}
			if want := s + "|" + s + "|" + s; string(out) != want {
				t.Errorf("%s read %q back as %q", sh, want, out)
			}
		}
	})
}
