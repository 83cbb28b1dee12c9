package inventory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// tree writes files, by their paths, into a new folder. Programs are those that
// begin with #!.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, opts Options, sources ...string) *Inventory {
	t.Helper()
	inv, err := Load(t.Context(), sources, opts)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// Every layer sets x; taking away the winner, layer by layer, shows the next.
func TestPrecedence(t *testing.T) {
	files := map[string]string{
		"inv/hosts":                "[all:vars]\nx=all\n[deep:vars]\nx=deep\n[outer:vars]\nx=outer\n[outer:children]\ndeep\n[deep]\nh1 x=line\nh2\n",
		"inv/group_vars/all.yml":   "x: inv all",
		"inv/group_vars/outer.yml": "x: inv outer",
		"inv/group_vars/deep.yml":  "x: inv deep",
		"inv/host_vars/h1.yml":     "x: inv host",
		"pb/group_vars/all.yml":    "x: pb all",
		"pb/group_vars/outer.yml":  "x: pb outer",
		"pb/group_vars/deep.yml":   "x: pb deep",
		"pb/host_vars/h1.yml":      "x: pb host",
	}
	want := []struct {
		value, from string
		layer       Layer
	}{
		{"pb host", "pb/host_vars/h1.yml:1:1", PlaybookHostFiles},
		{"inv host", "inv/host_vars/h1.yml:1:1", SourceHostFiles},
		{"line", "inv/hosts:10:4", HostVars},
		{"pb deep", "pb/group_vars/deep.yml:1:1", PlaybookGroupFile},
		{"pb outer", "pb/group_vars/outer.yml:1:1", PlaybookGroupFile},
		{"inv deep", "inv/group_vars/deep.yml:1:1", SourceGroupFiles},
		{"inv outer", "inv/group_vars/outer.yml:1:1", SourceGroupFiles},
		{"pb all", "pb/group_vars/all.yml:1:1", PlaybookAllFiles},
		{"inv all", "inv/group_vars/all.yml:1:1", SourceAllFiles},
		{"deep", "inv/hosts:4:1", GroupVars},
		{"outer", "inv/hosts:6:1", GroupVars},
		{"all", "inv/hosts:2:1", AllVars},
	}
	dir := tree(t, files)
	inv := load(t, Options{}, filepath.Join(dir, "inv/hosts"))
	if err := inv.AddPlaybookDir(filepath.Join(dir, "pb")); err != nil {
		t.Fatal(err)
	}
	vars := inv.Vars(inv.Host("h1"))
	got := vars.Explain("x")
	if len(got) != len(want) {
		t.Fatalf("%d places set x, want %d:\n%s", len(got), len(want), vars.Explanation("x"))
	}
	for i, w := range want {
		if got[i].Value != w.value || got[i].From.String() != filepath.Join(dir, w.from) || got[i].Layer != w.layer {
			t.Errorf("%d: %+v, want %+v", i, got[i], w)
		}
	}
	if v, ok := vars.Get("x"); !ok || v.Value != "pb host" {
		t.Errorf("x = %v", v)
	}
	if v, _ := inv.Vars(inv.Host("h2")).Get("x"); v.Value != "pb deep" {
		t.Errorf("x of h2 = %v", v)
	}
	if _, err := vars.Find("xx"); err == nil || !strings.Contains(err.(*source.Error).Hint, `"x"`) {
		t.Errorf("no hint: %v", err)
	}
}

