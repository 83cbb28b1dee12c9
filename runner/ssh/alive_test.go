package ssh

import (
	"testing"
	"time"
)

// How silence is noticed: as ssh_config says it, and by default.
func TestAliveness(t *testing.T) {
	for config, want := range map[string]aliveness{
		"":                         {15 * time.Second, 3},
		"ServerAliveInterval 5\n":  {5 * time.Second, 3},
		"ServerAliveInterval 0\n":  {0, 3},
		"ServerAliveCountMax 7\n":  {15 * time.Second, 7},
		"ServerAliveInterval 1m30": {90 * time.Second, 3},
		"Host other\n  ServerAliveInterval 5\nHost *\n  ServerAliveInterval 2H\n": {2 * time.Hour, 3},
	} {
		if r := routeOf(t, config, Host{Name: "x", Address: "web"}, Options{}); r.alive != want {
			t.Errorf("%q: %v, want %v", config, r.alive, want)
		}
	}
	r := routeOf(t, "ServerAliveInterval 5\n", Host{Name: "x", Address: "web", Args: "-o ServerAliveInterval=6 -o ServerAliveCountMax=1"}, Options{})
	if want := (aliveness{6 * time.Second, 1}); r.alive != want {
		t.Errorf("the host's own arguments: %v, want %v", r.alive, want)
	}
	for _, bad := range []string{"ServerAliveInterval soon", "ServerAliveInterval -1", "ServerAliveInterval 5y", "ServerAliveInterval m", "ServerAliveCountMax many"} {
		p := newPool(t, Options{Config: "none"})
		if _, err := p.route(Host{Name: "x", Address: "web", Args: "-o '" + bad + "'"}); err == nil {
			t.Errorf("%s was not refused", bad)
		}
	}
}
