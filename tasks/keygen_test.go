package tasks_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// keyPeers are hosts with an /etc and a /home of their own, each with the host
// keys of an SSH server.
type keyPeers struct {
	t     *testing.T
	hosts []*keyPeer
	args  *value.Dict
	check bool
	limit map[string]bool // hosts that take part; all when nil
}

type keyPeer struct {
	name, root string
	port       int
	conn       tasks.Conn
	shell      *tasktest.Conn
}

func newKeyPeers(t *testing.T, sh tasktest.Shell, n int, shadow string) *keyPeers {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for hosts with an /etc of their own")
	}
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("needs ssh-keygen")
	}
	k := &keyPeers{t: t, args: value.NewDict("user", "etcd")}
	for i := range n {
		root := t.TempDir()
		// the SSH server wants no one else to be able to write above the keys
		for d := root; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			mustDo(t, os.Chmod(d, 0o755))
		}
		for _, d := range []string{"etc/ssh", "home/etcd"} {
			mustDo(t, os.MkdirAll(filepath.Join(root, d), 0o755))
		}
		mustDo(t, os.Chown(filepath.Join(root, "home/etcd"), 2379, 2379))
		for name, text := range map[string]string{
			"etc/passwd":        "root:x:0:0::/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\netcd:x:2379:2379::/home/etcd:/bin/sh\n",
			"etc/group":         "root:x:0:\netcd:x:2379:\nnogroup:x:65534:\n",
			"etc/shadow":        "root:*:1::::::\nsshd:*:1::::::\netcd:" + shadow + ":1::::::\n",
			"etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n",
		} {
			mustDo(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o644))
		}
		if _, err := os.Stat("/etc/alternatives"); err == nil { // where awk is a link to
			mustDo(t, exec.Command("cp", "-a", "/etc/alternatives", root+"/etc/").Run())
		}
		addr := freeAddr(t)
		_, port, _ := net.SplitHostPort(addr)
		p := &keyPeer{name: fmt.Sprintf("peer%d", i+1), root: root, shell: &tasktest.Conn{Shell: sh, Root: root}}
		p.conn = p.shell
		fmt.Sscan(port, &p.port)
		config := fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nUsePAM no\nPidFile none\nHostKey /etc/ssh/ssh_host_ed25519_key\nHostKey /etc/ssh/ssh_host_ecdsa_key\n", port)
		mustDo(t, os.WriteFile(filepath.Join(root, "etc/ssh/sshd_config"), []byte(config), 0o644))
		for _, kind := range []string{"ed25519", "ecdsa"} {
			out, err := exec.Command("ssh-keygen", "-q", "-N", "", "-t", kind, "-f", filepath.Join(root, "etc/ssh/ssh_host_"+kind+"_key")).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		k.hosts = append(k.hosts, p)
	}
	return k
}

// run does what the runner does with a gathering, preparing module.
func (k *keyPeers) run() (map[string]tasks.Result, error) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var peers []tasks.Peer
	mods := map[string]*tasks.Keygen{}
	for _, h := range k.hosts {
		m := &tasks.Keygen{}
		args := k.args.Clone()
		args.Set("port", h.port)
		mustDo(k.t, tasks.Decode(m, args))
		mustDo(k.t, m.Validate())
		mods[h.name] = m
		peers = append(peers, tasks.Peer{Name: h.name, Address: "127.0.0.1", Conn: h.conn, Outside: k.limit != nil && !k.limit[h.name]})
	}
	target := func(i int) *tasks.Target {
		return &tasks.Target{Host: peers[i], Peers: peers, Everyone: peers, Conn: peers[i].Conn, Check: k.check, Diff: true, Status: func(string) {}}
	}
	for i := range peers {
		g, err := mods[peers[i].Name].Gather(ctx, target(i))
		if err != nil {
			return nil, err
		}
		peers[i].Gathered = g
	}
	results := map[string]tasks.Result{}
	for i := range peers {
		if peers[i].Outside {
			continue
		}
		g, did, err := mods[peers[i].Name].Prepare(ctx, target(i))
		if err != nil {
			return nil, err
		}
		peers[i].Gathered = g
		results[peers[i].Name] = did
	}
	for i := range peers {
		if peers[i].Outside {
			continue
		}
		res, err := mods[peers[i].Name].Run(ctx, target(i))
		did := results[peers[i].Name]
		res.Changes = append(did.Changes, res.Changes...)
		res.Warnings = append(did.Warnings, res.Warnings...)
		results[peers[i].Name] = res
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

func (k *keyPeers) converge() map[string]tasks.Result {
	k.t.Helper()
	k.check = true
	foreseen, err := k.run()
	if err != nil {
		k.t.Fatalf("check: %s", explain(err))
	}
	k.check = false
	made, err := k.run()
	if err != nil {
		k.t.Fatalf("run: %s", explain(err))
	}
	for name := range made {
		if diff := cmp.Diff(foreseen[name].Changes, made[name].Changes, cmpopts.EquateEmpty()); diff != "" {
			k.t.Errorf("%s: foreseen and made:\n%s", name, diff)
		}
	}
	for _, k.check = range []bool{true, false} {
		again, err := k.run()
		if err != nil {
			k.t.Fatalf("again: %s", explain(err))
		}
		for name, res := range again {
			if len(res.Changes) > 0 {
				k.t.Errorf("%s: the second run (check %v) makes %q", name, k.check, res.Changes)
			}
		}
	}
	k.check = false
	return made
}

func (h *keyPeer) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.root, name))
	mustDo(t, err)
	return string(text)
}

