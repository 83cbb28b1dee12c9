package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// etcdVersion is what the lab's mirror serves, as site.yml wants it.
const etcdVersion = "3.6.16"

// inventoryWith writes an inventory: the lab's own and more variables for the
// group etcd.
func inventoryWith(t *testing.T, lab *hosts.Lab, vars ...string) string {
	t.Helper()
	text, err := os.ReadFile(lab.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	more := "\n[etcd:vars]\n" + strings.Join(vars, "\n") + "\n"
	name := filepath.Join(t.TempDir(), "hosts.ini")
	if err := os.WriteFile(name, append(text, more...), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// mirror is the variable that points at the lab's releases.
func mirror(lab *hosts.Lab) string {
	return fmt.Sprintf("etcd_mirrors=['%s']", lab.MirrorURL())
}

// The main job: three bare hosts to a verified cluster, and again without a
// change.
func TestSite(t *testing.T) {
	lab := labFor(t, hosts.Options{Name: "e2e-site", Kinds: []hosts.Kind{hosts.Firewalld, hosts.Firewalld, hosts.Firewalld}, Etcd: []string{etcdVersion}})
	inv := inventoryWith(t, lab, mirror(lab))

	t.Run("check on bare hosts changes nothing and foresees everything", func(t *testing.T) {
		before := fingerprints(t, lab)
		foreseen := play(t, lab, "site.yml", "-i", inv, "--check").want(0)
		for host, was := range before {
			now, err := lab.Fingerprint(host)
			if err != nil {
				t.Fatal(err)
			}
			if diff := was.Diff(now); len(diff) > 0 {
				t.Errorf("check mode changed %s:\n%s", host, strings.Join(diff, "\n"))
			}
		}
		done := play(t, lab, "site.yml", "-i", inv).want(0)
		want, got := foreseen.changes(), done.changes()
		for host := range got {
			if !slices.Equal(want[host], got[host]) {
				t.Errorf("%s: foreseen and done differ\nforeseen:\n  %s\ndone:\n  %s", host, strings.Join(want[host], "\n  "), strings.Join(got[host], "\n  "))
			}
		}
		if n := done.changed(); n == 0 {
			t.Error("the first run changed nothing")
		}
		showsCluster(t, done, "peer1", "peer2", "peer3")
	})

	t.Run("a second run changes nothing", func(t *testing.T) {
		again := play(t, lab, "site.yml", "-i", inv).want(0)
		if n := again.changed(); n != 0 {
			t.Errorf("%d changes\n%s", n, again.dump())
		}
		showsCluster(t, again, "peer1", "peer2", "peer3")
	})

	t.Run("every peer logs in to every other without a question", func(t *testing.T) {
		for _, from := range lab.Hosts {
			for _, to := range lab.Hosts {
				out := on(t, lab, from.Name, "su -s /bin/sh etcd -c 'ssh -o BatchMode=yes -o StrictHostKeyChecking=yes etcd@"+to.Name+" hostname'")
				if strings.TrimSpace(out) != to.Name {
					t.Errorf("%s to %s: %q", from.Name, to.Name, out)
				}
			}
		}
	})

	t.Run("the ports are open now and for good", func(t *testing.T) {
		for _, h := range lab.Hosts {
			for _, how := range []string{"", "--permanent "} {
				out := on(t, lab, h.Name, "firewall-cmd "+how+"--zone=public --list-ports")
				for _, port := range []string{"2379/tcp", "2380/tcp"} {
					if !strings.Contains(out, port) {
						t.Errorf("%s: %s is not open (%s): %s", h.Name, port, how, out)
					}
				}
			}
		}
	})

	t.Run("a host that was off converges with the next run", func(t *testing.T) {
		if err := lab.Kill(t.Context(), "peer3"); err != nil {
			t.Fatal(err)
		}
		down := play(t, lab, "site.yml", "-i", inv, "--timeout", "3s").want(4)
		if down.recap["peer3"].Unreachable != 1 {
			t.Errorf("peer3 is off and the recap says %+v", down.recap["peer3"])
		}
		if err := lab.Boot(t.Context(), "peer3"); err != nil {
			t.Fatal(err)
		}
		showsCluster(t, play(t, lab, "site.yml", "-i", inv).want(0), "peer1", "peer2", "peer3")
	})
}

func fingerprints(t *testing.T, lab *hosts.Lab) map[string]hosts.Fingerprint {
	t.Helper()
	all := map[string]hosts.Fingerprint{}
	for _, h := range lab.Hosts {
		f, err := lab.Fingerprint(h.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = f
	}
	return all
}

// showsCluster wants both tables: each member started, and one leader.
func showsCluster(t *testing.T, r result, members ...string) {
	t.Helper()
	text := r.text()
	for _, m := range members {
		if !strings.Contains(text, m) {
			t.Errorf("the tables do not name %s:\n%s", m, text)
		}
	}
	if n := strings.Count(text, "started"); n != len(members) {
		t.Errorf("%d members are started, want %d:\n%s", n, len(members), text)
	}
	if n := strings.Count(text, "|      true |"); n != 1 {
		t.Errorf("%d leaders in the tables:\n%s", n, text)
	}
}
