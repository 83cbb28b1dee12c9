package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sourcegraph/conc/pool"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/inventory"
	"github.com/etcdplay/etcdplay/playbooks"
)

// A play is one play under way.
type play struct {
	run  *Run
	spec *playbooks.Play
	name string

	peers []*host // what the pattern matches, --limit or not, in order
	all   []*host // those of them that take part
	batch []*host

	roles    []*playbooks.Role // of `roles:`, their vars and defaults are seen by all tasks
	prompted finals
	filesMu  sync.Mutex
	files    map[string]written // vars_files, for each host: their names may have templates
	aborted  atomic.Bool        // any_errors_fatal, max_fail_percentage: nothing more starts
	free     bool
	includes sync.Map         // what include_* has loaded
	included []playbooks.Node // handlers of roles that were included at run time
}

// play runs one play over its batches.
func (r *Run) play(ctx context.Context, spec *playbooks.Play) error {
	p := &play{run: r, spec: spec, roles: slices.Concat(spec.Roles, spec.Imported), files: map[string]written{}}
	if err := p.bind(ctx); err != nil {
		return err
	}
	if len(p.all) == 0 {
		return nil
	}
	if err := p.ask(ctx); err != nil {
		return err
	}
	if err := p.readFiles(ctx); err != nil {
		return err
	}
	strategy, err := p.keyword(ctx, spec.Strategy)
	if err != nil {
		return err
	}
	p.free = strategy != nil && strings.HasSuffix(value.Str(strategy), "free")
	batches, err := p.batches(ctx)
	if err != nil {
		return err
	}
	for _, batch := range batches {
		p.batch = batch
		hosts := activeOf(batch)
		if len(hosts) == 0 {
			continue
		}
		r.emit(PlayStart{Name: p.name, Hosts: hostNames(hosts), Pos: spec.Pos, Check: r.cfg.Check, Free: p.free})
		if err := p.runBatch(ctx, hosts); err != nil {
			return err
		}
		failed := 0
		for _, h := range hosts {
			if h.failing() != nil || h.gone.Load() {
				failed++
			}
		}
		// Ansible's rule: a batch that fails whole ends the run.
		if failed == len(hosts) || p.aborted.Load() {
			r.ended = true
			break
		}
		if r.stopping(ctx) {
			break
		}
	}
	for _, h := range p.all {
		if h.failing() != nil {
			h.failed = true
		}
	}
	return nil
}

// sections of a play, each followed by its handlers.
func (p *play) runBatch(ctx context.Context, hosts []*host) error {
	if err := p.gatherFacts(ctx, hosts); err != nil {
		return err
	}
	main := []playbooks.Node{}
	for _, role := range p.spec.Roles {
		main = append(main, roleNodes(role)...)
	}
	main = append(main, p.spec.Tasks...)
	for _, section := range [][]playbooks.Node{p.spec.PreTasks, main, p.spec.PostTasks} {
		if len(section) == 0 {
			continue
		}
		p.section(ctx, section, hosts)
		p.flushHandlers(ctx, hosts)
	}
	force, err := p.keyword(ctx, p.spec.ForceHandlers)
	if err != nil {
		return err
	}
	if on, _ := truth(orFalse(force)); on {
		p.forceHandlers(ctx, hosts)
	}
	return nil
}

func roleNodes(r *playbooks.Role) []playbooks.Node {
	return r.Tasks
}

// section runs nodes on hosts: together, or with strategy free each on its own.
func (p *play) section(ctx context.Context, nodes []playbooks.Node, hosts []*host) {
	if !p.free {
		p.nodes(ctx, nodes, activeOf(hosts))
		return
	}
	work := pool.New().WithMaxGoroutines(p.run.cfg.Forks)
	for _, h := range activeOf(hosts) {
		work.Go(func() { p.nodes(ctx, nodes, []*host{h}) })
	}
	work.Wait()
}

