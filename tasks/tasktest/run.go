package tasktest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
)

// RunFiles runs every case of the case files under every shell: check, then
// apply, then check and apply again. Check mode changes nothing, predicts what
// apply does, and the second time there is nothing to do.
func RunFiles(t *testing.T, reg *tasks.Registry, pattern string) {
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no case files match %s", pattern)
	}
	shells := Shells(t)
	for _, name := range names {
		for _, c := range Load(t, name) {
			for _, sh := range shells {
				if len(c.Only) > 0 && !slices.Contains(c.Only, sh.Name) {
					continue
				}
				t.Run(c.Task+"/"+strings.ReplaceAll(c.Name, " ", "_")+"/"+sh.Name, func(t *testing.T) {
					run(t, reg, c, sh)
				})
			}
		}
	}
}

func run(t *testing.T, reg *tasks.Registry, c Case, sh Shell) {
	root := t.TempDir()
	c = c.at(root)
	conn := &Conn{Shell: sh, Home: root, Env: c.Env, Before: c.Path}
	t.Cleanup(func() { _ = conn.Close() })
	if c.Root {
		conn.Root = root
	}
	for _, program := range c.Needs {
		if !conn.has(program) {
			t.Skipf("%s has no %s", sh.Name, program)
		}
	}
	if (c.Root || c.Netns || len(c.Binds) > 0) && os.Getuid() != 0 {
		t.Skip("needs root, for namespaces of its own")
	}
	conn.Binds = c.Binds
	if c.Netns {
		conn.Netns = newNetns(t)
	}
	shell(t, conn, root, c.Setup, "setup")
	do := func(check bool) (tasks.Result, error) {
		return one(t, reg, c, conn, root, check)
	}

	before := snapshot(t, root)
	foreseen, checkErr := do(true)
	if diff := cmp.Diff(before, snapshot(t, root)); diff != "" {
		t.Fatalf("check mode changed the host:\n%s", diff)
	}
	made, err := do(false)
	if c.Fails != "" {
		expectFailure(t, c, err)
		return
	}
	if err != nil {
		t.Fatalf("failed: %v", explain(err))
	}
	expect(t, "run", c, made)
	if !c.Unforeseen {
		if checkErr != nil {
			t.Errorf("check mode failed: %v", explain(checkErr))
		}
		sameList(t, "check mode's changes", made.Changes, foreseen.Changes)
	}
	shell(t, conn, root, c.After, "after")

	for _, check := range []bool{true, false} {
		again, err := do(check)
		if err != nil {
			t.Fatalf("second run (check %v) failed: %v", check, explain(err))
		}
		if !check || !c.Unforeseen {
			sameList(t, fmt.Sprintf("changes of the second run (check %v)", check), c.Again, again.Changes)
		}
	}
	shell(t, conn, root, c.After, "after the second run")
}

func one(t *testing.T, reg *tasks.Registry, c Case, conn *Conn, root string, check bool) (tasks.Result, error) {
	m, ok := reg.New(c.Task)
	if !ok {
		t.Fatalf("no task %q", c.Task)
	}
	if err := tasks.Decode(m, c.args(t, root)); err != nil {
		return tasks.Result{}, err
	}
	if v, ok := m.(tasks.Validator); ok {
		if err := v.Validate(); err != nil {
			return tasks.Result{}, err
		}
	}
	target := &tasks.Target{Conn: conn, Check: check, Diff: true, Files: Files(c.Files), Status: func(string) {}}
	for _, p := range c.Peers {
		target.Peers = append(target.Peers, tasks.Peer{Name: p.Name, Address: p.Address, Conn: conn})
	}
	if len(target.Peers) == 0 {
		target.Peers = []tasks.Peer{{Name: "peer1", Address: "192.168.161.3", Conn: conn}}
	}
	target.Host = target.Peers[0]
	p, ok := m.(tasks.Preparer)
	if !ok {
		return m.Run(context.Background(), target)
	}
	return prepared(context.Background(), m, p, target)
}

