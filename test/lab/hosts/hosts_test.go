package hosts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// up makes a lab for one test and removes it when the test ends.
func up(t *testing.T, o hosts.Options) *hosts.Lab {
	t.Helper()
	if err := hosts.Supported(); err != nil {
		t.Skipf("NO LAB, NOT TESTED: %v", err)
	}
	o.Name = "labtest"
	o.Fresh = true // an earlier run may have been interrupted
	o.Log = t.Output()
	lab, err := hosts.Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Down(context.Background()); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(lab.Dir()); err == nil {
			t.Errorf("Down left %s", lab.Dir())
		}
		if _, err := os.Stat(lab.Netns()); err == nil {
			t.Errorf("Down left %s", lab.Netns())
		}
	})
	return lab
}

// must returns what a command on a host says, or ends the test.
func must(t *testing.T) func(string, error) string {
	return func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out)
	}
}

func TestKinds(t *testing.T) {
	lab := up(t, hosts.Options{
		Kinds:  hosts.Kinds(),
		Behind: []hosts.Kind{hosts.Plain},
	})
	// What makes a kind, as a shell command and its answer.
	kinds := map[hosts.Kind][][2]string{
		hosts.Firewalld: {
			{"firewall-cmd --state", "running"},
			{"firewall-cmd --get-default-zone", "public"},
			{"ufw status", "Status: inactive"},
		},
		hosts.UFW: {
			{"ufw status | sed 1q", "Status: active"},
			{"command -v firewall-cmd || echo none", "none"},
		},
		hosts.NFTables: {
			{"nft list chain inet filter input | grep -c 'policy drop'", "1"},
			{"command -v firewall-cmd || command -v ufw || echo none", "none"},
		},
		hosts.Plain: {
			{"nft list ruleset", ""},
			{"command -v firewall-cmd || command -v ufw || echo none", "none"},
		},
		hosts.Sudo: {
			{"firewall-cmd --state", "running"},
		},
		hosts.Busybox: {
			{"command -v systemctl || command -v bash || echo none", "none"},
			{"readlink /proc/1/exe", "/bin/busybox"},
			{"adduser -D -H probe && id -u probe && deluser probe", "1000"},
		},
	}
	for _, h := range lab.Hosts {
		t.Run(h.Name+"/"+string(h.Kind), func(t *testing.T) {
			ctx := t.Context()
			if got := must(t)(lab.SSH(ctx, h.Name, "id -un; hostname")); got != h.User+"\n"+h.Name {
				t.Errorf("by SSH I am %q", got)
			}
			for _, c := range kinds[h.Kind] {
				if got := must(t)(lab.Exec(ctx, h.Name, c[0])); got != c[1] {
					t.Errorf("%s says %q and not %q", c[0], got, c[1])
				}
			}
			if h.Kind != hosts.Busybox {
				units := must(t)(lab.Exec(ctx, h.Name, "systemctl is-active redis-server redis-sentinel | sort -u; true"))
				if units != "inactive" {
					t.Errorf("Redis is %s on a bare host", units)
				}
			}
		})
	}
	t.Run("sudo asks for the password", func(t *testing.T) {
		host := "peer" + fmt.Sprint(slices.Index(hosts.Kinds(), hosts.Sudo)+1)
		if out, err := lab.SSH(t.Context(), host, "sudo -n id"); err == nil {
			t.Errorf("sudo works without a password: %s", out)
		}
		command := "printf '%s\\n' '" + hosts.SudoPassword + "' | sudo -S -p '' id -un"
		if got := must(t)(lab.SSH(t.Context(), host, command)); got != "root" {
			t.Errorf("sudo makes me %q", got)
		}
	})
	t.Run("there is no way out", func(t *testing.T) {
		var failed *hosts.CommandError
		for _, h := range lab.Hosts {
			out, err := lab.Exec(t.Context(), h.Name, "ip route get 192.0.2.1")
			if !errors.As(err, &failed) {
				t.Errorf("%s has a route to 192.0.2.1: %s %v", h.Name, out, err)
			}
		}
		inner := lab.Hosts[len(lab.Hosts)-1]
		if conn, err := lab.DialContext(t.Context(), "tcp4", inner.Address+":22"); err == nil {
			conn.Close()
			t.Errorf("%s can be reached without %s", inner.Name, inner.Via)
		}
	})
}

