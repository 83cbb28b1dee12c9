package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/test/lab/hosts"
)

// A refusal is a run that must end with an error which says what is wrong, and
// must leave every disk as it was.
type refusal struct {
	name   string
	hosts  []string // lines of the group etcd; nil: the three peers
	vars   []string // of the group etcd
	args   []string // behind `run site.yml -i hosts.ini`
	code   int
	says   []string
	absent []string // what it must not say
}

func (c refusal) test(t *testing.T, lab *hosts.Lab, before disks) {
	t.Helper()
	lines := c.hosts
	if lines == nil {
		for _, name := range peers {
			lines = append(lines, hostLine(t, lab, name))
		}
	}
	lines = slices.Concat([]string{"[etcd]"}, lines, []string{"[etcd:vars]", mirror(lab)}, c.vars)
	inv := write(t, "hosts.ini", strings.Join(lines, "\n")+"\n")
	r := play(t, lab, append([]string{"site.yml", "-i", inv}, c.args...)...).want(c.code).says(c.says...)
	r.wantUnchanged()
	for _, text := range c.absent {
		if said := r.said(); strings.Contains(said, text) {
			t.Errorf("it says %q:\n%s", text, said)
		}
	}
	before.wantUntouched(t, lab)
}

// Wrong inventories, variables and logins: a clear error each, and nothing is
// touched anywhere.
func TestRefused(t *testing.T) {
	lab := three(t)
	before := look(t, lab)
	peer := func(name, address string) string { return name + " ansible_host=" + address + " ansible_user=root" }
	const one, two, three, none = "192.168.161.3", "192.168.161.4", "192.168.161.5", "192.168.161.99"

	for _, c := range []refusal{
		{
			name: "no hosts", code: 4, hosts: []string{},
			says: []string{`"etcd" matches no host`},
		},
		{
			name: "one address twice", code: 2, hosts: []string{peer("peer1", one), peer("peer2", two), peer("peer3", two)},
			says: []string{"peer2 and peer3 are the same machine", "ansible_host"},
		},
		{
			name: "one member name twice", code: 2, vars: []string{"etcd_name=member"},
			says: []string{"peer1 and peer2 have the same name: member"},
		},
		{
			name: "one host twice, with two addresses", code: 4,
			hosts: []string{peer("peer1", one), peer("peer1", two), peer("peer3", three)},
			says:  []string{"peer1", one, two},
		},
		{
			name: "an address that is not on the host", code: 2,
			hosts: []string{peer("peer1", one), peer("peer2", two), peer("peer3", three) + " etcd_address=" + none},
			says:  []string{"peer3: address " + none + " is not on the host; it has " + three},
		},
		{
			name: "a name for an address", code: 2, vars: []string{"etcd_address=somewhere"},
			says: []string{`"somewhere" is no IP address`},
		},
		{
			name: "an undefined variable", code: 2, vars: []string{"etcd_data_dir={{ data_dri }}", "data_dir=/srv"},
			says: []string{"data_dri", "undefined", `did you mean "data_dir"?`},
		},
		{
			name: "a port that is none", code: 2, vars: []string{"etcd_client_port=99999"},
			says: []string{"99999", "port"},
		},
		{
			name: "a manager that is none", code: 2, vars: []string{"etcd_manager=sytemd"},
			says: []string{"sytemd", `did you mean "systemd"?`},
		},
		{
			name: "a relative data directory", code: 2, vars: []string{"etcd_data_dir=data"},
			says: []string{`"data"`, "absolute"},
		},
		{
			name: "nobody there", code: 4, hosts: []string{peer("peer1", one), peer("peer2", two), peer("peer3", none)},
			args: []string{"--timeout", "2s"}, says: []string{"peer3", none},
		},
		{
			name: "no SSH server there", code: 4, vars: []string{"ansible_port=2200"},
			says: []string{one + ":2200"},
		},
		{
			name: "a login that does not exist", code: 4, hosts: []string{one + " ansible_user=nobdy"},
			says: []string{"nobdy"},
		},
	} {
		if !t.Run(c.name, func(t *testing.T) { c.test(t, lab, before) }) {
			do(t, lab.Reset)
			before = look(t, lab)
		}
	}

	// Other homes: what is in ~/.ssh decides.
	key, err := os.ReadFile(lab.Key())
	if err != nil {
		t.Fatal(err)
	}
	known, err := os.ReadFile(lab.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	stranger := newKey(t)
	for _, c := range []struct {
		name       string
		key, known string
		args       []string
		says       []string
	}{
		{"a key that nobody lets in", stranger, string(known), nil, []string{"peer1", "root", "id_ed25519"}},
		{"unknown host keys", string(key), "", nil, []string{"is not known", "SHA256:", "--host-key"}},
		{"changed host keys", string(key), swapped(string(known)), nil, []string{"has CHANGED", "SHA256:"}},
		{"changed host keys are not new ones", string(key), swapped(string(known)), []string{"--host-key", "accept-new"}, []string{"has CHANGED"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := homeWith(t, c.key, c.known)
			inv := inventoryOf(t, lab, peers)
			r := start(t, commandAt(lab, home, append([]string{"run", "--output", "json", "site.yml", "-i", inv}, c.args...)...)).end()
			r.want(4).says(c.says...)
			before.wantUntouched(t, lab)
		})
	}
	t.Run("new host keys can be accepted", func(t *testing.T) {
		home := homeWith(t, string(key), "")
		inv := inventoryOf(t, lab, peers)
		run := func(args ...string) result {
			return start(t, commandAt(lab, home, append([]string{"run", "--output", "json", "site.yml", "-i", inv, "--check"}, args...)...)).end()
		}
		run("--host-key", "accept-new").want(0)
		run().want(0) // they are known now
		before.wantUntouched(t, lab)
	})

	t.Run("a playbook with mistakes", func(t *testing.T) {
		site, err := os.ReadFile("../../playbooks/site.yml")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("launch:", "lanch:", "verify:\n", "verify:\n        timout: 10s\n", "any_errors_fatal:", "any_error_fatal:").Replace(string(site))
		r := play(t, lab, write(t, "site.yml", text), "-i", inventoryOf(t, lab, peers)).want(4)
		r.says(`did you mean "launch"?`, `did you mean "timeout"?`, `did you mean "any_errors_fatal"?`, "3 errors; nothing was done")
		before.wantUntouched(t, lab)
	})
}

// What is wrong on the hosts themselves: nothing is touched there either.
func TestRefusedByHosts(t *testing.T) {
	lab := three(t)
	for _, c := range []struct {
		name    string
		prepare string // on peer2
		undo    string
		says    []string
	}{
		{
			name:    "a port is taken",
			prepare: "systemd-run -q --unit=squatter redis-server --port 2379 --save '' --dir /tmp; until ss -ltn | grep -q :2379; do sleep 0.1; done",
			undo:    "systemctl stop squatter",
			says:    []string{"peer2: port 2379 is taken: process ", "redis-server"},
		},
		{
			name:    "the data of another cluster",
			prepare: "mkdir -p /home/etcd/data/member/wal && echo precious >/home/etcd/data/member/wal/0.wal",
			undo:    "rm -rf /home/etcd",
			says:    []string{"peer2: /home/etcd/data holds data", "never overwritten"},
		},
		{
			name:    "a full disk",
			prepare: "mkdir /opt/etcd && mount -t tmpfs -o size=20m tmpfs /opt/etcd",
			undo:    "umount /opt/etcd && rmdir /opt/etcd",
			says:    []string{"peer2: ", "/opt/etcd needs 150 MiB", "only 20 MiB are free"},
		},
		{
			name:    "no tar",
			prepare: "mv /usr/bin/tar /usr/bin/rat",
			undo:    "mv /usr/bin/rat /usr/bin/tar",
			says:    []string{"peer2: the host lacks tar"},
		},
		{
			name:    "several problems at once",
			prepare: "mv /usr/bin/tar /usr/bin/rat; mkdir -p /home/etcd/data/member",
			undo:    "mv /usr/bin/rat /usr/bin/tar; rm -rf /home/etcd",
			says:    []string{"2 problems", "the host lacks tar", "/home/etcd/data holds data"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			on(t, lab, "peer2", c.prepare)
			defer on(t, lab, "peer2", c.undo)
			refusal{code: 2, says: c.says}.test(t, lab, look(t, lab))
		})
	}

	// These two come to light only at the download. Nothing of it is left, and
	// nothing is started.
	wantNothingFetched := func(t *testing.T) {
		for _, name := range peers {
			if left := on(t, lab, name, "find /opt/etcd /tmp /var/tmp -name '*etcd*' -path '*v3*' 2>/dev/null; true"); left != "" {
				t.Errorf("%s: this was left: %s", name, left)
			}
			if ps := on(t, lab, name, "pgrep -x etcd; true"); ps != "" {
				t.Errorf("%s: etcd runs", name)
			}
		}
	}
	t.Run("no release to be had", func(t *testing.T) {
		inv := inventoryOf(t, lab, peers)
		// The first address answers 404, the second not at all.
		mirrors := extra(t, map[string]any{"etcd_mirrors": []string{lab.MirrorURL() + "/nowhere", "http://192.168.161.1:9"}})
		play(t, lab, "site.yml", "-i", inv, "-e", mirrors).want(2).
			says(lab.MirrorURL()+"/nowhere", "404", "http://192.168.161.1:9", "refused")
		wantNothingFetched(t)
	})
	t.Run("a release with another checksum", func(t *testing.T) {
		inv := inventoryOf(t, lab, peers, "etcd_checksum=sha256:"+strings.Repeat("0", 64))
		play(t, lab, "site.yml", "-i", inv).want(2).says("checksum", strings.Repeat("0", 64))
		wantNothingFetched(t)
	})
	t.Run("an even number of members is warned of", func(t *testing.T) {
		inv := inventoryOf(t, lab, []string{"peer1", "peer2"})
		play(t, lab, "site.yml", "-i", inv, "--check").want(0).says("2 members survive the loss of 0, as 1 would")
	})
}

// sudo: with the password, with a wrong one, without the right, without sudo.
func TestSudo(t *testing.T) {
	lab := mixed(t)
	before := look(t, lab)
	const host = "peer4" // the one with sudo
	line := strings.Split(hostLine(t, lab, host), " ansible_become_password")[0]
	for _, c := range []refusal{
		{
			name: "a wrong password", code: 2, hosts: []string{line + " ansible_become_password='horse correct'"},
			says: []string{"password", "sudo"}, absent: []string{"horse correct"},
		},
		{name: "no password", code: 2, hosts: []string{line}, says: []string{"sudo", "-K", "ansible_become_password"}},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, lab, before) })
	}
	t.Run("a wrong login password", func(t *testing.T) {
		on(t, lab, host, "echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/00-password.conf; systemctl restart ssh")
		before := look(t, lab)
		home := homeWith(t, "", read(t, lab.KnownHosts()))
		run := func(password string) result {
			inv := write(t, "hosts.ini", "[etcd]\n"+line+" ansible_password='"+password+"'\n")
			p := write(t, "who.yml", "- hosts: etcd\n  gather_facts: false\n  tasks: [command: id -un]\n")
			return start(t, commandAt(lab, home, "run", "--output", "json", p, "-i", inv)).end()
		}
		run(hosts.SudoPassword).want(0)
		r := run("horse correct").want(4).says("deploy", "password")
		if strings.Contains(r.out+r.err, "horse correct") {
			t.Error("the password is told")
		}
		before.wantUntouched(t, lab)
	})
	t.Run("no right to sudo", func(t *testing.T) {
		on(t, lab, "peer5", "useradd -m -s /bin/sh guest && cp -r /root/.ssh /home/guest/ && chown -R guest: /home/guest/.ssh")
		refusal{
			code: 2, hosts: []string{"peer5 ansible_host=192.168.161.7 ansible_user=guest ansible_become_password=guess"}, says: []string{"guest", "sudo"},
		}.test(t, lab, look(t, lab))
	})
	t.Run("no sudo", func(t *testing.T) {
		on(t, lab, "peer5", "mv /usr/bin/sudo /usr/bin/odus")
		refusal{
			code: 2, hosts: []string{"peer5 ansible_host=192.168.161.7 ansible_user=guest"}, says: []string{"sudo", "not"},
		}.test(t, lab, look(t, lab))
	})
	t.Run("no systemd", func(t *testing.T) {
		refusal{code: 2, hosts: []string{hostLine(t, lab, "peer3")}, vars: []string{"etcd_manager=systemd"}, says: []string{"systemd"}}.test(t, lab, look(t, lab))
	})
}

// homeWith is a home with an SSH key, if one is given, and known hosts.
func homeWith(t *testing.T, key, known string) string {
	t.Helper()
	home := t.TempDir()
	ssh := filepath.Join(home, ".ssh")
	if err := os.Mkdir(ssh, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"id_ed25519": key, "known_hosts": known} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(ssh, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// newKey is a private key that no host knows.
func newKey(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return read(t, file)
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// swapped gives each host the key of another.
func swapped(known string) string {
	lines := strings.Split(strings.TrimSpace(known), "\n")
	var out strings.Builder
	for i, line := range lines {
		name, _, _ := strings.Cut(line, " ")
		_, key, _ := strings.Cut(lines[(i+1)%len(lines)], " ")
		out.WriteString(name + " " + key + "\n")
	}
	return out.String()
}
