package tasks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

// What would make etcd unhappy is warned of, at the host that it is about.
func TestEtcdFitness(t *testing.T) {
	eachShell(t, func(t *testing.T, sh tasktest.Shell) {
		dir := t.TempDir()
		ahead := t.TempDir() // has a clock of its own
		date, err := exec.LookPath("date")
		mustDo(t, err)
		mustDo(t, os.WriteFile(filepath.Join(ahead, "date"), []byte("#!/bin/sh\necho $(($("+date+" +%s) + 100)).000\n"), 0o755))
		peers := []tasks.Peer{
			{Name: "peer1", Conn: &tasktest.Conn{Shell: sh, Home: dir}},
			{Name: "peer2", Conn: &tasktest.Conn{Shell: tasktest.Shells(t)[0], Home: dir, Before: ahead}}, // busybox would take its own date,
		}
		look := func(check bool, args ...any) map[string]tasks.Result {
			t.Helper()
			all := map[string]tasks.Result{}
			m := &tasks.EtcdFitness{}
			mustDo(t, tasks.Decode(m, value.NewDict(append([]any{"data", filepath.Join(dir, "etcd/data")}, args...)...)))
			target := &tasks.Target{Check: check, Status: func(string) {}}
			for _, p := range peers {
				own := *target
				own.Host, own.Conn = p, p.Conn
				var err error
				p.Gathered, err = m.Gather(t.Context(), &own)
				mustDo(t, err)
				target.Peers = append(target.Peers, p)
			}
			for _, p := range target.Peers {
				own := *target
				own.Host, own.Conn = p, p.Conn
				res, err := m.Run(t.Context(), &own)
				mustDo(t, err)
				all[p.Name] = res
			}
			return all
		}
		warns := func(res tasks.Result, text string) bool {
			return strings.Contains(strings.Join(res.Warnings, "\n"), text)
		}

		got := look(false, "latency", "1us")
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("it left something behind: %v, %v", left, err)
		}
		for name, res := range got {
			timed := warns(res, "is slow") && strings.Contains(res.Msg, "write")
			if !timed && !warns(res, "does not know oflag=dsync") {
				t.Errorf("%s: no disk writes within a microsecond: %q, %q", name, res.Msg, res.Warnings)
			}
		}
		_, clocks := got["peer1"].Data.Get("clock_offset") // busybox' date knows whole seconds only
		if clocks && (warns(got["peer1"], "ahead of") || !warns(got["peer2"], "ahead of peer1's")) {
			t.Errorf("peer2's clock is ahead: %q, %q", got["peer1"].Warnings, got["peer2"].Warnings)
		}

		got = look(true, "skew", "1h", "latency", "1us")
		for name, res := range got {
			if warns(res, "is slow") || warns(res, "ahead of") || res.Changed {
				t.Errorf("%s, in check mode, an hour apart is all right: %q", name, res.Warnings)
			}
		}
	})
}
