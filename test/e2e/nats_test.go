package e2e

import (
	"slices"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

const natsVersion = "2.15.2"

// Another cluster with the same tasks: three bare hosts to a NATS cluster whose
// JetStream survives what a cluster is there for.
func TestNATS(t *testing.T) {
	lab := bare(t, hosts.Options{
		Name: "nats", NATS: []string{natsVersion},
		Kinds: []hosts.Kind{hosts.Firewalld, hosts.Plain, hosts.Plain},
	})
	inv := groupOf(t, lab, "nats", "nats_version="+natsVersion, "nats_mirrors="+lab.MirrorURL()+"/nats")

	foreseen := play(t, lab, "nats.yml", "-i", inv, "--check").want(0)
	done := play(t, lab, "nats.yml", "-i", inv).want(0).foreseenBy(foreseen)
	if order := done.order("Start the servers"); !slices.Equal(order, peers) {
		t.Errorf("the servers were started in the order %v", order)
	}
	again := func(t *testing.T, args ...string) result {
		t.Helper()
		return play(t, lab, append([]string{"nats.yml", "-i", inv}, args...)...).want(0)
	}
	stream := newOrders(t, lab)
	stream.publish(t, "peer1", 20)

	t.Run("a second run changes nothing", func(t *testing.T) {
		play(t, lab, "nats.yml", "-i", inv, "--check").want(0).wantUnchanged()
		again(t).wantUnchanged()
		again(t, "--limit", "peer3").wantUnchanged()
	})
	t.Run("the ports are open and the users can log in", func(t *testing.T) {
		for _, name := range peers {
			wantOpen(t, lab, name, 4222)
			wantOpen(t, lab, name, 6222)
		}
		wantLogins(t, lab, "nats", peers)
	})
	t.Run("a host loses power", func(t *testing.T) {
		do(t, lab.Kill, "peer1")
		stream.publish(t, "peer2", 20)
		down := play(t, lab, "nats.yml", "-i", inv, "--timeout", "3s").want(4).wantUnchanged()
		if down.recap["peer1"].Unreachable != 1 {
			t.Errorf("peer1 is off and the recap says %+v", down.recap["peer1"])
		}
		do(t, lab.Boot, "peer1")
		again(t).wantUnchanged()
		stream.wantAll(t, "peer1")
	})
	t.Run("another configuration restarts one server after another", func(t *testing.T) {
		config := `{"nats_config": {"max_payload": 2097152}}`
		done := again(t, "-e", config)
		if order := done.order("Start the servers"); !slices.Equal(order, peers) {
			t.Errorf("the order was %v", order)
		}
		want := []string{
			"peer1 Start the servers", "peer1 Write the configuration file",
			"peer2 Start the servers", "peer2 Write the configuration file",
			"peer3 Start the servers", "peer3 Write the configuration file",
		}
		if got := slices.Sorted(slices.Values(done.changed())); !slices.Equal(got, want) {
			t.Errorf("this was changed: %v", got)
		}
		again(t, "-e", config).wantUnchanged()
		stream.publish(t, "peer3", 20)
		stream.wantAll(t, "peer2")
	})
	t.Run("a host gets a new disk", func(t *testing.T) {
		do(t, lab.Reset, "peer3")
		again(t)
		again(t).wantUnchanged()
		stream.wantAll(t, "peer3")
	})
}
