package script_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks/script"
)

func TestExpand(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"~":                     "/home/me",
		"~/x y":                 "/home/me/x y",
		"a~":                    "a~",
		"~root/x":               "~root/x",
		"$A ${A}x $NOSUCH $":    "it's <a> it's <a>x $NOSUCH $",
		"${NOSUCH} ${A:-x} $1":  "${NOSUCH} ${A:-x} $1",
		"$EP_MARK ${ep_secret}": "$EP_MARK ${ep_secret}",
		"$(id) `id` \\ ' \" *":  "$(id) `id` \\ ' \" *",
		"\n$A\n":                "\nit's <a>\n",
	} {
		cmd := exec.Command("sh", "-c", "set -eu; EP_MARK=m ep_secret=s ep_brace='}'; printf '%s.' "+script.Expand(in))
		cmd.Env = []string{"HOME=/home/me", "A=it's <a>", "PATH=/usr/bin:/bin"}
		out, err := cmd.Output()
		if got := strings.TrimSuffix(string(out), "."); err != nil || got != want {
			t.Errorf("Expand(%q) gives %q, %v; want %q", in, got, err, want)
		}
	}
}

// FuzzExpand: with no variable set and no home, every text is itself.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"~/a", "$A", "${B}'$(id)", "$A-$B", "\\$A", "`$A`", "${A}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			t.Skip("no shell can hold NUL")
		}
		for _, known := range []string{"PWD", "OLDPWD", "IFS", "PS", "OPTIND", "PPID", "PATH", "_", "LINENO"} {
			if strings.Contains(s, known) {
				t.Skip("a variable of the shell's own")
			}
		}
		cmd := exec.Command("dash", "-c", "set -eu; ep_brace='}'; printf '%s' "+script.Expand(s))
		cmd.Env = []string{"LC_ALL=C"}
		out, err := cmd.Output()
		if err != nil || string(out) != s {
			t.Errorf("%q became %q, %v (%s)", s, out, err, script.Expand(s))
		}
	})
}
