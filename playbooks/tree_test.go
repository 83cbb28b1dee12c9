package playbooks_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/google/go-cmp/cmp"
)

func loadTree(t *testing.T) (*playbooks.Loader, []*playbooks.Play) {
	t.Helper()
	t.Chdir("testdata/tree")
	// Roles stand beside site.yml, not beside the playbook that uses them.
	l := playbooks.NewLoader(playbooks.Options{Catalog: testCatalog, RolesPath: []string{"roles"}})
	plays, err := l.Load(t.Context(), []string{"site.yml"})
	if err != nil {
		t.Fatal(report(err, nil))
	}
	return l, plays
}

func conds(list []*playbooks.Cond) (out []string) {
	for _, c := range list {
		out = append(out, c.Text)
	}
	return out
}

// inherited lists the conditions and tags of a task, innermost first.
func inherited(t *playbooks.Task) string {
	var when []string
	for _, c := range t.Chain() {
		when = append(when, conds(c.When)...)
	}
	return strings.Join(when, ",") + " | " + strings.Join(t.AllTags(), ",")
}

func vars(list []playbooks.Var) string {
	var out []string
	for _, v := range list {
		out = append(out, v.Name+"="+value.Str(v.Value.Raw()))
	}
	return strings.Join(out, " ")
}

func find(t *testing.T, nodes []playbooks.Node, name string) *playbooks.Task {
	t.Helper()
	if task := search(nodes, name); task != nil {
		return task
	}
	t.Fatalf("no task %q", name)
	return nil
}

func search(nodes []playbooks.Node, name string) *playbooks.Task {
	for _, n := range nodes {
		switch n := n.(type) {
		case *playbooks.Task:
			if n.Title() == name {
				return n
			}
		case *playbooks.Block:
			for _, section := range [][]playbooks.Node{n.Tasks, n.Rescue, n.Always} {
				if task := search(section, name); task != nil {
					return task
				}
			}
		}
	}
	return nil
}

func TestImportedPlaybook(t *testing.T) {
	_, plays := loadTree(t)
	if len(plays) != 2 || plays[0].Title() != "Web" || plays[1].Pattern() != "db,!db3" {
		t.Fatalf("plays %v", plays)
	}
	web := plays[0]
	got := strings.TrimSpace(fmt.Sprintln(conds(web.When), web.Tags, vars(web.Vars), web.Playbook, filepath.Base(web.Dir), filepath.IsAbs(web.Dir)))
	if want := "[run_web] [play web] a=play a=imported b=imported site.yml plays true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestInheritance(t *testing.T) {
	_, plays := loadTree(t)
	web := plays[0]
	for name, want := range map[string]string{
		"A":                  "imported,in_block,run_web | imp,blk,play,web",
		"B":                  "imported,in_block,run_web | imp,blk,play,web",
		"C":                  "imported,in_block,run_web | imp,blk,play,web",
		"Include":            "in_block,run_web | inc,blk,play,web",
		"extra : other task": "run_web | play,web",
	} {
		if got := inherited(find(t, web.Tasks, name)); got != want {
			t.Errorf("%s inherits %s, want %s", name, got, want)
		}
	}
	a := find(t, web.Tasks, "A")
	if got := vars(a.Parent.Vars) + "," + vars(a.Parent.Parent.Vars); got != "v=import,v=block" {
		t.Errorf("vars %s", got)
	}
	if a.File != filepath.Join("plays", "tasks", "a.yml") || a.Pos.Line != 1 || a.Pos.Col != 3 {
		t.Errorf("A stands at %s in %s", a.Pos, a.File)
	}
	become := playbooks.Nearest(a.Chain(), func(c *playbooks.Common) *playbooks.Value { return c.Become })
	if become.Raw() != true {
		t.Errorf("become: %v", become.Raw())
	}
}

