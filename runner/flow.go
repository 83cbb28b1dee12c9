package runner

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/playbooks"
	"github.com/etcdplay/etcdplay/runner/action"
)

var errNotExist = fs.ErrNotExist

// flow carries out a task that steers the run.
func (p *play) flow(ctx context.Context, t *playbooks.Task, hosts []*host, once bool) {
	on := hosts
	if once {
		on = hosts[:1]
	}
	if t.Action == "meta" {
		p.meta(ctx, t, on)
		return
	}
	p.include(ctx, t, on, hosts)
}

// meta runs no task anywhere: it moves hosts about. It tells nothing, as in
// Ansible, but for failures of its condition.
func (p *play) meta(ctx context.Context, t *playbooks.Task, hosts []*host) {
	var on []*host
	what := ""
	for _, h := range hosts {
		c := &call{p: p, t: t, h: h, sc: p.taskScope(h, t), begun: time.Now()}
		ok, err := holdAll(ctx, c.sc, conditions(t))
		if err == nil && ok {
			var args *value.Dict
			if args, err = c.args(ctx); err == nil {
				m := &action.Meta{}
				if err = c.decodeInto(m, args); err == nil {
					what = m.What
					on = append(on, h)
				}
			}
		}
		if err != nil {
			c.conclude(ctx, c.failed(err))
		}
	}
	switch what {
	case "flush_handlers":
		p.flushHandlers(ctx, on)
	case "end_host":
		for _, h := range on {
			h.out.Store(true)
		}
	case "end_play", "end_batch":
		if len(on) == 0 {
			return
		}
		whom := p.batch
		if what == "end_play" {
			whom = p.all
		}
		for _, h := range whom {
			h.out.Store(true)
		}
	case "clear_host_errors":
		p.run.forgive(p.all)
	case "clear_facts":
		for _, h := range on {
			h.clearFacts()
		}
	case "reset_connection":
		for _, h := range on {
			p.run.cfg.Connector.Reset(h.name)
		}
	}
}

// forgive takes failed and unreachable hosts back in.
func (r *Run) forgive(hosts []*host) {
	for _, h := range hosts {
		h.failure.Store(nil)
		h.gone.Store(false)
		h.failed = false
	}
}

// group is what an include brings in, and for whom.
type group struct {
	file  string // of included tasks, absolute
	block *playbooks.Block
	role  *playbooks.Role
	hosts []*host
	label string
}

// include runs the tasks that an include_tasks or include_role names; hosts
// that come to the same tasks run them together.
func (p *play) include(ctx context.Context, t *playbooks.Task, hosts, all []*host) {
	p.run.emit(TaskStart{Name: p.title(ctx, t, hosts[0]), Action: t.Action, Handler: t.Handler, Pos: place(t), Hosts: len(hosts)})
	var groups []*group
	for _, h := range hosts {
		p.includeOn(ctx, t, h, &groups)
	}
	for _, g := range groups {
		if len(hosts) < len(all) { // run_once: one works it out, all run it
			g.hosts = all
		}
		if g.role == nil {
			p.run.emit(Included{File: g.file, Hosts: hostNames(g.hosts), Label: g.label})
		}
	}
	for _, g := range groups {
		if g.role != nil {
			p.filesMu.Lock()
			for _, n := range g.role.Handlers {
				if !slices.Contains(p.included, n) {
					p.included = append(p.included, n)
				}
			}
			p.filesMu.Unlock()
		}
		p.block(ctx, g.block, activeOf(g.hosts))
		if g.role != nil && g.role.Public {
			p.filesMu.Lock()
			p.roles = append(p.roles, g.role)
			p.filesMu.Unlock()
		}
	}
}

