package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// What operations start from, and what must hold after them.

// otherArgs wants arguments that no member has yet.
func otherArgs(_ *testing.T, c *cluster) []string {
	c.generation++
	c.vars["etcd_extra_args"] = fmt.Sprintf("{'snapshot-count': %d}", 10000+c.generation)
	return nil
}

func hasArgs(t *testing.T, c *cluster) {
	t.Helper()
	want := fmt.Sprintf("--snapshot-count=%d", 10000+c.generation)
	for _, name := range c.names {
		if args := on(t, c.lab, name, "ps -o args= -C etcd"); !strings.Contains(args, want) {
			t.Errorf("%s has no %s: %s", name, want, args)
		}
	}
}

func rememberProcesses(t *testing.T, c *cluster) []string {
	t.Helper()
	c.before = c.eachHost(t, "ps -o pid=,lstart= -C etcd")
	return nil
}

func wereRestarted(t *testing.T, c *cluster) {
	t.Helper()
	for name, now := range c.eachHost(t, "ps -o pid=,lstart= -C etcd") {
		if now == c.before[name] {
			t.Errorf("%s was not restarted: %s", name, now)
		}
	}
}

// eachHost runs a command on all hosts of the group.
func (c *cluster) eachHost(t *testing.T, cmd string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range c.names {
		out[name] = on(t, c.lab, name, cmd)
	}
	return out
}

func stop(t *testing.T, c *cluster) {
	t.Helper()
	c.play(t, "stop.yml").want(0)
}

func stopped(t *testing.T, c *cluster) {
	t.Helper()
	for name, pids := range c.eachHost(t, "pidof etcd || true") {
		if pids != "" {
			t.Errorf("on %s etcd still runs: %s", name, pids)
		}
	}
}

// oneHostMore puts a bare host into the group.
func oneHostMore(t *testing.T, c *cluster) []string {
	t.Helper()
	if len(c.names) > c.size {
		c.play(t, "scale-in.yml", "-e", "etcd_remove="+c.names[c.size]).want(0)
		c.names = c.names[:c.size]
	}
	all := c.hosts(c.size + 1)
	for _, name := range all {
		if !slices.Contains(c.names, name) {
			do(t, c.lab.Reset, name)
		}
	}
	c.names = all
	return nil
}

// theLeaderLeaves has a member to spare, and says which one is to go.
func theLeaderLeaves(t *testing.T, c *cluster) []string {
	t.Helper()
	if len(c.names) == c.size {
		c.names = c.hosts(c.size + 1)
		c.play(t, "scale-out.yml").want(0)
	}
	c.leaving = c.healthy(t).Leader().Name
	return []string{"-e", "etcd_remove=" + c.leaving}
}

func wasRemoved(t *testing.T, c *cluster) {
	t.Helper()
	if pids := on(t, c.lab, c.leaving, "pidof etcd || true"); pids != "" {
		t.Errorf("on %s etcd still runs: %s", c.leaving, pids)
	}
	c.names = slices.DeleteFunc(c.names, func(name string) bool { return name == c.leaving })
}

// newDisk is peer2 on a new machine of the same name and address.
func newDisk(t *testing.T, c *cluster) {
	t.Helper()
	do(t, c.lab.Reset, "peer2")
}

func lostData(t *testing.T, c *cluster) {
	t.Helper()
	on(t, c.lab, "peer2", "systemctl stop etcd && rm -rf /home/etcd/data/*")
}

// forgetVersion leaves the version to the operation.
func forgetVersion(_ *testing.T, c *cluster) []string {
	delete(c.vars, "etcd_version")
	return nil
}

func upgradedBefore(t *testing.T, c *cluster) []string {
	t.Helper()
	forgetVersion(t, c)
	c.play(t, "upgrade.yml", "-e", "etcd_version=3.6.16").want(0)
	return nil
}

func runs(version string) func(*testing.T, *cluster) {
	return func(t *testing.T, c *cluster) {
		t.Helper()
		if got := c.versions(t); !slices.Equal(got, []string{version}) {
			t.Errorf("the members run %v, want %s", got, version)
		}
	}
}

func withTLS(_ *testing.T, c *cluster) []string {
	c.vars["etcd_tls"] = "true"
	return nil
}

func withAuth(t *testing.T, c *cluster) []string {
	t.Helper()
	c.play(t, "auth.yml").want(0)
	asksWhoYouAre(t, c)
	return nil
}

func withoutAuth(t *testing.T, c *cluster) []string {
	t.Helper()
	c.play(t, "auth.yml", "-e", "etcd_auth=false").want(0)
	return nil
}

// asksWhoYouAre wants a member's certificate to be no user's.
func asksWhoYouAre(t *testing.T, c *cluster) {
	t.Helper()
	if out := c.asMember(t); !denied(out) {
		t.Errorf("a member's certificate opens the cluster: %s", out)
	}
}

func asksNobody(t *testing.T, c *cluster) {
	t.Helper()
	if out := c.asMember(t); denied(out) {
		t.Errorf("users still matter: %s", out)
	}
}

func denied(said string) bool {
	return strings.Contains(said, "auth") || strings.Contains(said, "permission denied")
}

// asMember is what etcdctl says to who has only a member's certificate.
func (c *cluster) asMember(t *testing.T) string {
	t.Helper()
	const pki = "/etc/etcd/pki/current/"
	name := c.names[0]
	return on(t, c.lab, name, "/opt/etcd/current/etcdctl get key --endpoints="+c.url(t, "https", name)+
		" --cacert="+pki+"ca.crt --cert="+pki+"member.crt --key="+pki+"member.key 2>&1 || true")
}

// rememberCertificates remembers what members show to their clients.
func rememberCertificates(t *testing.T, c *cluster) []string {
	t.Helper()
	c.before = c.certificates(t)
	return nil
}

func (c *cluster) certificates(t *testing.T) map[string]string {
	t.Helper()
	all := c.eachHost(t, "openssl s_client -connect 127.0.0.1:2379 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint || cksum </etc/etcd/pki/current/member.crt")
	pem, err := os.ReadFile(c.pki("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	all["ca"] = string(pem)
	for name, key := range c.eachHost(t, "cksum </etc/etcd/pki/current/member.key") {
		all["the key of "+name] = key
	}
	return all
}

func areRenewed(t *testing.T, c *cluster) {
	t.Helper()
	for name, now := range c.certificates(t) {
		if name != "ca" && now == c.before[name] {
			t.Errorf("%s is still the old one: %s", name, now)
		}
	}
}