// inside is a command within the host's own /etc and /home.
func (h *keyPeer) inside(argv ...string) *exec.Cmd {
	const enter = `for d in etc home; do mount --bind "$0/$d" "/$d" || exit 125; done; exec "$@"`
	return exec.Command("unshare", append([]string{"-m", "sh", "-c", enter, h.root}, argv...)...)
}

// serve runs the host's SSH server.
func (h *keyPeer) serve(t *testing.T) {
	t.Helper()
	sshd, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		t.Skip("needs sshd")
	}
	mustDo(t, os.MkdirAll("/run/sshd", 0o755))
	cmd := h.inside(sshd, "-D", "-e", "-f", "/etc/ssh/sshd_config")
	var said bytes.Buffer
	cmd.Stderr = &said
	mustDo(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // ended below
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %s", h.name, said.String())
		}
	})
	for range 100 {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", h.port)); err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("sshd on %s does not listen: %s", h.name, said.String())
}

// logIn is ssh as etcd from one host to another, asking nothing.
func (h *keyPeer) logIn(to *keyPeer) error {
	cmd := h.inside("setpriv", "--reuid=2379", "--regid=2379", "--clear-groups", "env", "HOME=/home/etcd",
		"ssh", "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-p", fmt.Sprint(to.port), "etcd@127.0.0.1", "true")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func TestKeygenLogsIn(t *testing.T) {
	t.Parallel()
	k := newKeyPeers(t, tasktest.Shells(t)[0], 3, "!")
	res := k.converge()
	want := []string{
		"create ~etcd/.ssh", "generate ~etcd/.ssh/id_ed25519",
		"let etcd log in with keys (its password was locked, and is now none)",
		"authorise the key of etcd@peer1 for etcd", "authorise the key of etcd@peer2 for etcd", "authorise the key of etcd@peer3 for etcd",
		"trust the host keys of peer1 for etcd", "trust the host keys of peer2 for etcd", "trust the host keys of peer3 for etcd",
	}
	if diff := cmp.Diff(want, res["peer2"].Changes); diff != "" {
		t.Error(diff)
	}
	if len(res["peer2"].Warnings) > 0 {
		t.Errorf("warnings: %q", res["peer2"].Warnings)
	}
	for _, h := range k.hosts {
		h.serve(t)
	}
	for _, from := range k.hosts {
		for _, to := range k.hosts {
			if err := from.logIn(to); err != nil {
				t.Errorf("%s to %s: %v", from.name, to.name, err)
			}
		}
	}
}

func TestKeygenFiles(t *testing.T) {
	eachShell(t, func(t *testing.T, sh tasktest.Shell) {
		k := newKeyPeers(t, sh, 2, "*")
		if sh.Name == "busybox" {
			// its PATH has no ssh-keygen
			for _, h := range k.hosts {
				h.shell.Shell.Path += ":" + only(t, "ssh-keygen")
			}
		}
		one, two := k.hosts[0], k.hosts[1]
		mine := "# mine\nssh-rsa AAAA me@example.com"
		mustDo(t, os.Mkdir(one.root+"/home/etcd/.ssh", 0o755))
		mustDo(t, os.WriteFile(one.root+"/home/etcd/.ssh/authorized_keys", []byte(mine), 0o644))
		mustDo(t, os.WriteFile(one.root+"/home/etcd/.ssh/known_hosts", []byte("example.com ssh-ed25519 BBBB\n"), 0o644))
		res := k.converge()
		for _, want := range []string{"chown etcd:2379 /home/etcd/.ssh", "chmod 0700 /home/etcd/.ssh", "chmod 0600 /home/etcd/.ssh/authorized_keys"} {
			if !contains2(res["peer1"].Changes, want) {
				t.Errorf("no %q among %q", want, res["peer1"].Changes)
			}
		}
		auth := one.read(t, "home/etcd/.ssh/authorized_keys")
		if !strings.HasPrefix(auth, mine+"\n") || strings.Count(auth, "\n") != 4 {
			t.Errorf("authorized_keys:\n%s", auth)
		}
		known := one.read(t, "home/etcd/.ssh/known_hosts")
		if !strings.HasPrefix(known, "example.com ssh-ed25519 BBBB\n") || strings.Count(known, "\n") != 5 {
			t.Errorf("known_hosts:\n%s", known)
		}
		if want := fmt.Sprintf("[peer2]:%d,[127.0.0.1]:%d ssh-ed25519 ", two.port, two.port); !strings.Contains(known, want) {
			t.Errorf("known_hosts lacks %q:\n%s", want, known)
		}
		key := one.read(t, "home/etcd/.ssh/id_ed25519")

		// another key on peer2: only its line is replaced
		mustDo(t, os.Remove(two.root+"/home/etcd/.ssh/id_ed25519"))
		mustDo(t, os.Remove(two.root+"/home/etcd/.ssh/id_ed25519.pub"))
		res = k.converge()
		if diff := cmp.Diff([]string{"replace the key of etcd@peer2 for etcd"}, res["peer1"].Changes); diff != "" {
			t.Error(diff)
		}
		if auth := one.read(t, "home/etcd/.ssh/authorized_keys"); !strings.HasPrefix(auth, mine+"\n") || strings.Count(auth, "\n") != 4 {
			t.Errorf("authorized_keys:\n%s", auth)
		}
		// another host key
		mustDo(t, os.Remove(two.root+"/etc/ssh/ssh_host_ecdsa_key"))
		mustDo(t, os.Remove(two.root+"/etc/ssh/ssh_host_ecdsa_key.pub"))
		if out, err := exec.Command("ssh-keygen", "-q", "-N", "", "-t", "ecdsa", "-f", two.root+"/etc/ssh/ssh_host_ecdsa_key").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		res = k.converge()
		if diff := cmp.Diff([]string{"renew the host keys of peer2 for etcd"}, res["peer1"].Changes); diff != "" {
			t.Error(diff)
		}
		// the public half is lost, as when making a pair was cut off
		mustDo(t, os.Remove(two.root+"/home/etcd/.ssh/id_ed25519.pub"))
		res = k.converge()
		if diff := cmp.Diff([]string{"write ~etcd/.ssh/id_ed25519.pub"}, res["peer2"].Changes); diff != "" {
			t.Error(diff)
		}
		if now := one.read(t, "home/etcd/.ssh/id_ed25519"); now != key {
			t.Error("a private key was replaced")
		}
		info, err := os.Stat(one.root + "/home/etcd/.ssh/id_ed25519")
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("private key: %v %v", info.Mode(), err)
		}
	})
}

