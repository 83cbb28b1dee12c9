package e2e

import (
	"testing"
)

// Hosts that go away before, during and between runs.
func TestUnreachable(t *testing.T) {
	lab := three(t)
	inv := inventoryOf(t, lab, peers)
	site := []string{"site.yml", "-i", inv, "--timeout", "3s"}

	t.Run("before anything was done nothing is done", func(t *testing.T) {
		before := look(t, lab)
		do(t, lab.Cut, "peer3")
		r := play(t, lab, site...).want(4).says("peer3")
		if r.recap["peer3"].Unreachable != 1 || r.recap["peer1"].Unreachable != 0 {
			t.Errorf("the recap says %+v", r.recap)
		}
		before.wantUntouched(t, lab)
		do(t, lab.Mend, "peer3")
	})
	t.Run("power fails in the middle", func(t *testing.T) {
		r := begin(t, lab, site...)
		r.await(task("1.5 Download"))
		do(t, lab.Kill, "peer2")
		r.end().want(4).says("peer2")
		do(t, lab.Boot, "peer2")
	})
	t.Run("the network fails in the middle", func(t *testing.T) {
		r := begin(t, lab, site...)
		r.await(resultOf("peer1", "2.1 Start etcd"))
		do(t, lab.Cut, "peer3")
		r.end().want(4).says("peer3")
		do(t, lab.Mend, "peer3")
	})
	t.Run("then the next run converges", func(t *testing.T) {
		play(t, lab, site...).want(0).showsCluster(peers...)
		play(t, lab, site...).want(0).wantUnchanged()
		wantLogins(t, lab, "etcd", peers)
	})
}
