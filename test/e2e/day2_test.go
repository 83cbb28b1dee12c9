package e2e

import (
	"fmt"
	"testing"
)

// sizes are of the clusters that operations are tried on.
func sizes() []int {
	if thorough() {
		return []int{3, 5}
	}
	return []int{3}
}

// Every operation, on a cluster in use: it does what it is for, and loses
// nothing.
func TestOperations(t *testing.T) {
	for _, n := range sizes() {
		t.Run(fmt.Sprintf("%d members", n), func(t *testing.T) {
			c := day2(t, n, nil)
			for _, op := range operations {
				t.Run(op.name, func(t *testing.T) {
					op.shipped(t)
					op.on(t, c, "")
				})
			}
		})
	}
}

// The controller is killed in the middle of every operation, and the operation
// run again.
func TestKilledOperations(t *testing.T) {
	c := day2(t, 3, nil)
	for _, op := range operations {
		if op.few == 0 && !thorough() {
			continue
		}
		t.Run(op.name, func(t *testing.T) {
			op.shipped(t)
			steps := op.on(t, c, "")
			for _, at := range moments(steps, op.few) {
				t.Run("at "+at, func(t *testing.T) { op.on(t, c, at) })
			}
		})
	}
}

// The controller is killed while it makes a cluster of bare hosts, at each of
// its changes; the next run makes it whole.
func TestKilledSite(t *testing.T) {
	c := day2(t, 3, nil)
	c.reset(t)
	r := c.begin(t, nil, "", "site.yml")
	r.end().want(0)
	for _, at := range moments(r.all(), 2) {
		t.Run("at "+at, func(t *testing.T) {
			c.reset(t)
			c.killedAt(t, nil, at, "site.yml")
			c.play(t, "site.yml").want(0)
			c.healthy(t)
		})
	}
}
