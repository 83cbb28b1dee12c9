package e2e

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// orders is a JetStream stream with a replica on each host, and what was
// acknowledged of all that was put into it.
type orders struct {
	lab   *hosts.Lab
	acked map[int]string // by sequence number
}

// streamInfo is what matters here of JetStream's answer about a stream.
type streamInfo struct {
	Cluster struct {
		Leader   string
		Replicas []struct {
			Name    string
			Current bool
		}
	}
}

func newOrders(t *testing.T, lab *hosts.Lab) orders {
	t.Helper()
	config := `{"name": "orders", "subjects": ["orders"], "num_replicas": 3}`
	succeeds(t, "the stream is made", func() error {
		return jetStream(t.Context(), lab, "peer1", "$JS.API.STREAM.CREATE.orders", config, &streamInfo{})
	})
	return orders{lab, map[int]string{}}
}

// publish puts messages into the stream, through one host.
func (o orders) publish(t *testing.T, host string, n int) {
	t.Helper()
	for i := range n {
		text := fmt.Sprintf("order %d through %s", i, host)
		succeeds(t, "a message is stored", func() error {
			var ack struct{ Seq int }
			err := jetStream(t.Context(), o.lab, host, "orders", text, &ack)
			if err == nil {
				o.acked[ack.Seq] = text
			}
			return err
		})
	}
}

// wantAll waits until the host has a current replica, as all others, and fails
// the test unless all that was acknowledged is there.
func (o orders) wantAll(t *testing.T, host string) {
	t.Helper()
	succeeds(t, "all replicas are current", func() error {
		var info streamInfo
		if err := jetStream(t.Context(), o.lab, host, "$JS.API.STREAM.INFO.orders", "", &info); err != nil {
			return err
		}
		has := info.Cluster.Leader == host
		for _, r := range info.Cluster.Replicas {
			if !r.Current {
				return fmt.Errorf("the replica on %s is behind", r.Name)
			}
			has = has || r.Name == host
		}
		if !has || len(info.Cluster.Replicas) != 2 {
			return fmt.Errorf("%s is no replica: %+v", host, info)
		}
		return nil
	})
	for seq, want := range o.acked {
		succeeds(t, "a message is read", func() error {
			var got struct{ Message struct{ Data []byte } }
			query, _ := json.Marshal(map[string]int{"seq": seq})
			if err := jetStream(t.Context(), o.lab, host, "$JS.API.STREAM.MSG.GET.orders", string(query), &got); err != nil {
				return err
			}
			if string(got.Message.Data) != want {
				t.Errorf("message %d is %q, not %q", seq, got.Message.Data, want)
			}
			return nil
		})
	}
}
