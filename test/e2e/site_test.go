package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// The main job: three bare hosts to a verified cluster, and again without a
// change.
func TestSite(t *testing.T) {
	lab := three(t)
	inv := inventoryOf(t, lab, peers)

	before := look(t, lab)
	foreseen := play(t, lab, "site.yml", "-i", inv, "--check").want(0)
	before.wantUntouched(t, lab)
	done := play(t, lab, "site.yml", "-i", inv).want(0).showsCluster(peers...)

	want, got := foreseen.changes(), done.changes()
	for _, host := range peers {
		if !slices.Equal(want[host], got[host]) {
			t.Errorf("%s: foreseen and done differ\nforeseen:\n  %s\ndone:\n  %s", host, strings.Join(want[host], "\n  "), strings.Join(got[host], "\n  "))
		}
		if len(got[host]) == 0 {
			t.Errorf("nothing was changed on %s", host)
		}
	}

	t.Run("a second run changes nothing", func(t *testing.T) {
		play(t, lab, "site.yml", "-i", inv, "--check").want(0).wantUnchanged()
		play(t, lab, "site.yml", "-i", inv).want(0).wantUnchanged().showsCluster(peers...)
	})
	t.Run("every peer logs in to every other", func(t *testing.T) {
		wantLogins(t, lab, "etcd", peers)
	})
	t.Run("the ports are open now and for good", func(t *testing.T) {
		for _, name := range peers {
			wantOpen(t, lab, name, 2379)
			wantOpen(t, lab, name, 2380)
			for _, how := range []string{"", "--permanent "} {
				out := on(t, lab, name, "firewall-cmd "+how+"--zone=public --list-ports")
				for _, port := range []string{"2379/tcp", "2380/tcp"} {
					if !slices.Contains(strings.Fields(out), port) {
						t.Errorf("%s: %s is not open (%q): %s", name, port, how, out)
					}
				}
			}
		}
	})
	t.Run("etcdctl lies where an administrator looks for it", func(t *testing.T) {
		const etcdctl = "/opt/etcd/current/etcdctl --endpoints=https://192.168.161.3:2379,https://192.168.161.4:2379,https://192.168.161.5:2379" +
			" --cacert=/etc/etcd/pki/current/ca.crt"
		out := on(t, lab, "peer1", etcdctl+" --cert=/etc/etcd/pki/current/member.crt --key=/etc/etcd/pki/current/member.key member list")
		if n := strings.Count(out, "started"); n != 3 {
			t.Errorf("%d members are started:\n%s", n, out)
		}
		if out := on(t, lab, "peer1", etcdctl+" --command-timeout=3s member list 2>&1 || true"); strings.Contains(out, "started") {
			t.Errorf("who has no certificate is let in:\n%s", out)
		}
	})
	t.Run("all hosts reboot at once", func(t *testing.T) {
		do(t, lab.Stop)
		do(t, lab.Boot)
		play(t, lab, "site.yml", "-i", inv).want(0).wantUnchanged().showsCluster(peers...)
	})
	t.Run("a host loses power", func(t *testing.T) {
		do(t, lab.Kill, "peer3")
		down := play(t, lab, "site.yml", "-i", inv, "--timeout", "3s").want(4)
		if down.recap["peer3"].Unreachable != 1 {
			t.Errorf("peer3 is off and the recap says %+v", down.recap["peer3"])
		}
		down.wantUnchanged()
		do(t, lab.Boot, "peer3")
		play(t, lab, "site.yml", "-i", inv).want(0).wantUnchanged().showsCluster(peers...)
	})
}

// Five members, of five kinds, on other ports.
func TestFiveOfEveryKind(t *testing.T) {
	lab := mixed(t)
	names := []string{"peer1", "peer2", "peer3", "peer4", "peer5"}
	inv := inventoryOf(t, lab, names, "etcd_client_port=12379", "etcd_peer_port=12380", "etcd_cluster_token=five")

	foreseen := play(t, lab, "site.yml", "-i", inv, "--check").want(0)
	done := play(t, lab, "site.yml", "-i", inv).want(0).showsCluster(names...)
	want, got := foreseen.changes(), done.changes()
	for _, host := range names {
		if !slices.Equal(want[host], got[host]) {
			t.Errorf("%s: foreseen and done differ\nforeseen:\n  %s\ndone:\n  %s", host, strings.Join(want[host], "\n  "), strings.Join(got[host], "\n  "))
		}
	}
	play(t, lab, "site.yml", "-i", inv).want(0).wantUnchanged().showsCluster(names...)
	ports := func(t *testing.T) {
		for _, name := range names {
			wantOpen(t, lab, name, 12379)
			wantOpen(t, lab, name, 12380)
		}
	}
	t.Run("the ports are open", ports)
	t.Run("every peer logs in to every other", func(t *testing.T) {
		wantLogins(t, lab, "etcd", names)
	})
	t.Run("all hosts lose power", func(t *testing.T) {
		do(t, lab.Kill, names...)
		do(t, lab.Boot, names...)
		again := play(t, lab, "site.yml", "-i", inv).want(0).showsCluster(names...)
		// Nothing but systemd starts a daemon at boot.
		for _, c := range again.changed() {
			if !strings.HasPrefix(c, "peer3 ") {
				t.Errorf("after a reboot this had to be changed: %s", c)
			}
		}
		ports(t)
	})
}