// includeOn works out what one host includes, for each item of the loop.
func (p *play) includeOn(ctx context.Context, t *playbooks.Task, h *host, groups *[]*group) {
	sc := p.taskScope(h, t)
	items, err := p.items(ctx, sc, t)
	if err != nil {
		p.failLoop(ctx, t, h, sc, err)
		return
	}
	looped := t.Loop != nil && items != nil
	if !looped {
		items = []item{{}}
	}
	ran := 0
	for i := range items {
		c := &call{p: p, t: t, h: h, sc: sc, begun: time.Now()}
		if looped {
			c.item = &items[i]
			c.sc = sc.with(items[i].vars)
		}
		ok, err := holdAll(ctx, c.sc, conditions(t))
		if err == nil && ok {
			var g *group
			if g, err = p.resolve(ctx, c); err == nil {
				ran++
				joinGroup(groups, g, h)
				continue
			}
		}
		if err != nil {
			c.conclude(ctx, c.failed(err))
			return
		}
		if looped {
			o := outcome{status: Skipped, dict: value.NewDict("changed", false, "skipped", true)}
			c.tell(ctx, o, HostResult{Item: true, Label: c.label(ctx)})
		}
	}
	c := &call{p: p, t: t, h: h, sc: sc, begun: time.Now()}
	if ran > 0 {
		if t.Action != "include_role" { // Ansible counts included files only
			h.count(func(s *HostStats) { s.OK += ran })
		}
		return
	}
	o := outcome{status: Skipped, dict: value.NewDict("changed", false, "skipped", true)}
	c.tell(ctx, o, HostResult{})
	c.settle(ctx, o)
}

// joinGroup puts the host to those that include the same, unless it is in
// that group already (a loop that includes the same file twice).
func joinGroup(groups *[]*group, g *group, h *host) {
	for _, known := range *groups {
		if known.block == g.block && known.label == g.label && !slices.Contains(known.hosts, h) {
			known.hosts = append(known.hosts, h)
			return
		}
	}
	g.hosts = []*host{h}
	*groups = append(*groups, g)
}

// resolve loads what a call includes.
func (p *play) resolve(ctx context.Context, c *call) (*group, error) {
	args, err := c.args(ctx)
	if err != nil {
		return nil, err
	}
	label := ""
	var vars []playbooks.Var
	if c.item != nil {
		label = c.label(ctx)
		for name, v := range c.item.vars {
			vars = append(vars, playbooks.Var{Name: name, Value: playbooks.Literal(v, c.t.Loop.Pos)})
		}
	}
	switch c.t.Action {
	case "include_tasks":
		inc := &action.IncludeTasks{}
		if err := c.decodeInto(inc, args); err != nil {
			return nil, err
		}
		b, err := p.cached(c, inc.File, label, func() (*playbooks.Block, *playbooks.Role, error) {
			b, err := p.run.cfg.Loader.IncludeTasks(ctx, inc.File, c.t, vars)
			return b, nil, err
		})
		if err != nil {
			return nil, err
		}
		file := b.block.File
		if abs, err := filepath.Abs(file); err == nil {
			file = abs
		}
		return &group{file: file, block: b.block, label: label}, nil
	case "include_role":
		inc := &action.IncludeRole{}
		if err := c.decodeInto(inc, args); err != nil {
			return nil, err
		}
		b, err := p.cached(c, "role "+inc.Name+"/"+inc.TasksFrom, label, func() (*playbooks.Block, *playbooks.Role, error) {
			role, b, err := p.run.cfg.Loader.IncludeRole(ctx, inc.Name, playbooks.RoleOptions{
				TasksFrom: inc.TasksFrom, VarsFrom: inc.VarsFrom, DefaultsFrom: inc.DefaultsFrom, HandlersFrom: inc.HandlersFrom,
				Public: inc.Public, AllowDuplicates: inc.AllowDuplicates,
			}, c.t, vars)
			return b, role, err
		})
		if err != nil {
			return nil, err
		}
		return &group{block: b.block, role: b.role, label: label}, nil
	}
	return nil, source.Errorf(place(c.t), "there is no action %q", c.t.Action)
}

// loaded is an include that some host has come to already: hosts that come to
// the same one must get the same tasks, to run them together.
type loaded struct {
	once  sync.Once
	block *playbooks.Block
	role  *playbooks.Role
	err   error
}

func (p *play) cached(c *call, name, label string, load func() (*playbooks.Block, *playbooks.Role, error)) (*loaded, error) {
	type key struct {
		t           *playbooks.Task
		name, label string
	}
	l, _ := p.includes.LoadOrStore(key{c.t, name, label}, &loaded{})
	in := l.(*loaded)
	in.once.Do(func() { in.block, in.role, in.err = load() })
	if in.err != nil && errors.Is(in.err, errNotExist) {
		p.includes.Delete(key{c.t, name, label})
	}
	return in, in.err
}
