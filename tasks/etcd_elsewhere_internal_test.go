package tasks

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// What fails on one of several hosts is told with its name, and stays what it is.
func TestEverywhereNamesTheHost(t *testing.T) {
	hosts := []Peer{{Name: "peer1"}, {Name: "peer2"}}
	for what, err := range map[string]error{
		"a failure":        Failf("there is no room"),
		"a host that left": &Unreachable{Host: "peer2", Msg: "the connection was lost", Err: errors.New("EOF")},
	} {
		got := (&Target{}).everywhere(t.Context(), hosts, func(_ context.Context, t *Target) error {
			if t.Host.Name == "peer2" {
				return err
			}
			return nil
		})
		if got == nil || got.Error() != "peer2: "+err.Error() {
			t.Errorf("%s is told as %v", what, got)
		}
		if _, gone := errors.AsType[*Unreachable](err); gone {
			u, still := errors.AsType[*Unreachable](got)
			if !still || u.Host != "peer2" || !strings.Contains(u.Hint, "run this again") {
				t.Errorf("%s became %#v", what, got)
			}
		}
	}
}