func TestRoles(t *testing.T) {
	_, plays := loadTree(t)
	web := plays[0]
	var order []string
	for _, r := range web.Roles {
		order = append(order, r.RoleName)
	}
	if got := strings.Join(order, " "); got != "base app base" {
		t.Errorf("roles %s", got)
	}
	dep, app := web.Roles[0], web.Roles[1]
	if got := inherited(dep.Tasks[0].(*playbooks.Task)); got != "dep_when,use_app,run_web | t,app,play,web" {
		t.Errorf("the dependency inherits %s", got)
	}
	if got := vars(dep.Params) + "; " + vars(app.Params) + "; " + vars(app.RoleVars) + "; " + vars(app.Defaults); got !=
		"level=2; http_port=80; a=1 b=2; main={'x': [1, '{{ y }}']}" {
		t.Errorf("variables %s", got)
	}
	if !app.AllowDuplicates || dep.AllowDuplicates || len(app.Deps) != 1 || app.Deps[0] != dep {
		t.Error("allow_duplicates or dependencies got lost")
	}
	if !filepath.IsAbs(app.Dir) || filepath.Base(app.Dir) != "app" {
		t.Errorf("role_path %s", app.Dir)
	}
	user := playbooks.Nearest(dep.Tasks[0].(*playbooks.Task).Chain(), func(c *playbooks.Common) *playbooks.Value { return c.BecomeUser })
	if user.Raw() != "app" {
		t.Errorf("the dependency becomes %v", user.Raw())
	}
	var handlers []string
	for _, h := range web.Handlers {
		handlers = append(handlers, h.(*playbooks.Task).Title())
	}
	if got := strings.Join(handlers, ", "); got != "restart web, app : restart app, base : restart base" {
		t.Errorf("handlers %s", got)
	}
	if again := web.Roles[2]; again.Repeats != nil || dep.Repeats != nil {
		t.Error("base is used with and without parameters: these are no repeats")
	}
	if len(web.Imported) != 1 || web.Imported[0].RoleName != "extra" {
		t.Errorf("imported %v", web.Imported)
	}
}

func TestTask(t *testing.T) {
	_, plays := loadTree(t)
	web := plays[0]
	pre := web.PreTasks[0].(*playbooks.Task)
	creates, at, _ := pre.Args.Entry("creates")
	if pre.FreeForm.Raw() != "echo {{ greeting }}" || creates.Raw() != "/tmp/{{ name }}" || at.Col != 36 || creates.Pos.Col != 44 {
		t.Errorf("command %v, creates %v at %s, %s", pre.FreeForm.Raw(), creates.Raw(), at, creates.Pos)
	}
	last := web.Tasks[len(web.Tasks)-1].(*playbooks.Task)
	l := last.Loop
	got := fmt.Sprintln(last.Action, l.Kind, l.LoopVar, l.IndexVar, l.Label.Raw(), l.Extended, last.Register, conds(last.Until),
		last.Retries.Raw(), last.Delay.Raw(), conds(last.ChangedWhen), last.FailedWhen[0].Const, len(last.Notify), last.ActionPos)
	want := "debug loop it i {{ it.name }} true out [out is succeeded] 3 2 [a b] false 2 plays/web.yml:36:7\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	local := find(t, web.Tasks, "command")
	if local.Delegate.Raw() != "localhost" || local.FreeForm.Raw() != "echo local" {
		t.Errorf("local_action: %v to %v", local.FreeForm.Raw(), local.Delegate.Raw())
	}
}