// prepared runs a module that gathers and prepares before it runs, as the runner
// does for a single host.
func prepared(ctx context.Context, m tasks.Module, p tasks.Preparer, target *tasks.Target) (tasks.Result, error) {
	told, err := m.(tasks.Gatherer).Gather(ctx, target.Fresh())
	if err != nil {
		return tasks.Result{}, err
	}
	target.Host.Gathered, target.Peers[0].Gathered = told, told
	told, did, err := p.Prepare(ctx, target.Fresh())
	if err != nil {
		return did, err
	}
	target.Host.Gathered, target.Peers[0].Gathered = told, told
	res, err := m.Run(ctx, target.Fresh())
	res.Changes = append(did.Changes, res.Changes...)
	res.Warnings = append(did.Warnings, res.Warnings...)
	res.Changed = did.Changed || res.Changed
	return res, err
}

// at fills in {root}.
func (c Case) at(root string) Case {
	in := func(s string) string { return strings.ReplaceAll(s, "{root}", root) }
	all := func(list []string) []string {
		out := make([]string, len(list))
		for i, s := range list {
			out[i] = in(s)
		}
		return out
	}
	c.Setup, c.After, c.Fails, c.Hint, c.Path = in(c.Setup), in(c.After), in(c.Fails), in(c.Hint), in(c.Path)
	c.Changes, c.Again, c.Warnings = all(c.Changes), all(c.Again), all(c.Warnings)
	c.Env, c.Binds = all(c.Env), all(c.Binds)
	data := map[string]string{}
	for k, v := range c.Data {
		data[k] = in(v)
	}
	c.Data = data
	return c
}

func expect(t *testing.T, what string, c Case, got tasks.Result) {
	t.Helper()
	sameList(t, "changes of the "+what, c.Changes, got.Changes)
	if got.Changed != (len(c.Changes) > 0) {
		t.Errorf("changed is %v with the changes %q", got.Changed, got.Changes)
	}
	if got.Skipped != c.Skipped {
		t.Errorf("skipped is %v (%s)", got.Skipped, got.Msg)
	}
	for i, w := range c.Warnings {
		if i >= len(got.Warnings) || !strings.Contains(got.Warnings[i], w) {
			t.Errorf("warnings are %q, want one with %q", got.Warnings, w)
		}
	}
	if len(c.Warnings) < len(got.Warnings) {
		t.Errorf("unexpected warnings in %q", got.Warnings)
	}
	for k, want := range c.Data {
		if v, ok := got.Data.Get(k); !ok || value.Str(v) != want {
			t.Errorf("%s is %s, want %s", k, value.Str(v), want)
		}
	}
}

func expectFailure(t *testing.T, c Case, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("did not fail, want %q", c.Fails)
	}
	if !strings.Contains(err.Error(), c.Fails) {
		t.Errorf("failed with %q, want %q", explain(err), c.Fails)
	}
	if c.Hint != "" && !strings.Contains(explain(err), c.Hint) {
		t.Errorf("failed with %q, want the hint %q", explain(err), c.Hint)
	}
}

func sameList(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// explain is an error with all that it knows.
func explain(err error) string {
	var f *tasks.Failure
	if !errors.As(err, &f) {
		return err.Error()
	}
	return fmt.Sprintf("%s (exit %d)\nhint: %s\nstderr: %s", err, f.Code, f.Hint, f.Stderr)
}

func shell(t *testing.T, conn *Conn, dir, text, what string) {
	t.Helper()
	if text == "" {
		return
	}
	argv := append(inNetns(conn.Netns), "sh", "-eux", "-c", text)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, out)
	}
}

// snapshot is all that can be seen of a folder.
func snapshot(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		text := fmt.Sprintf("%v %d:%d %d", info.Mode(), st.Uid, st.Gid, info.ModTime().UnixNano())
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %x", sha256.Sum256(content))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			text += " -> " + target
		}
		out[p] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
