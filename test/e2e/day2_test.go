package e2e

import (
	"fmt"
	"testing"
)

// Each operation, on a cluster in use: it does what it is for, and loses
// nothing. make test leaves it at those whose controller it does not kill.
func TestOperations(t *testing.T) {
	sizes := []int{3}
	if thorough() {
		sizes = []int{3, 5}
	}
	for _, n := range sizes {
		t.Run(fmt.Sprintf("%d members", n), func(t *testing.T) {
			c := day2(t, n, nil)
			for _, op := range operations {
				if thorough() || op.quick {
					t.Run(op.name, func(t *testing.T) { op.on(t, c, nil) })
				}
			}
		})
	}
}

// The controller is killed in the course of an operation, and the operation run
// again: once in a sample, and by make chaos at every change of all of them.
func TestKilledOperations(t *testing.T) {
	c := day2(t, 3, nil)
	for _, op := range operations {
		switch {
		case thorough():
			t.Run(op.name, func(t *testing.T) {
				for _, at := range moments(op.on(t, c, nil)) {
					t.Run("at "+at, func(t *testing.T) {
						op.on(t, c, func(s *siege, args []string) { c.killedAt(t, s, at, op.book, args...) })
					})
				}
			})
		case op.killIn > 0:
			t.Run(op.name, func(t *testing.T) {
				op.on(t, c, func(s *siege, args []string) { c.killedIn(t, s, op.killIn, op.book, args...) })
			})
		}
	}
}

// The controller is killed while it makes a cluster of bare hosts, at each of
// its changes; the next run makes it whole.
func TestKilledSite(t *testing.T) {
	if !thorough() {
		t.Skip("only in make chaos; a sample is in TestKilledController")
	}
	c := day2(t, 3, nil)
	c.reset(t)
	r := c.begin(t, nil, "", "site.yml")
	r.end().want(0)
	for _, at := range moments(r.all()) {
		t.Run("at "+at, func(t *testing.T) {
			c.reset(t)
			c.killedAt(t, nil, at, "site.yml")
			c.play(t, "site.yml").want(0)
			c.healthy(t)
		})
	}
}