func TestIncludeTasks(t *testing.T) {
	l, plays := loadTree(t)
	include := find(t, plays[0].Tasks, "Include")
	extra := playbooks.Var{Name: "item", Value: playbooks.Literal("{{ text }}", include.Pos)}
	b, err := l.IncludeTasks(t.Context(), "tasks/a.yml", include, []playbooks.Var{extra})
	if err != nil {
		t.Fatal(err)
	}
	if got := vars(b.Params); got != "p=param item={{ text }}" {
		t.Errorf("params %s", got)
	}
	c := find(t, b.Tasks, "C")
	if got := inherited(c); got != "in_block,run_web | applied,blk,play,web" {
		t.Errorf("C inherits %s", got)
	}
	become := playbooks.Nearest(c.Chain(), func(c *playbooks.Common) *playbooks.Value { return c.Become })
	if become.Raw() != false {
		t.Errorf("become: %v", become.Raw())
	}
	if _, err := l.IncludeTasks(t.Context(), "tasks/b.yml", include, nil); err == nil || !strings.Contains(err.Error(), `web.yml:23:11: there is no file "tasks/b.yml"`) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestIncludeRole(t *testing.T) {
	l, plays := loadTree(t)
	include := find(t, plays[0].Tasks, "Include")
	r, b, err := l.IncludeRole(t.Context(), "app", playbooks.RoleOptions{Public: true}, include, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range b.Tasks {
		names = append(names, n.(*playbooks.Task).Title())
	}
	if got := strings.Join(names, ", "); got != "base : base task, app : app task" {
		t.Errorf("tasks %s", got)
	}
	for _, n := range b.Tasks {
		seen := ""
		for at := n.(*playbooks.Task).Parent; at != nil; at = at.Parent {
			seen += vars(at.Params) + ";"
		}
		if !strings.Contains(seen, "p=param;") {
			t.Errorf("the include's parameters are out of sight: %s", seen)
		}
	}
	if !r.Public || len(r.Handlers) != 1 || r.Parent != b {
		t.Errorf("role %+v", r)
	}
	if got := inherited(b.Tasks[0].(*playbooks.Task)); got != "dep_when,in_block,run_web | t,applied,blk,play,web" {
		t.Errorf("the dependency inherits %s", got)
	}
}

// Hosts include at the same time.
func TestConcurrentIncludes(t *testing.T) {
	l, plays := loadTree(t)
	include := find(t, plays[0].Tasks, "Include")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := l.IncludeTasks(t.Context(), "tasks/a.yml", include, nil); err != nil {
				t.Error(err)
			}
			if _, _, err := l.IncludeRole(t.Context(), "app", playbooks.RoleOptions{}, include, nil); err != nil {
				t.Error(err)
			}
			if _, err := l.ReadVars(t.Context(), "vars/main.yml"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
}

func TestReadVars(t *testing.T) {
	l, _ := loadTree(t)
	got, err := l.ReadVars(t.Context(), filepath.Join("roles", "app", "vars", "main"))
	if err != nil || vars(got) != "a=1 b=2" {
		t.Errorf("%s, %v", vars(got), err)
	}
}

// A role that is used again in the same way runs once, unless it allows more.
func TestRepeatedRoles(t *testing.T) {
	t.Chdir("testdata/tree")
	l := playbooks.NewLoader(playbooks.Options{Catalog: testCatalog})
	plays, err := l.Load(t.Context(), []string{"repeats.yml"})
	if err != nil {
		t.Fatal(report(err, nil))
	}
	var got []string
	for _, r := range plays[0].Roles {
		what := r.RoleName
		if r.Repeats != nil {
			what += " again"
		}
		got = append(got, what)
	}
	if s := strings.Join(got, ", "); s != "base, base again, base, base again, app, base again, app again" {
		t.Errorf("roles %s", s)
	}
	if imported := plays[0].Imported[0]; !imported.AllowDuplicates {
		t.Error("import_role allows duplicates")
	}
}

// Handlers of an included role are known each time a playbook is given.
func TestLoadTwice(t *testing.T) {
	t.Chdir("testdata/tree")
	l := playbooks.NewLoader(playbooks.Options{Catalog: testCatalog})
	if _, err := l.Load(t.Context(), []string{"notify.yml", "notify.yml"}); err != nil {
		t.Error(report(err, nil))
	}
}
