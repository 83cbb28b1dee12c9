package script_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// Every shell must be able to read the prelude, without a word.
func TestPreludeReads(t *testing.T) {
	for _, sh := range [][]string{{"dash"}, {"bash"}, {"bash", "--posix"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(sh[0]); err != nil {
			t.Logf("not tested with %s: it is not installed", sh[0])
			continue
		}
		cmd := exec.Command(sh[0], append(sh[1:], "-eu")...)
		cmd.Stdin = strings.NewReader(script.Prelude() + "echo end\n")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "end\n" {
			t.Errorf("%s: %v\n%s", sh, err, out)
		}
	}
}

// A verb that is defined twice would silently replace the first.
func TestPreludeNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-zA-Z_][a-zA-Z0-9_]*)\(\) \{`).FindAllStringSubmatch(script.Prelude(), -1) {
		if seen[m[1]] {
			t.Errorf("the verb %s is defined twice", m[1])
		}
		seen[m[1]] = true
	}
	if !seen["would"] || !seen["ensure_dir"] {
		t.Errorf("verbs are missing from %v", seen)
	}
}
