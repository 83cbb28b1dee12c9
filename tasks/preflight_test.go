package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
	"github.com/etcdplay/etcdplay/test/etcdtest"
)

// preflightOn runs preflight as the runner does, all hosts being this machine,
// and returns the result of the first.
func preflightOn(t *testing.T, conn tasks.Conn, args ...*value.Dict) (tasks.Result, error) {
	t.Helper()
	target := &tasks.Target{Conn: conn, Status: func(string) {}}
	var first *tasks.Preflight
	for i, a := range args {
		p := &tasks.Preflight{}
		if err := tasks.Decode(p, a); err != nil {
			t.Fatal(err)
		}
		if err := p.Validate(); err != nil {
			t.Fatal(err)
		}
		gathered, err := p.Gather(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		target.Peers = append(target.Peers, tasks.Peer{Name: fmt.Sprintf("peer%d", i+1), Conn: conn, Gathered: gathered})
		if i == 0 {
			first, target.Host = p, target.Peers[0]
		}
	}
	return first.Run(t.Context(), target)
}

func preflightShells(t *testing.T, f func(t *testing.T, conn tasks.Conn, home string)) {
	for _, sh := range tasktest.Shells(t) {
		t.Run(sh.Name, func(t *testing.T) {
			home := t.TempDir()
			f(t, &tasktest.Conn{Shell: sh, Home: home}, home)
		})
	}
}

func TestPreflightTakenPorts(t *testing.T) {
	preflightShells(t, func(t *testing.T, conn tasks.Conn, _ string) {
		for _, c := range []struct{ listen, want, taken string }{
			{"127.0.0.1:0", "127.0.0.1", "127.0.0.1:PORT"},
			{"127.0.0.1:0", "", "127.0.0.1:PORT"},
			{"127.0.0.1:0", "127.0.0.2", ""},
			{"0.0.0.0:0", "127.0.0.2", ":PORT"},
			{"[::1]:0", "[::1]", "[::1]:PORT"},
			{"[::1]:0", "127.0.0.1", ""},
		} {
			l, err := net.Listen("tcp", c.listen)
			if err != nil {
				t.Logf("left out: this machine can't listen on %s: %v", c.listen, err)
				continue
			}
			_, port, _ := net.SplitHostPort(l.Addr().String())
			want := port
			if c.want != "" {
				want = c.want + ":" + port
			}
			_, err = preflightOn(t, conn, value.NewDict("ports", want))
			l.Close()
			text := failureText(err)
			switch holder := fmt.Sprintf("port %s is taken: process %d listens on ", port, os.Getpid()); {
			case c.taken == "" && err != nil:
				t.Errorf("%s listens, %s is wanted: %s", l.Addr(), want, text)
			case c.taken != "" && (!strings.Contains(text, holder) || !strings.Contains(text, strings.ReplaceAll(c.taken, "PORT", port)+": "+os.Args[0])):
				t.Errorf("%s listens, %s is wanted: %s\nwant: %s… %s", l.Addr(), want, text, holder, c.taken)
			}
		}
	})
}

func TestPreflightTwins(t *testing.T) {
	conn := &tasktest.Conn{Shell: tasktest.Shells(t)[0], Home: t.TempDir()}
	dict := value.NewDict
	named := func(name, shared string) *value.Dict {
		return dict("unique", dict("name", name, "url", "http://"+name), "shared", shared)
	}
	for what, c := range map[string]struct {
		args []*value.Dict
		want string
	}{
		"two names of one machine": {[]*value.Dict{dict(), dict()}, "peer1 and peer2 are the same machine"},
		"on purpose":               {[]*value.Dict{named("a", "yes"), named("b", "yes")}, ""},
		"one name":                 {[]*value.Dict{named("a", "yes"), named("b", "yes"), named("a", "yes")}, "peer1 and peer3 have the same name: a"},
	} {
		if _, err := preflightOn(t, conn, c.args...); (err == nil) != (c.want == "") || !strings.Contains(failureText(err), c.want) {
			t.Errorf("%s: %s, want %q", what, failureText(err), c.want)
		}
	}
}

func TestPreflightStranger(t *testing.T) {
	preflightShells(t, func(t *testing.T, conn tasks.Conn, home string) {
		host := func(name, record string) *value.Dict {
			dir := home + "/" + name
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if record != "" {
				if err := os.WriteFile(dir+"/etcd.run", []byte(record), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			return value.NewDict("shared", true, "daemon", value.NewDict("name", "etcd", "dir", dir, "peer", name+"=http://"+name))
		}
		if _, err := preflightOn(t, conn, host("peer1", ""), host("peer2", "")); err != nil {
			t.Errorf("all hosts are new: %s", failureText(err))
		}
		stopped := "exec etcd --initial-cluster=peer1=http://peer1,peer2=http://peer2"
		if _, err := preflightOn(t, conn, host("peer1", ""), host("peer2", stopped)); err != nil {
			t.Errorf("an earlier run came as far as peer2: %s", failureText(err))
		}
		if _, err := preflightOn(t, conn, host("peer4", ""), host("peer1", ""), host("peer2", stopped)); err == nil ||
			!strings.Contains(failureText(err), "the cluster that runs on peer3 was made without it (it knows no peer4=http://peer4)") {
			t.Errorf("peer4 is no member: %s", failureText(err))
		}
	})
}

// A member is not switched between http and https by the way.
func TestPreflightScheme(t *testing.T) {
	preflightShells(t, func(t *testing.T, conn tasks.Conn, home string) {
		host := func(record, endpoint string, more ...any) *value.Dict {
			if err := os.WriteFile(home+"/etcd.run", []byte(record), 0o644); err != nil {
				t.Fatal(err)
			}
			return value.NewDict(append([]any{"daemon", value.NewDict("name", "etcd", "dir", home), "etcd", value.NewDict("endpoint", endpoint+"://192.168.161.3:2379")}, more...)...)
		}
		const plain, secure = "exec /x/etcd --advertise-client-urls=http://h:2379", "exec /x/etcd --advertise-client-urls=https://h:2379"
		for _, c := range []struct{ record, wanted, scheme, refused string }{
			{"", "https", "", ""},
			{secure, "https", "https", ""},
			{plain, "http", "http", ""},
			{plain, "https", "", "tls-enable.yml"},
			{secure, "http", "", "etcd_tls=true"},
		} {
			res, err := preflightOn(t, conn, host(c.record, c.wanted))
			if (err == nil) != (c.refused == "") || !strings.Contains(failureText(err), c.refused) {
				t.Errorf("%q, %s is wanted: %s", c.record, c.wanted, failureText(err))
			}
			if got, _ := res.Data.Get("scheme"); err == nil && got != c.scheme {
				t.Errorf("%q: the scheme is %v", c.record, got)
			}
		}
		if _, err := preflightOn(t, conn, host(plain, "https", "switching", true)); err != nil {
			t.Errorf("while it is switched: %s", failureText(err))
		}
	})
}

func TestPreflightSums(t *testing.T) {
	preflightShells(t, func(t *testing.T, conn tasks.Conn, home string) {
		if err := os.WriteFile(home+"/there", []byte("hello"), 0o644); err != nil {
			t.Fatal(err)
		}
		res, err := preflightOn(t, conn, value.NewDict("sums", value.NewDict("a", home+"/there", "b", home+"/not there")))
		if err != nil {
			t.Fatal(failureText(err))
		}
		got, _ := res.Data.Get("sums")
		if want := "{'a': '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'}"; value.Repr(got) != want {
			t.Errorf("sums are %s, want %s", value.Repr(got), want)
		}
	})
}

// A daemon that someone started by hand holds its ports and owns its data.
func TestPreflightStartedByHand(t *testing.T) {
	server := etcdtest.Servers(t, etcdtest.Version, 1)[0]
	etcdtest.Start(t, server)
	port := server.Client[strings.LastIndex(server.Client, ":")+1:]
	preflightShells(t, func(t *testing.T, conn tasks.Conn, _ string) {
		dict := func(command string) *value.Dict {
			return value.NewDict("data", server.Dir, "ports", port, "daemon", value.NewDict("name", "etcd", "command", command))
		}
		etcdtest.Eventually(t, func(ctx context.Context) error {
			_, err := preflightOn(t, conn, dict("/opt/etcd/etcd"))
			if !portTaken(port) {
				return errors.New("etcd does not listen yet")
			}
			if err != nil {
				return errors.New(failureText(err))
			}
			return nil
		})
		if _, err := preflightOn(t, conn, dict("nats-server")); err == nil || !strings.Contains(failureText(err), "2 problems") {
			t.Errorf("etcd's data and port were taken for nats-server's: %s", failureText(err))
		}
	})
}

// A daemon that was told of its data by the environment is known by its open files.
func TestPreflightKnowsOpenData(t *testing.T) {
	program := etcdtest.Program(t, etcdtest.Version, "etcd")
	data, client, peer := t.TempDir(), freeAddr(t), freeAddr(t)
	cmd := exec.Command(program)
	cmd.Env = []string{"ETCD_DATA_DIR=" + data, "ETCD_LISTEN_CLIENT_URLS=http://" + client, "ETCD_ADVERTISE_CLIENT_URLS=http://" + client, "ETCD_LISTEN_PEER_URLS=http://" + peer}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	port := client[strings.LastIndex(client, ":")+1:]
	etcdtest.Eventually(t, func(context.Context) error {
		if !portTaken(port) {
			return errors.New("etcd does not listen yet")
		}
		return nil
	})
	preflightShells(t, func(t *testing.T, conn tasks.Conn, _ string) {
		asked := func(command string) error {
			_, err := preflightOn(t, conn, value.NewDict("data", data, "ports", port, "daemon", value.NewDict("name", "etcd", "command", command)))
			return err
		}
		if err := asked("/opt/etcd/etcd"); err != nil {
			t.Error(failureText(err))
		}
		if err := asked("nats-server"); err == nil || !strings.Contains(failureText(err), "2 problems") {
			t.Errorf("etcd's data and port were taken for nats-server's: %s", failureText(err))
		}
	})
}

func portTaken(port string) bool {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err == nil {
		c.Close()
	}
	return err == nil
}
