package tasks

import (
	"fmt"
	"regexp"
)

// An EnvVar is one entry of a task's `environment:`.
type EnvVar struct{ Name, Value string }

// envName is what POSIX allows as the name of a variable.
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate refuses names that no shell can set.
func (e EnvVar) Validate() error {
	if !envName.MatchString(e.Name) {
		return fmt.Errorf("%q is no name of an environment variable", e.Name)
	}
	return nil
}
