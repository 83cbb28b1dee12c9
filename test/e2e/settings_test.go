package e2e

import (
	"slices"
	"strings"
	"testing"
)

// Settings that etcd does not take are refused before a member is touched, and ports
// are changed while the cluster serves.
func TestSettings(t *testing.T) {
	lab := three(t)
	inv := inventoryOf(t, lab, peers)

	t.Run("nonsense on bare hosts", func(t *testing.T) {
		before := look(t, lab)
		play(t, lab, "site.yml", "-i", inv, "-e", "etcd_election_timeout=abc").want(2).wantUnchanged().
			says(`--election-timeout must be a whole number, and is "abc"`)
		before.wantUntouched(t, lab)
	})
	play(t, lab, "site.yml", "-i", inv).want(0)

	processes := func() (pids []string) {
		for _, name := range peers {
			pids = append(pids, strings.TrimSpace(on(t, lab, name, "systemctl show etcd -p MainPID -p ExecMainStartTimestampMonotonic")))
		}
		return pids
	}
	running := processes()
	for _, c := range []struct {
		name, playbook string
		vars           map[string]any
		says           string
	}{
		{"a number that is none", "reconfigure.yml", map[string]any{"etcd_heartbeat_interval": "100ms"}, "must be a whole number"},
		{"an election timeout below the heartbeat's", "reconfigure.yml", map[string]any{"etcd_election_timeout": 400}, "400 is less than 5 * 100"},
		{"a quota of nothing", "site.yml", map[string]any{"etcd_quota_backend_bytes": 8}, "the quota is 8 bytes"},
		{"a flag that etcd does not know", "site.yml", map[string]any{"etcd_extra_args": map[string]any{"nosuch": 1}}, "flag provided but not defined: -nosuch"},
		{"a mode that it does not know", "reconfigure.yml", map[string]any{"etcd_auto_compaction_mode": "bogus"}, `unknown auto-compaction-mode "bogus"`},
		{"a level that it does not know", "reconfigure.yml", map[string]any{"etcd_log_level": "loud"}, `unrecognized level: "loud"`},
		{"another data directory", "site.yml", map[string]any{"etcd_data_dir": "/home/etcd/other"}, "the member keeps its data in /home/etcd/data"},
		{"another directory for the log", "reconfigure.yml", map[string]any{"etcd_extra_args": map[string]any{"wal-dir": "/home/etcd/wal"}}, "the member keeps its log in its data directory"},
		{"both ports at once", "reconfigure.yml", map[string]any{"etcd_client_port": 2479, "etcd_peer_port": 2480}, "can't get others for both at once"},
	} {
		t.Run(c.name, func(t *testing.T) {
			play(t, lab, c.playbook, "-i", inv, "-e", extra(t, c.vars)).want(2).wantUnchanged().says(c.says)
			if now := processes(); !slices.Equal(now, running) {
				t.Errorf("a member was touched: %q, before %q", now, running)
			}
		})
	}

	t.Run("other ports", func(t *testing.T) {
		shows := func(r result, text string) {
			if !strings.Contains(r.want(0).text(), text) {
				t.Errorf("it does not show %q:\n%s", text, r.text())
			}
		}
		client := []string{"-i", inv, "-e", "etcd_client_port=2479"}
		shows(play(t, lab, append([]string{"status.yml"}, client...)...), "all is well") // it still has the old one
		shows(play(t, lab, append([]string{"reconfigure.yml", "--prove"}, client...)...), "none lost")
		both := append(client, "-e", "etcd_peer_port=2480")
		shows(play(t, lab, append([]string{"reconfigure.yml", "--prove"}, both...)...), "none lost")
		for _, name := range peers {
			wantOpen(t, lab, name, 2479)
			wantOpen(t, lab, name, 2480)
		}
		play(t, lab, append([]string{"site.yml"}, both...)...).want(0).wantUnchanged().showsCluster(peers...)
	})

	t.Run("the kernel's", func(t *testing.T) {
		vars := extra(t, map[string]any{"etcd_client_port": 2479, "etcd_peer_port": 2480, "etcd_sysctl": map[string]any{"net.ipv4.tcp_fin_timeout": 41}})
		play(t, lab, "site.yml", "-i", inv, "-e", vars).want(0)
		if is := on(t, lab, "peer2", "cat /proc/sys/net/ipv4/tcp_fin_timeout /etc/sysctl.d/90-etcd.conf"); strings.TrimSpace(is) != "41\nnet.ipv4.tcp_fin_timeout=41" {
			t.Errorf("the kernel has %q", is)
		}
		play(t, lab, "site.yml", "-i", inv, "-e", vars).want(0).wantUnchanged()
	})
}