func TestFaults(t *testing.T) {
	lab := up(t, hosts.Options{Kinds: []hosts.Kind{hosts.Plain, hosts.Busybox, hosts.Plain}})
	ctx := t.Context()
	for _, host := range []string{"peer1", "peer2"} {
		t.Run(host, func(t *testing.T) {
			do := func(what string, f func(context.Context, ...string) error) {
				t.Helper()
				if err := f(ctx, host); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			reachable := func() bool {
				h, err := lab.Host(host)
				if err != nil {
					t.Fatal(err)
				}
				short, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				conn, err := lab.DialContext(short, "tcp4", h.Address+":22")
				if err == nil {
					conn.Close()
				}
				return err == nil
			}
			bare, err := lab.Fingerprint(host)
			if err != nil {
				t.Fatal(err)
			}
			key := must(t)(lab.Exec(ctx, host, "cat /etc/hostname; ls -i /etc/ssh/*key /etc/dropbear/*key 2>/dev/null | wc -l"))

			do("cut", lab.Cut)
			if reachable() {
				t.Error("a host that is cut off can be reached")
			}
			must(t)(lab.Exec(ctx, host, "echo kept >/root/note; sync"))
			do("cut again", lab.Cut)
			do("mend", lab.Mend)
			if !reachable() {
				t.Error("a mended host can't be reached")
			}

			do("kill", lab.Kill)
			if reachable() {
				t.Error("a host without power can be reached")
			}
			if _, err := lab.Exec(ctx, host, "true"); err == nil {
				t.Error("a host without power runs a command")
			}
			do("kill again", lab.Kill)
			do("boot", lab.Boot)
			if got := must(t)(lab.SSH(ctx, host, "cat /root/note")); got != "kept" {
				t.Errorf("after a power cut the disk has %q", got)
			}
			do("stop", lab.Stop)
			do("boot", lab.Boot)
			do("boot again", lab.Boot)
			if got := must(t)(lab.SSH(ctx, host, "cat /root/note")); got != "kept" {
				t.Errorf("after a reboot the disk has %q", got)
			}

			do("reset", lab.Reset)
			must(t)(lab.SSH(ctx, host, "test ! -e /root/note"))
			if again := must(t)(lab.Exec(ctx, host, "cat /etc/hostname; ls -i /etc/ssh/*key /etc/dropbear/*key 2>/dev/null | wc -l")); again != key {
				t.Errorf("a reset changed the identity from %q to %q", key, again)
			}
			after, err := lab.Fingerprint(host)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range bare.Diff(after) {
				if !strings.Contains(line, ": written ") { // the disk is new, so are the times
					t.Errorf("a reset host differs from a new one: %s", line)
				}
			}
		})
	}
	t.Run("parted hosts", func(t *testing.T) {
		const greet = "timeout 2 bash -c ': </dev/tcp/192.168.161.5/22' 2>/dev/null && echo yes || echo no"
		reaches := func() string { return must(t)(lab.SSH(ctx, "peer1", greet)) }
		for range 2 {
			if err := lab.Part(ctx, "peer3", "peer1"); err != nil {
				t.Fatal(err)
			}
		}
		if got := reaches(); got != "no" {
			t.Error("parted hosts reach each other")
		}
		must(t)(lab.SSH(ctx, "peer3", "true"))
		for range 2 {
			if err := lab.Rejoin(ctx, "peer1", "peer3"); err != nil {
				t.Fatal(err)
			}
		}
		if got := reaches(); got != "yes" {
			t.Error("rejoined hosts don't reach each other")
		}
	})
	t.Run("the third host saw nothing of it", func(t *testing.T) {
		must(t)(lab.SSH(ctx, "peer3", "true"))
	})
}

func TestFingerprint(t *testing.T) {
	lab := up(t, hosts.Options{Kinds: []hosts.Kind{hosts.Firewalld, hosts.Busybox, hosts.Sudo}})
	ctx := t.Context()
	look := func(host string) hosts.Fingerprint {
		t.Helper()
		f, err := lab.Fingerprint(host)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, h := range lab.Hosts {
		t.Run(string(h.Kind), func(t *testing.T) {
			first := look(h.Name)
			must(t)(lab.SSH(ctx, h.Name, "id; cat /etc/passwd; ls -R /etc | wc -l; chmod 644 /etc/hosts 2>/dev/null; true"))
			if h.Kind == hosts.Sudo {
				must(t)(lab.SSH(ctx, h.Name, "echo '"+hosts.SudoPassword+"' | sudo -S -p '' true"))
			}
			if h.Kind == hosts.Firewalld {
				must(t)(lab.SSH(ctx, h.Name, "firewall-cmd --list-all && systemctl daemon-reload && systemctl restart firewalld"))
			}
			if diff := first.Diff(look(h.Name)); len(diff) > 0 {
				t.Errorf("looking at a host changed it:\n%s", strings.Join(diff, "\n"))
			}
			must(t)(lab.Exec(ctx, h.Name, `
				echo new >/etc/new; mkdir -p /opt/a/b; chmod 600 /etc/group; chown 7:8 /etc/profile
				cat /etc/passwd >/tmp/copy; cat /tmp/copy >/etc/passwd; rm /etc/shells; rm -r /root/.ssh 2>/dev/null
				ln -s /etc/new /etc/link; touch /var/log/lots /var/cache/lots /run/lots`))
			diff := first.Diff(look(h.Name))
			for i, line := range diff {
				diff[i], _, _ = strings.Cut(line, ":")
			}
			want := []string{
				"~ /etc/group", "+ /etc/link", "+ /etc/new", "~ /etc/passwd", "~ /etc/profile", "- /etc/shells",
				"+ /opt/a", "+ /opt/a/b", "- /root/.ssh", "- /root/.ssh/authorized_keys", "+ /tmp/copy",
			}
			for i, line := range want {
				// What was only in the root file system is new to a fingerprint.
				if _, known := first[line[2:]]; !known && line[0] == '~' {
					want[i] = "+" + line[1:]
				}
			}
			if h.Kind == hosts.Sudo { // where root has no key
				want = slices.DeleteFunc(want, func(s string) bool { return s == "- /root/.ssh/authorized_keys" })
			}
			if d := cmp.Diff(want, diff); d != "" {
				t.Error(d)
			}
		})
	}
}

// A lab's mirror has what the official download page has.
func TestMirror(t *testing.T) {
	if testing.Short() {
		t.Skip("NOT TESTED: making a release takes a minute the first time, and this is -short")
	}
	const version = "3.6.16"
	lab := up(t, hosts.Options{Kinds: []hosts.Kind{hosts.Plain}, Etcd: []string{version}})
	name := "etcd-v" + version + "-linux-amd64"
	out := must(t)(lab.SSH(t.Context(), "peer1", fmt.Sprintf(`set -e
		curl -fsSO %[1]s/v%[2]s/%[3]s.tar.gz; curl -fsSO %[1]s/v%[2]s/SHA256SUMS
		sha256sum -c SHA256SUMS; tar -xzf %[3]s.tar.gz
		for program in etcd etcdctl etcdutl; do
			test "$(stat -c %%a:%%u %[3]s/$program)" = 755:1000 || stat %[3]s/$program
		done
		%[3]s/etcd --version | sed 1q; %[3]s/etcdctl version | sed 1q; %[3]s/etcdutl version | sed 1q`,
		lab.MirrorURL(), version, name)))
	want := name + ".tar.gz: OK\netcd Version: " + version + "\netcdctl version: " + version + "\netcdutl version: " + version
	if d := cmp.Diff(want, out); d != "" {
		t.Error(d)
	}
}

// Up takes away what an interrupted run left, and nobody else's lab.
func TestFreshAndTwice(t *testing.T) {
	lab := up(t, hosts.Options{Kinds: []hosts.Kind{hosts.Busybox}})
	again := hosts.Options{Name: lab.Name, Kinds: []hosts.Kind{hosts.Busybox}, Log: io.Discard}
	if _, err := hosts.Up(t.Context(), again); err == nil || !strings.Contains(err.Error(), lab.Name) {
		t.Fatalf("a second lab of the same name: %v", err)
	}
	must(t)(lab.SSH(t.Context(), "peer1", "true"))
	again.Fresh = true
	fresh, err := hosts.Up(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	must(t)(fresh.SSH(t.Context(), "peer1", "true"))
	opened, err := hosts.Open(lab.Name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(fresh.Hosts, opened.Hosts); d != "" {
		t.Error(d)
	}
}

// A program enters the lab's network by starting itself again.
func TestEnter(t *testing.T) {
	lab := up(t, hosts.Options{Kinds: []hosts.Kind{hosts.Busybox}})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), enterVariable+"="+lab.Name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if got := string(out); !strings.HasPrefix(got, "labtest SSH-2.0-") {
		t.Errorf("inside the lab %q", got)
	}
}