func contains2(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// only is a PATH with some programs of this machine.
func only(t *testing.T, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range programs {
		at, err := exec.LookPath(p)
		mustDo(t, err)
		mustDo(t, os.Symlink(at, filepath.Join(dir, p)))
	}
	return dir
}

func TestKeygenLimit(t *testing.T) {
	t.Parallel()
	k := newKeyPeers(t, tasktest.Shells(t)[0], 3, "*")
	k.limit = map[string]bool{"peer1": true, "peer2": true}
	res := k.converge()
	if len(res["peer1"].Warnings) != 1 || !strings.Contains(res["peer1"].Warnings[0], "peer3 has no key yet") {
		t.Errorf("warnings: %q", res["peer1"].Warnings)
	}
	if _, err := os.Stat(k.hosts[2].root + "/home/etcd/.ssh"); err == nil {
		t.Error("a host that --limit leaves out was changed")
	}
	if known := k.hosts[0].read(t, "home/etcd/.ssh/known_hosts"); !strings.Contains(known, "peer3") {
		t.Errorf("known_hosts lacks peer3:\n%s", known)
	}
	k.limit = nil
	k.converge()
}

func TestKeygenConverges(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 3; n++ {
		for _, after := range []bool{false, true} {
			k := newKeyPeers(t, tasktest.Shells(t)[0], 2, "!")
			h := k.hosts[1]
			h.conn = &cutConn{Conn: h.shell, left: n, after: after}
			if _, err := k.run(); err == nil {
				t.Errorf("round trip %d was not cut off", n)
			}
			h.conn = h.shell
			k.converge()
		}
	}
}

func TestKeygenFailures(t *testing.T) {
	t.Parallel()
	k := newKeyPeers(t, tasktest.Shells(t)[0], 1, "!hash")
	res := k.converge()
	if len(res["peer1"].Warnings) != 1 || !strings.Contains(res["peer1"].Warnings[0], "is locked") {
		t.Errorf("warnings: %q", res["peer1"].Warnings)
	}
	ssh := k.hosts[0].root + "/home/etcd/.ssh"
	mustDo(t, os.Rename(ssh+"/authorized_keys", ssh+"/elsewhere"))
	mustDo(t, os.Symlink("/etc/shadow", ssh+"/authorized_keys"))
	if _, err := k.run(); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("a link: %v", err)
	}
	mustDo(t, os.Remove(ssh+"/authorized_keys"))
	mustDo(t, os.Remove(ssh+"/id_ed25519"))
	if _, err := k.run(); err == nil || !strings.Contains(err.Error(), "without its private key") {
		t.Errorf("a public key alone: %v", err)
	}
	k.args.Set("user", "nobodyhere")
	if _, err := k.run(); err == nil || !strings.Contains(err.Error(), "there is no user nobodyhere") {
		t.Errorf("no such user: %v", err)
	}
	k.check = true
	if res, err := k.run(); err != nil || len(res["peer1"].Changes) < 3 {
		t.Errorf("a user that an earlier task will make: %q %v", res["peer1"].Changes, err)
	}
}