func TestExplainWithinALayer(t *testing.T) {
	dir := tree(t, map[string]string{
		"a":                  "[g]\nh x=1\nh x=2\n",
		"b":                  "[g]\nh x=3 y=1\n",
		"group_vars/g/1.yml": "z: 1",
		"group_vars/g/2.yml": "z: 2",
	})
	inv := load(t, Options{}, filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	if err := inv.AddPlaybookDir(dir); err != nil { // the same files once more
		t.Fatal(err)
	}
	got := strings.ReplaceAll(inv.Vars(inv.Host("h")).Explanation("x", "z"), dir+"/", "")
	want := `x = 3
    from b:2:3 (host vars)
    over 2 from a:3:3 (host vars)
    over 1 from a:2:3 (host vars)
z = 2
    from group_vars/g/2.yml:1:1 (playbook group_vars of g)
    over 1 from group_vars/g/1.yml:1:1 (playbook group_vars of g)
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A later source's files win over an earlier source's, whatever the groups.
func TestSourcesInOrder(t *testing.T) {
	dir := tree(t, map[string]string{
		"a/hosts": "[deep]\nh\n[outer:children]\ndeep\n", "a/group_vars/deep.yml": "x: a deep",
		"b/hosts": "[other]\no\n", "b/group_vars/outer.yml": "x: b outer",
	})
	inv := load(t, Options{}, filepath.Join(dir, "a/hosts"), filepath.Join(dir, "b"))
	if v, _ := inv.Vars(inv.Host("h")).Get("x"); v.Value != "b outer" {
		t.Errorf("x = %v", v)
	}
}

func TestVault(t *testing.T) {
	dir := tree(t, map[string]string{
		"hosts.yml":          "all:\n  hosts:\n    h:\n      s: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        3030\n",
		"group_vars/all.yml": "$ANSIBLE_VAULT;1.1;AES256\n3131\n",
		"sealed.ini":         "$ANSIBLE_VAULT;1.1;AES256\n3232\n",
	})
	hosts, ini := filepath.Join(dir, "hosts.yml"), filepath.Join(dir, "sealed.ini")
	decrypt := func(sealed []byte, at source.Pos) ([]byte, error) {
		_, body, _ := strings.Cut(strings.TrimSpace(string(sealed)), "\n")
		switch body {
		case "3030":
			return []byte("secret of " + filepath.Base(at.String())), nil
		case "3131":
			return []byte("w: whole\n"), nil
		case "3232":
			return []byte("[g]\nh i=1\n"), nil
		}
		return nil, errors.New("no")
	}
	inv := load(t, Options{Decrypt: decrypt}, hosts, ini)
	want := "{'i': 1, 's': 'secret of hosts.yml:4:10', 'w': 'whole'}"
	if got := value.Repr(inv.Vars(inv.Host("h")).Dict()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	inv = load(t, Options{Decrypt: decrypt, KeepVault: true}, hosts)
	if got := value.Repr(inv.Vars(inv.Host("h")).Dict()); !strings.Contains(got, "'__ansible_vault': '$ANSIBLE_VAULT;1.1;AES256\\n3030\\n'") {
		t.Errorf("the vault was opened: %s", got)
	}
	_, err := Load(t.Context(), []string{hosts, ini}, Options{})
	for _, want := range []string{"hosts.yml:4:10: ", "all.yml: this file is encrypted", "sealed.ini: this file is encrypted"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	_, err = Load(t.Context(), []string{hosts}, Options{Decrypt: func([]byte, source.Pos) ([]byte, error) { return nil, os.ErrPermission }})
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), "hosts.yml:4:10: ") {
		t.Errorf("the reason or the place is lost: %v", err)
	}
}

func TestImplicitLocalhost(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": "[all:vars]\nx=1\n[g]\nh\n", "host_vars/localhost.yml": "y: 2"})
	inv := load(t, Options{}, filepath.Join(dir, "hosts"))
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		hosts, err := inv.Match(name)
		if err != nil || len(hosts) != 1 || !hosts[0].Implicit || hosts[0].Name != "localhost" {
			t.Fatalf("%s selects %v, %v", name, names(hosts), err)
		}
		if got := value.Repr(inv.Vars(hosts[0]).Dict()); got != "{'ansible_connection': 'local', 'x': 1, 'y': 2}" {
			t.Errorf("%s has %s", name, got)
		}
	}
	if got := names(inv.Hosts()); !slices.Equal(got, []string{"h"}) {
		t.Errorf("all is %v", got)
	}
	if got := inv.Host("localhost").GroupNames(); len(got) != 0 {
		t.Errorf("localhost is in %v", got)
	}
	inv = load(t, Options{}, "127.0.0.1,")
	if h := inv.Host("localhost"); h.Implicit || h.Name != "127.0.0.1" {
		t.Errorf("localhost is %+v where the inventory has 127.0.0.1", h)
	}
	if inv = load(t, Options{}); inv.Host("localhost") == nil || inv.Host("h") != nil || len(inv.Hosts()) != 0 {
		t.Error("an inventory of no sources has more than the implicit localhost")
	}
}

func TestAtRunTime(t *testing.T) {
	dir := tree(t, map[string]string{
		"hosts":                 "[g]\nh x=1\n",
		"group_vars/os_Debian":  "pkg: apt",
		"group_vars/os_Bad.yml": "a: 1\na: 2",
		"host_vars/new.yml":     "y: file",
	})
	inv := load(t, Options{}, filepath.Join(dir, "hosts"))
	h := inv.Host("h")
	before := inv.Vars(h)
	if _, err := inv.AddGroup("os_Debian", "os"); err != nil {
		t.Fatal(err)
	}
	if _, err := inv.AddHost("h", []string{"os_Debian"}, Var{Name: "x", Value: 2}); err != nil {
		t.Fatal(err)
	}
	added, err := inv.AddHost("new:2222", []string{"g", "fresh"}, Var{Name: "y", Value: "line"})
	if err != nil {
		t.Fatal(err)
	}
	if got := value.Repr(inv.Vars(added).Dict()); got != "{'ansible_port': 2222, 'y': 'file'}" {
		t.Errorf("new has %s", got)
	}
	if got := value.Repr(inv.Vars(h).Dict()); got != "{'pkg': 'apt', 'x': 2}" {
		t.Errorf("h has %s", got)
	}
	if got := value.Repr(before.Dict()); got != "{'x': 1}" {
		t.Errorf("what was resolved before has changed to %s", got)
	}
	if got := h.GroupNames(); !slices.Equal(got, []string{"g", "os", "os_Debian"}) {
		t.Errorf("h is in %v", got)
	}
	if got := names(inv.Hosts()); !slices.Equal(got, []string{"h", "new"}) {
		t.Errorf("all is %v", got)
	}
	if got := inv.Vars(h).Explanation("x"); !strings.Contains(got, "x = 2\n    from host vars, set at run time\n    over 1 from ") {
		t.Errorf("explained as %s", got)
	}
	if _, err := inv.AddGroup("os_Bad"); err == nil || !strings.Contains(err.Error(), "os_Bad.yml:2:1: ") {
		t.Errorf("a broken file of the new group: %v", err)
	}
	if _, err := inv.AddGroup("os", "os_Debian"); err == nil {
		t.Error("a group is above itself")
	}
}

func TestConcurrentUse(t *testing.T) {
	inv := load(t, Options{}, "h1,h2,h3,")
	done := make(chan error)
	for _, name := range []string{"a", "b", "c", "d"} {
		go func() {
			_, err := inv.AddHost(name, []string{"g"}, Var{Name: "x", Value: 1})
			inv.Vars(inv.Host("h1")).Names()
			inv.Match("all:!g")
			inv.Hosts()
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := len(inv.Hosts()); n != 7 {
		t.Errorf("%d hosts", n)
	}
}

func TestScripts(t *testing.T) {
	dir := tree(t, map[string]string{
		"each.sh":    "#!/bin/sh\ncase $1 in --list) echo '{\"g\": [\"a\", \"b\"], \"p\": {\"children\": [\"g\"], \"vars\": {\"x\": 1.0}}}' ;; --host) echo \"{\\\"name\\\": \\\"$2 in $PWD\\\"}\" ;; esac\n",
		"slow.sh":    "#!/bin/sh\nexec sleep 60\n",
		"list.sh":    "#!/bin/sh\necho '[1]'\n",
		"wrong.sh":   "#!/bin/sh\necho '{\"g\": {\"hosts\": \"h\", \"vars\": [], \"children\": [1]}, \"q\": 3, \"_meta\": {\"hostvars\": []}}'\n",
		"plain":      "#!/bin/sh\necho '{}'\n",
		"hostbad.sh": "#!/bin/sh\ncase $1 in --list) echo '{\"g\": [\"a\", \"b\"]}' ;; *) echo broken $2 >&2; exit 1 ;; esac\n",
	})
	in := func(name string) string { return filepath.Join(dir, name) }
	inv := load(t, Options{}, in("each.sh"))
	if v, _ := inv.Vars(inv.Host("b")).Get("name"); v.Value != "b in "+dir {
		t.Errorf("--host gave %v", v)
	}
	if v, _ := inv.Vars(inv.Host("b")).Get("x"); v.Value != 1.0 {
		t.Errorf("x = %#v", v)
	}
	if err := os.Chmod(in("plain"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"list.sh":    {"list.sh: ", "object of groups", "a list"},
		"wrong.sh":   {"the hosts of the group g", "the vars of the group g", "the children of the group g", "the group q", "hostvars"},
		"plain":      {"may not be executed"},
		"hostbad.sh": {"--host a", "broken a", "broken b"},
	} {
		_, err := Load(t.Context(), []string{in(name)}, Options{})
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: no %q in %v", name, want, err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Load(ctx, []string{in("slow.sh")}, Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a script that hangs: %v", err)
	}
}

// All mistakes of all sources and files come at once, each with its place.
func TestAllErrorsAtOnce(t *testing.T) {
	dir := tree(t, map[string]string{
		"hosts":              "[g\nh1 x\nh[3:1]\n[web:cildren]\n[a:children]\nb\n[b:vars]\nx=1\n",
		"hosts.yml":          "all:\n  host:\n    h:\n  children:\n    a: {children: {a: }}\n    plugin: 3\n",
		"group_vars/all.yml": "- x\n",
		"empty/.keep":        "",
		"x.toml":             "",
		"plugin.yml":         "plugin: aws_ec2\n",
	})
	var sources []string
	for _, s := range []string{"hosts", "hosts.yml", "empty", "x.toml", "plugin.yml", "none"} {
		sources = append(sources, filepath.Join(dir, s))
	}
	_, err := Load(t.Context(), sources, Options{})
	if err == nil {
		t.Fatal("no error")
	}
	text := strings.ReplaceAll(err.Error(), dir+"/", "")
	for _, want := range []string{
		"hosts:1:1: ", "hosts:2:4: ", "hosts:3:1: the host range [3:1] runs backwards", "hosts:4:1: the section [web:cildren]", "hosts:6:1: the group b does not exist",
		"hosts.yml:2:3: the group all has hosts, children and vars, but no host", "hosts.yml:5:20: the group a cannot be its own child", "hosts.yml:6:13: the group plugin must be a mapping",
		"group_vars/all.yml:1:1: a file of variables must be a mapping", "empty: no inventory", "x.toml: TOML", "plugin.yml:1:1: inventory plugins", "none: there is no such",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	var many source.Errors
	if !errors.As(err, &many) {
		t.Fatalf("%T", err)
	}
	for _, e := range many {
		if e.Pos.Line > 0 && e.Text == "" {
			t.Errorf("no line is shown: %v", e)
		}
	}
}

func TestSecretsAreNotQuoted(t *testing.T) {
	dir := tree(t, map[string]string{"hosts": "h ansible_password=\"hunter2\nh2 ansible_password=hunter2#x\n"})
	_, err := Load(t.Context(), []string{filepath.Join(dir, "hosts")}, Options{})
	var many source.Errors
	if !errors.As(err, &many) || strings.Contains(many[0].Detail(), "hunter2") {
		t.Errorf("the error tells a password: %v", many)
	}
	dir = tree(t, map[string]string{"hosts": "h2 ansible_password=hunter2#x\n"})
	w := load(t, Options{}, filepath.Join(dir, "hosts")).Warnings()
	if len(w) != 1 || strings.Contains(w[0].Detail(), "hunter2") || !strings.Contains(w[0].Error(), "hosts:1:4: a # cuts the value of ansible_password") {
		t.Errorf("warnings %v", w)
	}
}

func TestVarsNeverLeaveTheirFolder(t *testing.T) {
	dir := tree(t, map[string]string{"secret.yml": "x: leaked", "inv/hosts": "[../../secret]\nh\n[a/b]\n../../secret\n", "inv/group_vars/a/b.yml": "y: 1", "inv/host_vars/keep": ""})
	inv := load(t, Options{}, filepath.Join(dir, "inv/hosts"))
	for _, h := range inv.Hosts() {
		if v, ok := inv.Vars(h).Get("x"); ok {
			t.Errorf("%s has x from %s", h.Name, v.From)
		}
	}
	if v, _ := inv.Vars(inv.Host("../../secret")).Get("y"); v.Value != 1 {
		t.Errorf("group a/b has y = %v", v.Value)
	}
}

func TestByteOrderMark(t *testing.T) {
	dir := tree(t, map[string]string{"a": "\ufeff[g]\nh1\n", "b": "\ufeffh2 x=1\n", "c.yml": "\ufeffg: {hosts: {h3: }}\n", "d": "\ufeffg: {hosts: {h4: }}\n"})
	var sources []string
	for _, s := range []string{"a", "b", "c.yml", "d"} {
		sources = append(sources, filepath.Join(dir, s))
	}
	inv := load(t, Options{}, sources...)
	if got := names(inv.Group("g").Hosts()); !slices.Equal(got, []string{"h1", "h3", "h4"}) {
		t.Errorf("g is %v", got)
	}
	if inv.Host("h2") == nil {
		t.Error("no h2")
	}
}

func TestUnmatched(t *testing.T) {
	inv := load(t, Options{}, "h1,h2,")
	if got := inv.Unmatched("h1:h9:&all:!nosuch", "ungrouped", "x*"); !slices.Equal(got, []string{"h9", "x*", "nosuch"}) {
		t.Errorf("unmatched %v", got)
	}
	for _, bad := range []string{"~(", "h1[9]", "all[99999999999999999999]", "all[0:99999999999999999999]"} {
		if hosts, err := inv.Match(bad); err == nil {
			t.Errorf("%s selects %v", bad, names(hosts))
		}
	}
}

// An export read again means the same.
func TestExportRoundTrip(t *testing.T) {
	for _, file := range []string{"01-basic.ini", "34-duplicate-hosts.ini", "37-group-priority.ini", "38-depth-longest-path.ini", "80-vars-dirs/hosts.ini", "95-patterns.ini"} {
		inv := load(t, Options{}, filepath.Join("testdata", file))
		dir := tree(t, map[string]string{"hosts.yml": value.YAML(inv.Tree(true))})
		again := load(t, Options{}, filepath.Join(dir, "hosts.yml"))
		if !slices.Equal(names(inv.Hosts()), names(again.Hosts())) {
			t.Errorf("%s: the hosts came back as %v, were %v", file, names(again.Hosts()), names(inv.Hosts()))
		}
		for _, h := range inv.Hosts() {
			was, is := inv.Vars(h).Dict(), again.Vars(again.Host(h.Name)).Dict()
			if !value.Equal(was, is) && file != "80-vars-dirs/hosts.ini" { // there, files of a group beat a deeper group's lines
				t.Errorf("%s: %s came back as %s, was %s", file, h.Name, value.Repr(is), value.Repr(was))
			}
		}
	}
}