// Hosts that the controller reaches only through another, and that reach
// nothing themselves: not even the releases.
func TestBehindAJumpHost(t *testing.T) {
	lab := mixed(t)
	names := []string{"inner1", "inner2", "inner3"}
	inv := inventoryOf(t, lab, names)
	play(t, lab, "site.yml", "-i", inv).want(0).showsCluster(names...)
	play(t, lab, "site.yml", "-i", inv).want(0).wantUnchanged().showsCluster(names...)
	wantLogins(t, lab, "etcd", names)
}

// The article to the letter: its hosts, its folders, nohup.
func TestArticle(t *testing.T) {
	lab := three(t)
	args := []string{"site.yml", "-i", "../../playbooks/examples/article.ini", "-e", extra(t, map[string]any{"etcd_mirrors": lab.MirrorURL()})}
	play(t, lab, args...).want(0).showsCluster(peers...)
	play(t, lab, args...).want(0).wantUnchanged().showsCluster(peers...)

	t.Run("etcd runs as the article has it", func(t *testing.T) {
		for _, h := range lab.Hosts {
			ps := on(t, lab, h.Name, "ps -o user:16=,ppid=,args= -C etcd")
			for _, part := range []string{
				"etcd ", "/home/etcd/etcd-v" + etcdVersion + "-linux-", "--name=" + h.Name, "--data-dir=/home/etcd/data",
				"--listen-peer-urls=http://" + h.Address + ":2380", "--advertise-client-urls=http://" + h.Address + ":2379",
				"--initial-cluster-token=etcdcluster01",
				"--initial-cluster=peer1=http://192.168.161.3:2380,peer2=http://192.168.161.4:2380,peer3=http://192.168.161.5:2380",
			} {
				if !strings.Contains(ps, part) {
					t.Errorf("%s: no %s in %s", h.Name, part, ps)
				}
			}
			if log := on(t, lab, h.Name, "wc -c </home/etcd/data/etcd.log"); log == "0" {
				t.Errorf("%s: the log is empty", h.Name)
			}
			if units := on(t, lab, h.Name, "ls /etc/systemd/system | grep etcd; true"); units != "" {
				t.Errorf("%s: there is a unit: %s", h.Name, units)
			}
		}
		for _, name := range peers {
			if got := on(t, lab, name, "getent ahostsv4 peer3 | sed -n '1s/ .*//p'"); got != "192.168.161.5" {
				t.Errorf("%s: peer3 is %s", name, got)
			}
		}
	})
	t.Run("its member list", func(t *testing.T) {
		out := on(t, lab, "peer2", "/home/etcd/etcd-v*/etcdctl --endpoints=192.168.161.3:2379,192.168.161.4:2379,192.168.161.5:2379 member list")
		if n := strings.Count(out, "started"); n != 3 {
			t.Errorf("%d members are started:\n%s", n, out)
		}
	})
	t.Run("its logins", func(t *testing.T) {
		wantLogins(t, lab, "etcd", peers)
	})
	t.Run("after a reboot the next run starts it again", func(t *testing.T) {
		do(t, lab.Stop)
		do(t, lab.Boot)
		again := play(t, lab, args...).want(0).showsCluster(peers...)
		for _, c := range again.changed() {
			if !strings.Contains(c, "Start etcd") {
				t.Errorf("this was changed too: %s", c)
			}
		}
		play(t, lab, args...).want(0).wantUnchanged()
	})
}

// Peers that reach each other on another port of SSH.
func TestOtherSSHPort(t *testing.T) {
	lab := three(t)
	for _, name := range peers {
		on(t, lab, name, `firewall-cmd -q --permanent --add-port=2222/tcp && firewall-cmd -q --add-port=2222/tcp &&
			echo Port 2222 >/etc/ssh/sshd_config.d/port.conf && systemctl restart ssh`)
	}
	known := on22(t, lab)
	inv := inventoryOf(t, lab, peers, "ansible_port=2222", "ansible_ssh_common_args='-o UserKnownHostsFile="+known+"'")
	play(t, lab, "site.yml", "-i", inv).want(0).showsCluster(peers...)
	play(t, lab, "site.yml", "-i", inv).want(0).wantUnchanged()
	wantLogins(t, lab, "etcd", peers, "-p 2222")
}

// on22 is the lab's known_hosts with its hosts at port 2222.
func on22(t *testing.T, lab *hosts.Lab) string {
	t.Helper()
	var b strings.Builder
	for _, h := range lab.Hosts {
		key := strings.Fields(on(t, lab, h.Name, "cat /etc/ssh/ssh_host_ed25519_key.pub"))
		b.WriteString("[" + h.Address + "]:2222 " + key[0] + " " + key[1] + "\n")
	}
	return write(t, "known_hosts", b.String())
}
