package jinja

import (
	"fmt"
	"sort"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
)

// An UndefinedError is the use of something that is not defined. It stands
// below a *source.Error that has the place and the nearest known names.
type UndefinedError struct {
	Name string // of the variable or key
	Msg  string
}

func (e *UndefinedError) Error() string { return e.Msg }

// undefined is the value of what is not there. It can be tested and given a
// default; any other use of it is an error.
type undefined struct {
	name  string
	msg   string // "" is "'name' is undefined"
	at    place
	known func() []string // what the name could have been
	hint  string          // or else what to do
	cause error           // why a variable has no value
	// lenient: an `if` without `else` that gave nothing; it prints as "".
	lenient bool
}

// err is the error of using u.
func (u *undefined) err() error {
	if u.cause != nil {
		return u.cause
	}
	msg := u.msg
	if msg == "" {
		msg = "'" + u.name + "' is undefined"
	}
	inner := &UndefinedError{Name: u.name, Msg: msg}
	if u.at.text == nil {
		return inner
	}
	e := u.at.errorf("%s", msg)
	e.Err = inner
	e.Hint = u.hint
	if u.known != nil {
		known := u.known()
		if e.Hint = source.DidYouMean(u.name, known); e.Hint == "" {
			e.Hint = list(known)
		}
	}
	return e
}

// list names what is known if that is short enough to help.
func list(known []string) string {
	if len(known) == 0 || len(known) > 8 {
		return ""
	}
	known = append([]string(nil), known...)
	sort.Strings(known)
	return "known here: " + strings.Join(known, ", ")
}

// String is for messages; no template gets to see it.
func (u *undefined) String() string {
	if u.lenient {
		return ""
	}
	return fmt.Sprintf("undefined %s", u.name)
}

// Repr is String: an undefined value is refused before it is printed.
func (u *undefined) Repr() string { return u.String() }

// use gives the value that an operation works on: an error for what is
// undefined, "" for an `if` without `else`.
func use(v any) (any, error) {
	if u, ok := v.(*undefined); ok {
		if u.lenient {
			return "", nil
		}
		return nil, u.err()
	}
	return v, nil
}
