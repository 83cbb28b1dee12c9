// Package playbooks says what is to happen: it turns YAML into plays and
// tasks whose every part knows its file, line and column, with all templates
// compiled and every name checked, and holds the playbooks that are shipped.
package playbooks

import (
	"github.com/etcdplay/etcdplay/internal/source"
)

// A Play binds tasks to hosts.
type Play struct {
	Common
	Playbook string // the name that was given to Load
	Dir      string // the playbook's folder, playbook_dir; absolute
	Hosts    *Value // a pattern, or a list of patterns

	GatherFacts    *Value // nil: as the run's default says
	GatherSubset   *Value
	Serial         *Value // a number, a percentage, or a list of them
	MaxFailPercent *Value
	Strategy       *Value // linear, free
	Order          *Value // inventory, sorted, reverse_inventory, reverse_sorted, shuffle
	ForceHandlers  *Value

	VarsFiles  []*Value // each a name, or a list of names of which the first that exists is taken
	VarsPrompt []Prompt

	Roles     []*Role // those of `roles:` in order, their dependencies among them, each before its dependent
	Imported  []*Role // those of import_role, whose variables and defaults the whole play sees
	PreTasks  []Node
	Tasks     []Node // `tasks:`; the tasks of Roles run before them
	PostTasks []Node
	Handlers  []Node // the play's, then those of its roles; Tasks, and Blocks made by import_tasks

	path  string // Dir as messages call it
	known *playNames
}

// A Node of a list of tasks: *Task or *Block.
type Node interface{ node() }

// Common are the keywords that a play, a role, a block and a task share. A
// task has the nearest one given on its way up (see Task.Chain); Vars,
// Environment, Tags and When add up.
type Common struct {
	Pos  source.Pos
	Name *Value // nil when not given
	When []*Cond
	Vars []Var
	Tags []string // as written: lists joined, not inherited ones

	Become, BecomeUser, BecomeMethod, BecomeFlags *Value
	Connection, RemoteUser, Port                  *Value
	Environment                                   []*Value // each a dict or a template that gives one
	ModuleDefaults                                []*Value

	IgnoreErrors, IgnoreUnreachable, AnyErrorsFatal *Value
	RunOnce, NoLog, CheckMode, Diff                 *Value
	Timeout                                         *Value // seconds
	Throttle                                        *Value
	Delegate                                        *Value // delegate_to (blocks and tasks)
	DelegateFacts                                   *Value
}

// A Var is one entry of `vars:`.
type Var struct {
	Name  string
	Value *Value
}

// A Prompt is one entry of vars_prompt.
type Prompt struct {
	Pos              source.Pos
	Name             string
	Prompt, Default  *Value
	Private, Confirm bool
	Unsafe           bool
	Encrypt          string
}

// A Block groups tasks: one that is written, or what an import made.
type Block struct {
	Common
	Tasks, Rescue, Always []Node
	Notify                []*Value
	Parent                *Block // the enclosing block, or what includes the role, or nil
	Role                  *Role  // whose tasks these are, or nil
	Play                  *Play
	Params                []Var  // vars given to an include or role include: they win over set_fact
	File                  string // the file it stands in

	dirs []string // of an include: where its file, and those around it, look for files
}

// A Task is one step.
type Task struct {
	Common
	Action    string     // the module's short name: "mkdir", "include_tasks"
	ActionPos source.Pos // of the module's key
	Args      *Value     // a dict; nil when there are none
	ArgsFrom  *Value     // `args: "{{ … }}"`, a template that gives a dict; Args win over it; mostly nil
	FreeForm  *Value     // `command: echo hi`, and `mkdir: path=/x` already taken apart into Args; nil otherwise
	Apply     *Common    // include_tasks, include_role: what `apply:` gives to their tasks; mostly nil

	Loop     *Loop
	Register string
	Until    []*Cond
	Retries  *Value
	Delay    *Value // seconds
	Async    *Value // seconds
	Poll     *Value // seconds

	ChangedWhen, FailedWhen []*Cond
	Notify                  []*Value
	Listen                  []string

	Parent  *Block // the enclosing block, or what includes the role, or nil
	Role    *Role
	Play    *Play
	File    string // the file it stands in
	Handler bool
}

// A Loop is `loop:` or one of the `with_…:`.
type Loop struct {
	Pos      source.Pos
	Kind     string // "loop", or what follows with_: "items", "dict", "fileglob"…
	Over     *Value
	LoopVar  string // "item" unless loop_control says otherwise
	IndexVar string
	Label    *Value
	Pause    *Value // seconds
	Extended bool
}

// A Role is one use of a role.
type Role struct {
	Common                 // when, tags, vars, become… given at the use
	RoleName        string // as written, for messages and role_name
	Dir             string // its folder, role_path; absolute
	Params          []Var  // role params: they win over set_fact
	Defaults        []Var  // defaults/main
	RoleVars        []Var  // vars/main
	Tasks           []Node // tasks/main, or tasks_from
	Handlers        []Node
	Deps            []*Role // meta dependencies, run before it (Play.Roles and IncludeRole's Block have them already)
	AllowDuplicates bool
	Repeats         *Role  // the first use with the same parameters, tags and conditions; nil: this one (see First)
	Parent          *Block // the block that includes it, for include_role and import_role
	Play            *Play
	Public          bool // include_role: its vars and defaults stay visible

	path string // Dir as messages call it
	from RoleOptions
}

func (*Task) node()  {}
func (*Block) node() {}

// Chain lists what a task inherits from, innermost first: the task itself,
// its blocks, its role, what includes the role, and the play.
func (t *Task) Chain() []*Common {
	chain := []*Common{&t.Common}
	return append(chain, chainOf(t.Parent, t.Role, t.Play)...)
}

// Chain is as for a task.
func (b *Block) Chain() []*Common {
	chain := []*Common{&b.Common}
	return append(chain, chainOf(b.Parent, b.Role, b.Play)...)
}

func chainOf(b *Block, r *Role, p *Play) []*Common {
	var chain []*Common
	for b != nil || r != nil {
		for ; b != nil && b.Role == r; b = b.Parent {
			chain = append(chain, &b.Common)
		}
		if r == nil {
			break
		}
		chain = append(chain, &r.Common)
		b = r.Parent
		r = nil
		if b != nil {
			r = b.Role
		}
	}
	if p != nil {
		chain = append(chain, &p.Common)
	}
	return chain
}

// Nearest returns the first keyword given along a chain, or nil:
//
//	playbooks.Nearest(task.Chain(), func(c *playbooks.Common) *playbooks.Value { return c.Become })
func Nearest(chain []*Common, pick func(*Common) *Value) *Value {
	for _, c := range chain {
		if v := pick(c); v != nil {
			return v
		}
	}
	return nil
}
