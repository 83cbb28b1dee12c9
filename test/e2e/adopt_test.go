package e2e

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/etcdplay/etcdplay/internal/pki"
	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// A cluster as kubespray makes it is adopted: nothing is touched by that, the
// inventory serves all playbooks, and site.yml takes the members over one by one while
// they are in use, with the data, the certificates and the programs that are there.
func TestAdopt(t *testing.T) {
	lab := three(t)
	made := handMade(t, lab)
	client := dialEtcd(t, lab, peers...)
	before := memberIDs(t, client)
	if err := os.Remove(filepath.Join(pkiOf(lab), "ca.crt")); err != nil { // adopt.yml is to bring it
		t.Fatal(err)
	}

	login := write(t, "login.ini", "[etcd]\n"+strings.Join([]string{hostLine(t, lab, "peer1"), hostLine(t, lab, "peer2"), hostLine(t, lab, "peer3")}, "\n")+"\n")
	inv := filepath.Join(filepath.Dir(pkiOf(lab)), "adopted.yml")
	t.Cleanup(func() { os.Remove(inv) })
	was := look(t, lab)
	play(t, lab, "adopt.yml", "-i", login, "-e", "etcd_inventory="+inv).want(0)
	ca, err := os.ReadFile(filepath.Join(pkiOf(lab), "ca.crt"))
	if err != nil || string(ca) != made {
		t.Errorf("the members' authority was not kept: %v\n%s", err, ca)
	}
	if text, err := os.ReadFile(inv); err != nil || !strings.Contains(string(text), "etcd_files:") || !strings.Contains(string(text), "etcd_programs:") {
		t.Errorf("%v\n%s", err, text)
	}
	play(t, lab, "adopt.yml", "-i", login, "-e", "etcd_inventory="+inv).want(2).says("is not overwritten")
	play(t, lab, "status.yml", "-i", inv).want(0)
	play(t, lab, "verify.yml", "-i", inv, "-e", "etcd_verify_write=false").want(0)
	play(t, lab, "backup.yml", "-i", inv, "-e", "etcd_backup="+filepath.Join(t.TempDir(), "adopted.db")).want(0)
	play(t, lab, "rotate-ca.yml", "-i", inv).want(2).says("somebody else's")
	foreseen := play(t, lab, "site.yml", "-i", inv, "-e", "etcd_mirrors=http://192.168.161.1:9", "--check").want(0)
	for name, now := range look(t, lab) {
		for _, what := range was[name].Diff(now) {
			if !strings.Contains(what, "/var/lib/etcd/") { // the member writes there itself
				t.Errorf("%s was touched: %s", name, what)
			}
		}
	}

	load := startLoad(t, client)
	done := play(t, lab, "site.yml", "-i", inv, "-e", "etcd_mirrors=http://192.168.161.1:9").want(0)
	load.stop(load.count())
	for name, want := range changesOf(foreseen) {
		if got := changesOf(done)[name]; !slices.Equal(want, got) {
			t.Errorf("%s: foreseen and done differ\n%s\n\n%s", name, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	}
	if after := memberIDs(t, client); !slices.Equal(before, after) {
		t.Errorf("the members were %v, and are %v", before, after)
	}
	for _, name := range peers {
		if n := on(t, lab, name, "ls /var/lib/etcd/member/wal/*.wal | wc -l; pgrep -cx etcd"); n != "1\n1" {
			t.Errorf("%s: its log has another file, or there are more members: %s", name, n)
		}
	}
	play(t, lab, "site.yml", "-i", inv, "-e", "etcd_mirrors=http://192.168.161.1:9").want(0).wantUnchanged()
}

// changesOf are a run's changes, but for why members are restarted: before the program is
// there, it can't be seen to be another file.
func changesOf(r result) map[string][]string {
	all := r.changes()
	for _, changes := range all {
		for i, text := range changes {
			changes[i], _, _ = strings.Cut(text, "restart etcd: ")
		}
	}
	return all
}

// handMade starts a cluster as kubespray does: settings in the environment, certificates
// that belong to the user etcd, members that run as root. It returns the authority.
func handMade(t *testing.T, lab *hosts.Lab) string {
	t.Helper()
	key, err := pki.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	authority, err := pki.Found(key, "somebody", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue := func(name string, names ...string) (cert, key string) {
		k, err := pki.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		var public crypto.PublicKey = k.Public()
		c, err := authority.Issue(public, pki.Order{Name: name, Names: names, Server: len(names) > 0, Now: time.Now(), Life: 365 * 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		text, err := pki.EncodeKey(k)
		if err != nil {
			t.Fatal(err)
		}
		return string(pki.Encode(c)), string(text)
	}
	ca := string(pki.Encode([]*x509.Certificate{authority.Cert}...))
	cert, secret := issue("an administrator")
	if err := os.MkdirAll(pkiOf(lab), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"ca.crt": ca, "admin.crt": cert, "admin.key": secret} {
		if err := os.WriteFile(filepath.Join(pkiOf(lab), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for i, name := range peers {
		h, _ := lab.Host(name)
		all = append(all, fmt.Sprintf("etcd%d=https://%s:2380", i+1, h.Address))
	}
	for i, name := range peers {
		h, _ := lab.Host(name)
		cert, secret := issue("etcd-member-"+name, h.Address, "127.0.0.1")
		on(t, lab, name, fmt.Sprintf(`set -e
until firewall-cmd -q --state; do sleep 0.2; done
for port in 2379/tcp 2380/tcp; do firewall-cmd -q --zone=public --add-port=$port; done
useradd -r -M etcd
mkdir -p /etc/ssl/etcd/ssl && cd /etc/ssl/etcd/ssl
echo '%s' >ca.pem; echo '%s' >member.pem; echo '%s' >member-key.pem
install -d -m 0700 /var/lib/etcd
chown -R etcd /etc/ssl/etcd /var/lib/etcd && chmod 0700 ./*
curl -fsS %s/v%s/etcd-v%s-linux-amd64.tar.gz | tar -xz -C /usr/local/bin --strip-components=1 --no-same-owner
cat >/etc/etcd.env <<END
ETCD_NAME=etcd%d
ETCD_DATA_DIR=/var/lib/etcd
ETCD_ADVERTISE_CLIENT_URLS=https://%[8]s:2379
ETCD_LISTEN_CLIENT_URLS=https://%[8]s:2379,https://127.0.0.1:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=https://%[8]s:2380
ETCD_LISTEN_PEER_URLS=https://%[8]s:2380
ETCD_INITIAL_CLUSTER=%[9]s
ETCD_INITIAL_CLUSTER_TOKEN=k8s_etcd
ETCD_INITIAL_CLUSTER_STATE=new
ETCD_DISCOVERY=
ETCD_SNAPSHOT_COUNT=100000
ETCD_TRUSTED_CA_FILE=/etc/ssl/etcd/ssl/ca.pem
ETCD_CERT_FILE=/etc/ssl/etcd/ssl/member.pem
ETCD_KEY_FILE=/etc/ssl/etcd/ssl/member-key.pem
ETCD_CLIENT_CERT_AUTH=True
ETCD_PEER_TRUSTED_CA_FILE=/etc/ssl/etcd/ssl/ca.pem
ETCD_PEER_CERT_FILE=/etc/ssl/etcd/ssl/member.pem
ETCD_PEER_KEY_FILE=/etc/ssl/etcd/ssl/member-key.pem
ETCD_PEER_CLIENT_CERT_AUTH=True
END
cat >/etc/systemd/system/etcd.service <<END
[Service]
Type=notify
EnvironmentFile=/etc/etcd.env
ExecStart=/usr/local/bin/etcd
TimeoutStartSec=0
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload && systemctl enable etcd 2>/dev/null && systemctl start --no-block etcd
`, ca, cert, secret, lab.MirrorURL(), etcdVersion, etcdVersion, i+1, h.Address, strings.Join(all, ",")))
	}
	return ca
}

// memberIDs waits until all members answer.
func memberIDs(t *testing.T, client *clientv3.Client) (ids []string) {
	t.Helper()
	succeeds(t, "all members answer", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		list, err := client.MemberList(ctx)
		if err != nil {
			return err
		}
		ids = nil
		for _, m := range list.Members {
			ids = append(ids, fmt.Sprintf("%x %s", m.ID, m.Name))
		}
		for _, endpoint := range client.Endpoints() {
			if _, err := client.Status(ctx, endpoint); err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(ids)
	return ids
}
