package tasks

import (
	"fmt"
	"strings"
)

// absolute checks that paths on the host don't depend on the folder in which
// the host's shell happens to stand. The prelude's verbs expand "~" and "~user".
func absolute(arg string, paths ...string) error {
	for _, p := range paths {
		if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "~") {
			return &ArgError{Arg: arg, Msg: fmt.Sprintf("%s: %q is no absolute path", arg, p)}
		}
	}
	return nil
}
