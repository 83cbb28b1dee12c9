package ssh

import (
	_ "embed"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// stage runs a line that it reads from standard input. Everything else goes over
// that input, so that nothing secret stands in an argument list, and so that the
// login shell, which may be fish, csh or a restricted shell, sees only this text,
// without what those read otherwise than sh: backslashes, `!`, newlines, paths.
// `read` takes byte by byte: what follows the line stays for what the line runs.
const stage = `IFS= read -r l && eval "$l"`

// The only two commands that are ever executed on a host, as any login shell
// reads them.
const (
	staged = `sh -c '` + stage + `'`
	plain  = "sh" // what the login user needs to run scripts
)

// gather is a line that reads a script of several lines, up to a single dot,
// and runs it.
const gather = `n=$(printf '\nx'); n=${n%x}; p=; while IFS= read -r l && [ "$l" != . ]; do p=$p$n$l; done; eval "$p"` + "\n"

//go:embed become.sh
var becomeText string

// opening is what goes to a fresh stage so that it runs a line as the user
// that b names: the way to become that user, if any, and then the line.
func opening(b Become, line string) (string, error) {
	if b.User == "" {
		return line + "\n", nil
	}
	if err := b.check(); err != nil {
		return "", err
	}
	flags, err := b.quotedFlags()
	if err != nil {
		return "", err
	}
	var t strings.Builder
	t.WriteString(gather)
	t.WriteString("ep_method=" + script.Quote(b.Method) + "\nep_user=" + script.Quote(b.User) + "\n")
	t.WriteString("ep_stage=" + script.Quote(stage) + "\nset -- " + flags + "\n")
	t.WriteString(becomeText)
	t.WriteString(".\n" + b.Password + "\n")
	t.WriteString(line + "\n")
	return t.String(), nil
}