// Only an sshd whose settings are out of the ordinary is asked for them.
func TestKeygenAsksServer(t *testing.T) {
	t.Parallel()
	usual := "# as Debian has it\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nPrintMotd no\nSubsystem\tsftp\t/usr/lib/openssh/sftp-server"
	for what, c := range map[string]struct {
		config string
		asked  bool
	}{
		"usual":               {usual, false},
		"without PAM":         {"UsePAM no\n", true},
		"says nothing of PAM": {"PrintMotd no\n", true},
		"another key":         {usual + "\nHostKey /etc/ssh/mine\n", true},
		"as an assignment":    {usual + "\nHostKey=/etc/ssh/mine", true},
		"other keys file":     {usual + "\nauthorizedkeysfile /etc/keys/%u", true},
		"other files":         {usual + "\nInclude /etc/more\n", true},
		"for some":            {usual + "\nMatch User etcd\n  AuthorizedKeysFile none\n", true},
	} {
		k := newKeyPeers(t, stub(t, tasktest.Shells(t)[0], "sshd", "echo asked >&2; echo asked >/etc/ssh/asked; exit 1"), 1, "*")
		etc := filepath.Join(k.hosts[0].root, "etc/ssh")
		mustDo(t, os.WriteFile(etc+"/sshd_config", []byte(c.config), 0o644))
		k.converge()
		_, err := os.Stat(etc + "/asked")
		if asked := err == nil; asked != c.asked {
			t.Errorf("%s: asked: %v", what, asked)
		}
		if known := k.hosts[0].read(t, "home/etcd/.ssh/known_hosts"); strings.Count(known, "\n") != 2 {
			t.Errorf("%s: known_hosts:\n%s", what, known)
		}
	}
}
