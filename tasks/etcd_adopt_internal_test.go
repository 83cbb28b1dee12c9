package tasks

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/internal/value"
)

// TestReadEtcdSettings reads what a member was started with as etcd does.
func TestReadEtcdSettings(t *testing.T) {
	t.Parallel()
	known := []string{"name", "data-dir", "client-cert-auth", "metrics", "config-file"}
	for _, c := range []struct {
		name, args, env, config string
		want                    etcdSettings
		odd                     []string
	}{
		{"flags in every form", "etcd -name m1 --data-dir=/d --client-cert-auth --metrics basic", "", "",
			etcdSettings{"name": "m1", "data-dir": "/d", "client-cert-auth": "true", "metrics": "basic"}, nil},
		{"variables alone", "/usr/bin/etcd", "ETCD_NAME=m1\nETCD_DATA_DIR=/d", "", etcdSettings{"name": "m1", "data-dir": "/d"}, nil},
		{"flags before variables", "etcd --name m1", "ETCD_NAME=m2\nETCD_METRICS=basic", "", etcdSettings{"name": "m1", "metrics": "basic"}, nil},
		{"variables that are none of etcd's", "etcd", "ETCD_ROOT_PASSWORD=secret", "", etcdSettings{}, []string{"the variable ETCD_ROOT_PASSWORD"}},
		{"variables that are empty, and truths in any case", "etcd --peer-client-cert-auth=TRUE", "ETCD_DISCOVERY=\nETCD_CLIENT_CERT_AUTH=False", "",
			etcdSettings{"client-cert-auth": "false", "peer-client-cert-auth": "true"}, nil},
		{"a word too many", "etcd --name m1 gateway", "", "", etcdSettings{"name": "m1"}, []string{"the argument gateway"}},
		{"a configuration file alone counts", "etcd --config-file /c --name m9", "ETCD_NAME=m8", `
name: m1
quota-backend-bytes: 1073741824
enable-pprof: true
auto-compaction-retention: "8"
listen-peer-urls:
client-transport-security: {cert-file: /tls/Server.crt, client-cert-auth: true, auto-tls: False}
peer-transport-security:
  trusted-ca-file: /tls/ca.crt
unknown: {a: 1}
`, etcdSettings{"name": "m1", "quota-backend-bytes": "1073741824", "enable-pprof": "true", "auto-compaction-retention": "8",
			"cert-file": "/tls/Server.crt", "client-cert-auth": "true", "auto-tls": "false", "peer-trusted-ca-file": "/tls/ca.crt"}, []string{"the setting unknown"}},
		{"an empty configuration file", "etcd --config-file /c", "", " ", etcdSettings{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var env []string
			if c.env != "" {
				env = strings.Split(c.env, "\n")
			}
			var config []byte
			if c.config != "" {
				config = []byte(c.config)
			}
			got, odd, err := readEtcdSettings(strings.Fields(c.args), env, config, known)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff(c.odd, odd); diff != "" {
				t.Errorf("odd: -want +got\n%s", diff)
			}
		})
	}
	if _, _, err := readEtcdSettings(nil, nil, []byte("- a list"), known); err == nil {
		t.Error("a list is taken for a configuration")
	}
}

func TestEtcdConfigFile(t *testing.T) {
	t.Parallel()
	env := []string{"ETCD_NAME=a", "ETCD_CONFIG_FILE=/env.yml"}
	if got := etcdConfigFile([]string{"etcd"}, env); got != "/env.yml" {
		t.Errorf("by the environment: %q", got)
	}
	if got := etcdConfigFile([]string{"etcd", "--config-file", "/flag.yml"}, env); got != "/flag.yml" {
		t.Errorf("by a flag: %q", got)
	}
}