// bind finds the hosts of the play.
func (p *play) bind(ctx context.Context) error {
	r := p.run
	sc := p.playScope()
	pattern, err := p.pattern(ctx, sc)
	if err != nil {
		return err
	}
	p.name = pattern
	if p.spec.Name != nil {
		name, err := sc.eval(ctx, p.spec.Name)
		if err != nil {
			name = p.spec.Name.Raw()
		}
		p.name = value.Str(name)
	}
	matched, err := r.cfg.Inventory.Match(pattern)
	if err != nil {
		return source.Errorf(p.spec.Hosts.Pos, "hosts: %w", err)
	}
	if len(matched) == 0 {
		r.emit(PlayStart{Name: p.name, Pos: p.spec.Pos})
		r.emit(NoHosts{Pattern: pattern})
		return nil
	}
	limited := matched
	if r.cfg.Limit != "" {
		if limited, err = r.cfg.Inventory.Limit(matched, r.cfg.Limit); err != nil {
			return err
		}
	}
	order, err := p.keyword(ctx, p.spec.Order)
	if err != nil {
		return err
	}
	if err := sortHosts(limited, order); err != nil {
		return source.Errorf(p.spec.Order.Pos, "%w", err)
	}
	for _, ih := range matched {
		h := r.host(ih.Name)
		h.inPlay = false
		p.peers = append(p.peers, h)
	}
	for _, ih := range limited {
		h := r.host(ih.Name)
		if h.failed || h.gone.Load() {
			continue
		}
		h.enter()
		h.inPlay = true
		p.all = append(p.all, h)
	}
	if len(limited) == 0 {
		r.emit(PlayStart{Name: p.name, Pos: p.spec.Pos})
		r.emit(NoHosts{Pattern: pattern + " limited to " + r.cfg.Limit})
	}
	return nil
}

func (p *play) pattern(ctx context.Context, sc *scope) (string, error) {
	v, err := sc.eval(ctx, p.spec.Hosts)
	if err != nil {
		return "", err
	}
	if list, ok := v.([]any); ok {
		parts := make([]string, len(list))
		for i, e := range list {
			parts[i] = value.Str(e)
		}
		return strings.Join(parts, ","), nil
	}
	return value.Str(v), nil
}

// playScope resolves the names that a play's own keywords may use.
func (p *play) playScope() *scope {
	inv := p.run.cfg.Inventory
	layers := []layer{
		computed{
			"groups":             func() (any, error) { return groupsDict(inv), nil },
			"hostvars":           func() (any, error) { return hostVarsMap{p.run}, nil },
			"ansible_check_mode": func() (any, error) { return p.run.cfg.Check, nil },
		},
		givens{written(p.run.cfg.Extra)}, p.prompted, written(p.spec.Vars),
	}
	if p.spec.Dir != "" {
		layers = append(layers, finals{"playbook_dir": p.spec.Dir})
	}
	return newScope(layers, p.run.env([]string{p.spec.Dir}))
}

// keyword evaluates a keyword of the play itself; nil when it is not given.
func (p *play) keyword(ctx context.Context, v *playbooks.Value) (any, error) {
	if v == nil {
		return nil, nil
	}
	return p.playScope().eval(ctx, v)
}

func orFalse(v any) any {
	if v == nil {
		return false
	}
	return v
}

func sortHosts(hosts []*inventory.Host, order any) error {
	name := "inventory"
	if order != nil {
		name = value.Str(order)
	}
	byName := func(i, j int) bool { return hosts[i].Name < hosts[j].Name }
	switch name {
	case "inventory", "":
	case "sorted":
		sort.SliceStable(hosts, byName)
	case "reverse_sorted":
		sort.SliceStable(hosts, func(i, j int) bool { return byName(j, i) })
	case "reverse_inventory":
		slices.Reverse(hosts)
	case "shuffle":
		rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	default:
		return fmt.Errorf("order %q is none of inventory, reverse_inventory, sorted, reverse_sorted, shuffle", name)
	}
	return nil
}

// batches splits the hosts by `serial`: the last size repeats.
func (p *play) batches(ctx context.Context) ([][]*host, error) {
	v, err := p.keyword(ctx, p.spec.Serial)
	if err != nil || v == nil {
		return [][]*host{p.all}, err
	}
	sizes, ok := v.([]any)
	if !ok {
		sizes = []any{v}
	}
	var out [][]*host
	left := p.all
	for i := 0; len(left) > 0 && len(sizes) > 0; i++ {
		n, err := batchSize(sizes[min(i, len(sizes)-1)], len(p.all))
		if err != nil {
			return nil, source.Errorf(p.spec.Serial.Pos, "serial: %w", err)
		}
		n = min(n, len(left))
		out = append(out, left[:n])
		left = left[n:]
	}
	return out, nil
}

// batchSize reads a number or a percentage of all; a percentage gives at least 1.
func batchSize(v any, all int) (int, error) {
	text := strings.TrimSpace(value.Str(v))
	if pct, ok := strings.CutSuffix(text, "%"); ok {
		f, err := strconv.ParseFloat(pct, 64)
		if err != nil || f <= 0 {
			return 0, fmt.Errorf("%q is no percentage above 0", text)
		}
		return max(1, int(f*float64(all)/100)), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no number of hosts", text)
	}
	return n, nil
}
