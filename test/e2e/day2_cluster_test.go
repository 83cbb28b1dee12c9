package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/tasks/etcd"
	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// A cluster is one that operations are done to, as its administrator sees it:
// an inventory, with what the playbooks keep beside it.
type cluster struct {
	lab   *hosts.Lab
	size  int               // hosts, when it is made
	dir   string            // of the inventory
	names []string          // the group etcd
	vars  map[string]string // of the group

	// What tests remember of it.
	generation int               // of its arguments
	before     map[string]string // the operation, by host
	leaving    string            // the member that is to be removed
	kept, gone []string          // keys that must be there after it, or not
	dbSize     int64             // bytes, the largest
	spoilt     bool              // it is not as it was made: a test failed, or wanted it otherwise
}

// day2 makes bare hosts and a cluster of n of them.
func day2(t *testing.T, n int, vars map[string]string) *cluster {
	t.Helper()
	c := &cluster{size: n, dir: t.TempDir()}
	c.lab = bare(t, hosts.Options{
		Name:  "day2",
		Kinds: []hosts.Kind{hosts.Plain, hosts.Plain, hosts.Plain, hosts.Plain, hosts.Plain, hosts.Plain},
		Etcd:  []string{"3.5.35", etcdVersion, "3.7.3"},
	})
	c.make(t, vars)
	return c
}

// again makes a new cluster of bare hosts.
func (c *cluster) again(t *testing.T, vars map[string]string) {
	t.Helper()
	c.reset(t)
	c.make(t, vars)
}

// reset makes the hosts bare, and forgets what was kept beside the inventory.
func (c *cluster) reset(t *testing.T) {
	t.Helper()
	do(t, c.lab.Mend)
	do(t, c.lab.Reset)
	if err := os.RemoveAll(c.pki("")); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) make(t *testing.T, vars map[string]string) {
	t.Helper()
	c.vars, c.names = maps.Clone(vars), c.hosts(c.size)
	if c.vars == nil {
		c.vars = map[string]string{}
	}
	c.play(t, "site.yml").want(0)
	c.healthy(t)
}

// hosts are the first n of the lab.
func (c *cluster) hosts(n int) (names []string) {
	for _, h := range c.lab.Hosts[:n] {
		names = append(names, h.Name)
	}
	return names
}

// inventory writes the inventory, and returns its name.
func (c *cluster) inventory(t *testing.T) string {
	t.Helper()
	lines := []string{"[etcd]"}
	for _, name := range c.names {
		lines = append(lines, hostLine(t, c.lab, name))
	}
	lines = append(lines, "[etcd:vars]", mirror(c.lab))
	for name, value := range c.vars {
		lines = append(lines, name+"="+value)
	}
	file := filepath.Join(c.dir, "hosts.ini")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// args is the command line for a playbook.
func (c *cluster) args(t *testing.T, book string, more ...string) []string {
	t.Helper()
	return append([]string{book, "-i", c.inventory(t), "--timeout", "5s"}, more...)
}

func (c *cluster) play(t *testing.T, book string, more ...string) result {
	t.Helper()
	return play(t, c.lab, c.args(t, book, more...)...)
}

// url is where a member serves clients.
func (c *cluster) url(t *testing.T, scheme, name string) string {
	t.Helper()
	h, err := c.lab.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	return scheme + "://" + net.JoinHostPort(h.Address, "2379")
}

// endpoints are the members, from the controller's place in the network: by
// https if the cluster has certificates, by http if it had none yet, and both
// ways if it is to change in the meantime.
func (c *cluster) endpoints(t *testing.T, schemes ...string) (all []etcd.Endpoint) {
	t.Helper()
	if len(schemes) == 0 {
		schemes = []string{c.scheme()}
	}
	for _, scheme := range schemes {
		for _, name := range c.names {
			all = append(all, etcd.Endpoint{Name: name, URL: c.url(t, scheme, name), Dial: c.lab.DialContext})
		}
	}
	return all
}

func (c *cluster) scheme() string {
	if c.vars["etcd_tls"] == "false" {
		return "http"
	}
	return "https"
}

func (c *cluster) pki(name string) string { return filepath.Join(c.dir, "pki", name) }

// options let in who has the administrator's certificate. All files are read
// at each connection: operations change them.
func (c *cluster) options() etcd.Options {
	return etcd.Options{TLS: &tls.Config{
		InsecureSkipVerify: true, // VerifyConnection does it, with the authorities of that moment
		VerifyConnection: func(cs tls.ConnectionState) error {
			pem, err := os.ReadFile(c.pki("ca.crt"))
			if err != nil {
				return err
			}
			o := x509.VerifyOptions{Roots: x509.NewCertPool(), DNSName: cs.ServerName, Intermediates: x509.NewCertPool()}
			if !o.Roots.AppendCertsFromPEM(pem) {
				return errors.New("no certificate in ca.crt")
			}
			for _, cert := range cs.PeerCertificates[1:] {
				o.Intermediates.AddCert(cert)
			}
			_, err = cs.PeerCertificates[0].Verify(o)
			return err
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(c.pki("admin.crt"), c.pki("admin.key"))
			return &pair, err
		},
	}}
}

// observe looks at the members.
func (c *cluster) observe(t *testing.T) *etcd.State {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cl, err := etcd.Open(ctx, c.endpoints(t), c.options())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	return cl.Observe(ctx)
}

// healthy waits until exactly the group's hosts are a whole cluster with equal
// data, and returns what was seen.
func (c *cluster) healthy(t *testing.T) (s *etcd.State) {
	t.Helper()
	var wrong []etcd.Problem
	end := time.Now().Add(time.Minute)
	for {
		s = c.observe(t)
		if wrong = etcd.Judge(s, etcd.Expect{Members: c.names}); len(wrong) == 0 {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("the cluster is not healthy: %v", wrong)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// versions are what the members run, without repetition.
func (c *cluster) versions(t *testing.T) (all []string) {
	t.Helper()
	for _, e := range c.observe(t).Endpoints {
		if !slices.Contains(all, e.Version) {
			all = append(all, e.Version)
		}
	}
	return all
}
