package runner

import (
	"context"
	"path/filepath"
	"strings"
	"sync"

	"github.com/etcdplay/etcdplay/internal/jinja"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
)

// omit is the value of the variable of that name: an argument that has it
// counts as not given.
type omitted struct{}

func (omitted) String() string { return "omit" }

// taskScope resolves names for a task on a host, in the order of Ansible's
// precedence, strongest first.
func (p *play) taskScope(h *host, t *playbooks.Task) *scope {
	set, facts, included := h.vars()
	chain := t.Chain()
	layers := []layer{
		p.run.magic(p, h, t),
		givens{written(p.run.cfg.Extra)},
	}
	for b := t.Parent; b != nil; b = b.Parent { // include params, then the role's
		layers = appendVars(layers, b.Params)
	}
	for r := t.Role; r != nil; r = roleAbove(r) {
		layers = appendVars(layers, r.Params)
	}
	layers = append(layers, set, included)
	for _, c := range chain {
		if p.spec == nil || c != &p.spec.Common {
			layers = appendVars(layers, c.Vars)
		}
	}
	for r := t.Role; r != nil; r = roleAbove(r) {
		layers = appendVars(layers, r.RoleVars)
	}
	for i := len(p.roles) - 1; i >= 0; i-- { // roles of the play show theirs to all
		layers = appendVars(layers, p.roles[i].RoleVars)
	}
	layers = append(layers, p.fromFiles(h), p.prompted)
	if p.spec != nil {
		layers = appendVars(layers, p.spec.Vars)
	}
	layers = append(layers, factLayer{facts}, p.run.inventoryLayer(h))
	for r := t.Role; r != nil; r = roleAbove(r) {
		layers = appendVars(layers, r.Defaults)
	}
	for i := len(p.roles) - 1; i >= 0; i-- {
		layers = appendVars(layers, p.roles[i].Defaults)
	}
	layers = append(layers, connectionNames(h))
	sc := newScope(layers, p.run.env(searchDirs(p.spec, t)))
	sc.warn = p.run.warnOnce
	return sc
}

// roleAbove is the role whose task includes r, or nil.
func roleAbove(r *playbooks.Role) *playbooks.Role {
	if r.Parent == nil {
		return nil
	}
	return r.Parent.Role
}

func appendVars(layers []layer, vars []playbooks.Var) []layer {
	if len(vars) > 0 {
		return append(layers, written(vars))
	}
	return layers
}

// hostScope resolves names for a host outside any task: what hostvars shows.
func (r *Run) hostScope(h *host) *scope {
	set, facts, included := h.vars()
	layers := []layer{r.hostMagic(h), givens{written(r.cfg.Extra)}, set, included, factLayer{facts}, r.inventoryLayer(h), connectionNames(h)}
	return newScope(layers, r.env(nil))
}

func (r *Run) env(dirs []string) jinja.Env {
	return jinja.Env{Dirs: dirs, ReadFile: r.cfg.ReadFile, Lookup: r.lookup}
}

// searchDirs is where the files of a task are looked for.
func searchDirs(spec *playbooks.Play, t *playbooks.Task) []string {
	var dirs []string
	add := func(dir string) {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	for role := t.Role; role != nil; role = roleAbove(role) {
		add(role.Dir)
	}
	if t.File != "" {
		add(filepath.Dir(t.File))
	}
	if spec != nil {
		add(spec.Dir)
	}
	return dirs
}

// factLayer is ansible_facts, each under its name with "ansible_" before it.
type factLayer struct{ facts *value.Dict }

func (l factLayer) lookup(name string) (binding, bool, error) {
	short, ok := strings.CutPrefix(name, "ansible_")
	if !ok {
		return binding{}, false, nil
	}
	v, ok := l.facts.Get(short)
	return binding{final: v}, ok, nil
}

func (l factLayer) names() []string {
	var out []string
	for k := range l.facts.All() {
		if s, ok := k.(string); ok {
			out = append(out, "ansible_"+s)
		}
	}
	return out
}

// connectionNames are there even when no inventory gives them.
func connectionNames(h *host) layer {
	return finals{"ansible_host": h.name}
}

// inventoryVars is what the inventory says of a host.
type inventoryVars struct {
	run  *Run
	vars *inventory.Resolved
}

func (r *Run) inventoryLayer(h *host) layer {
	ih := r.cfg.Inventory.Host(h.name)
	if ih == nil {
		return finals{}
	}
	return givens{inventoryVars{r, r.cfg.Inventory.Vars(ih)}}
}

func (l inventoryVars) lookup(name string) (binding, bool, error) {
	v, ok := l.vars.Get(name)
	if !ok {
		return binding{}, false, nil
	}
	if !mayHoldTemplate(v.Value) {
		return binding{final: v.Value, from: v.From}, true, nil
	}
	compiled, err := l.run.compiled(v)
	if err != nil {
		return binding{}, false, err
	}
	return binding{lazy: compiled, from: v.From}, true, nil
}

func (l inventoryVars) names() []string { return l.vars.Names() }

// compiled compiles the templates of an inventory variable, once for all
// hosts that share it.
func (r *Run) compiled(v inventory.Var) (*playbooks.Value, error) {
	type key struct {
		name, group string
		layer       inventory.Layer
		from        any
	}
	k := key{v.Name, v.Group, v.Layer, v.From}
	if s, ok := v.Value.(string); ok {
		k.group += "\x00" + s // a list's inventory has no places
	} else if v.From.IsZero() {
		return playbooks.NewValue(v.Value, v.From)
	}
	type once struct {
		sync.Once
		val *playbooks.Value
		err error
	}
	o, _ := r.rawVars.LoadOrStore(k, &once{})
	c := o.(*once)
	c.Do(func() { c.val, c.err = playbooks.NewValue(v.Value, v.From) })
	return c.val, c.err
}

func mayHoldTemplate(v any) bool {
	switch x := v.(type) {
	case string:
		return jinja.IsTemplate(x)
	case []any:
		for _, e := range x {
			if mayHoldTemplate(e) {
				return true
			}
		}
	case *value.Dict:
		for _, e := range x.All() {
			if mayHoldTemplate(e) {
				return true
			}
		}
	}
	return false
}

// hostVarsMap is the variable hostvars.
type hostVarsMap struct{ run *Run }

// Get gives the variables of a host.
func (m hostVarsMap) Get(_ context.Context, key any) (any, bool, error) {
	name, ok := key.(string)
	if !ok || m.run.cfg.Inventory.Host(name) == nil {
		return nil, false, nil
	}
	return oneHost{m.run.hostScope(m.run.host(name))}, true, nil
}

// Keys are the hosts.
func (m hostVarsMap) Keys() []any {
	var keys []any
	for _, h := range m.run.cfg.Inventory.Hosts() {
		keys = append(keys, h.Name)
	}
	return keys
}

// oneHost is one entry of hostvars.
type oneHost struct{ sc *scope }

// Get gives a variable of the host.
func (o oneHost) Get(ctx context.Context, key any) (any, bool, error) {
	name, ok := key.(string)
	if !ok {
		return nil, false, nil
	}
	return o.sc.Var(ctx, name)
}

// Keys are the names of its variables.
func (o oneHost) Keys() []any {
	var keys []any
	for _, n := range o.sc.Names() {
		keys = append(keys, n)
	}
	return keys
}

// Eval evaluates a template with the variables of a host, outside any play.
func (r *Run) Eval(ctx context.Context, hostName string, t *jinja.Template) (any, error) {
	env := r.hostScope(r.host(hostName)).env
	return t.Eval(ctx, &env)
}