// TestAdoptedInventory writes the inventory of hosts that were set up each in its
// own way.
func TestAdoptedInventory(t *testing.T) {
	t.Parallel()
	one := func(host, address string, s etcdSettings, facts ...string) *adoptee {
		a := &adoptee{host: host, address: address, name: s["name"], settings: s, process: &process{pid: "42", exe: "/usr/bin/etcd"},
			login: value.NewDict("ansible_host", address, "ansible_user", "root", "ansible_password", "hunter2"),
			facts: map[string]string{"version": "3.5.35", "who": "etcd:etcd", "home": "/var/lib/etcd", "dir": "/", "exe_version": "3.5.35", "etcdutl": "3.5.35", "etcdctl": "3.4.0"}}
		for i := 0; i < len(facts); i += 2 {
			a.facts[facts[i]] = facts[i+1]
		}
		return a
	}
	urls := func(s etcdSettings, address string) etcdSettings {
		s["advertise-client-urls"] = "http://" + address + ":2379"
		s["listen-client-urls"] = "http://" + address + ":2379"
		s["initial-advertise-peer-urls"] = "http://" + address + ":2380"
		s["listen-peer-urls"] = "http://" + address + ":2380"
		return s
	}
	tls := func(s etcdSettings) etcdSettings {
		for k, v := range s {
			s[k] = strings.ReplaceAll(v, "http://", "https://")
		}
		return s
	}
	for _, c := range []struct {
		name    string
		members []*adoptee
		want    string
	}{
		{"by hand, and by units", []*adoptee{
			one("peer1", "10.0.0.1", urls(etcdSettings{"name": "peer1", "data-dir": "/d", "initial-cluster": "…", "initial-cluster-state": "new", "max-request-bytes": "3145728"}, "10.0.0.1"), "log", "/d/etcd.log"),
			one("peer2", "10.0.0.2", urls(etcdSettings{"name": "m2", "data-dir": "/d", "initial-cluster": "…", "max-request-bytes": "3145728"}, "10.0.0.2"), "unit", "etcd.service",
				"props", "FragmentPath=/lib/systemd/system/etcd.service\nDropInPaths=/etc/systemd/system/etcd.service.d/a.conf"),
		}, `# The etcd cluster ab as it ran when etcdplay's adopt.yml read it.
# - peer1: it was started by hand; site.yml puts it under systemd, where there is one
# - peer1, peer2: ansible_password is secret and is not written here: set it as before, or use a key
# - peer2: the unit /lib/systemd/system/etcd.service runs it; site.yml puts its own in its place, /etc/systemd/system/etcd.service
# - peer2: /etc/systemd/system/etcd.service.d/a.conf would add to site.yml's unit: look through it and take it away first
# - etcd_log differs between the hosts, or is set on some alone: it is kept so

etcd:
  hosts:
    peer1:
      ansible_host: 10.0.0.1
      etcd_log: /d/etcd.log
    peer2:
      ansible_host: 10.0.0.2
      etcd_name: m2
  vars:
    ansible_user: root
    etcd_tls: false
    etcd_version: 3.5.35
    etcd_data_dir: /d
    etcd_user: etcd
    etcd_group: etcd
    etcd_home: /var/lib/etcd
    etcd_cluster_token: etcd-cluster
    etcd_programs:
      3.5.35:
        - /usr/bin/etcd
        - /usr/bin/etcdutl
    etcd_quota_backend_bytes: null
    etcd_extra_args:
      max-request-bytes: 3145728
`},
		{"another address, any address, another authority", []*adoptee{
			one("peer1", "203.0.113.1", tls(etcdSettings{"name": "peer1", "cert-file": "/tls/s.crt", "key-file": "/tls/s.key", "trusted-ca-file": "/tls/ca.crt", "client-cert-auth": "true", "peer-trusted-ca-file": "/tls/peers.crt",
				"advertise-client-urls": "http://10.0.0.1:4001", "listen-client-urls": "http://0.0.0.0:4001,http://127.0.0.1:4001",
				"initial-advertise-peer-urls": "http://10.0.0.1:2380", "listen-peer-urls": "http://10.0.0.1:2380", "force-new-cluster": "true", "discovery-password": "hunter2", "quota-backend-bytes": "4294967296"}),
				"unit", "kube-etcd.service", "exe_version", "3.6.1"),
		}, `# The etcd cluster ab as it ran when etcdplay's adopt.yml read it.
# - peer1: its certificates stay where they are (etcd_files), and whoever made them renews them. For us put into pki/ beside this file admin.crt and admin.key, a client's certificate of that authority; ca.crt, of who signed the members' certificates, is there when adopt.yml could read it
# - peer1: the unit kube-etcd.service runs it; site.yml stops and disables that, and runs it by etcd.service
# - peer1: its cluster's token does not show any more; site.yml uses it only for the names of backups (etcd_cluster_token)
# - peer1: its program /usr/bin/etcd was replaced since it was started; site.yml unpacks the release of 3.5.35 anew
# - peer1: it was started with force-new-cluster; site.yml starts it without
# - peer1: ansible_password is secret and is not written here: set it as before, or use a key

etcd:
  hosts:
    peer1:
      ansible_host: 203.0.113.1
      etcd_address: 10.0.0.1
  vars:
    ansible_user: root
    etcd_client_port: 4001
    etcd_tls: true
    etcd_files:
      ca: /tls/ca.crt
      cert: /tls/s.crt
      key: /tls/s.key
    etcd_version: 3.5.35
    etcd_data_dir: /peer1.etcd
    etcd_user: etcd
    etcd_group: etcd
    etcd_home: /var/lib/etcd
    etcd_quota_backend_bytes: 4294967296
    etcd_extra_args:
      listen-client-urls: https://0.0.0.0:4001,https://127.0.0.1:4001
      peer-client-cert-auth: false
      tls-min-version: null
      peer-trusted-ca-file: /tls/peers.crt
      peer-cert-file: null
      peer-key-file: null
`},
		{"a member at localhost alone", []*adoptee{one("peer1", "10.0.0.1", etcdSettings{"name": "peer1", "data-dir": "d"}, "unit", "etcd.service", "record", configMark+"x\nProtectSystem=strict", "dir", "/srv")},
			`# The etcd cluster ab as it ran when etcdplay's adopt.yml read it.
# - peer1: the cluster knows it as http://localhost:2380; site.yml will tell the cluster its address 10.0.0.1 instead (etcd_address)
# - peer1: it tells clients to find it at http://localhost:2379; site.yml lets it tell http://10.0.0.1:2379
# - peer1: it listens to clients at http://localhost:2379; site.yml lets it listen at http://10.0.0.1:2379
# - peer1: it listens to its peers at http://localhost:2380; site.yml lets it listen at http://10.0.0.1:2380
# - peer1: its cluster's token does not show any more; site.yml uses it only for the names of backups (etcd_cluster_token)
# - peer1: ansible_password is secret and is not written here: set it as before, or use a key

etcd:
  hosts:
    peer1:
      ansible_host: 10.0.0.1
  vars:
    ansible_user: root
    etcd_tls: false
    etcd_version: 3.5.35
    etcd_data_dir: /srv/d
    etcd_user: etcd
    etcd_group: etcd
    etcd_home: /srv
    etcd_quota_backend_bytes: null
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := adoptReport{group: "etcd", cluster: "ab", members: c.members}
			got := r.inventory()
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("it holds a password")
			}
		})
	}
}

// TestAdoptRefused names what the playbooks can't run.
func TestAdoptRefused(t *testing.T) {
	t.Parallel()
	one := func(host string, s etcdSettings) *adoptee { return &adoptee{host: host, settings: s} }
	http := one("peer1", etcdSettings{"advertise-client-urls": "http://10.0.0.1:2379", "auto-tls": "false"})
	if err := (&adoptReport{members: []*adoptee{http}}).refuse(); err != nil {
		t.Error(err)
	}
	err := (&adoptReport{members: []*adoptee{http,
		one("peer2", etcdSettings{"advertise-client-urls": "https://10.0.0.2:2379", "initial-advertise-peer-urls": "http://10.0.0.2:2380"}),
		one("peer3", etcdSettings{"peer-auto-tls": "true"}),
	}}).refuse()
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v", err)
	}
	want := "peer2: it speaks https with clients and http with its peers; the playbooks know TLS for both or for none\n" +
		"peer3: it makes its own certificate (peer-auto-tls), which nobody can check"
	if diff := cmp.Diff(want, f.Stderr); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
