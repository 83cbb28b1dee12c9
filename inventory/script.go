package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// scriptTimeout bounds each run of an executable inventory.
const scriptTimeout = 2 * time.Minute

// runScript runs an executable inventory and returns the JSON that it prints.
func runScript(ctx context.Context, file string, args ...string) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, scriptTimeout)
	defer cancel()
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = filepath.Dir(path)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // a child of the script may hold the pipe
	at := source.Pos{File: file}
	call := strings.Join(args, " ")
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		e := source.Errorf(at, "the inventory script failed on %s: %w", call, err)
		if said := strings.TrimSpace(stderr.String()); said != "" {
			e.Msg += ": " + said
		}
		return nil, e
	}
	v, err := value.DecodeJSON(stdout.Bytes())
	if err != nil {
		return nil, source.Errorf(at, "the inventory script must print JSON on %s: %w", call, err).
			WithHint("it printed: %.200s", firstLine(stdout.String()))
	}
	return v, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// readScript adds what an executable prints on --list. Without _meta it is
// asked for each host with --host.
func (inv *Inventory) readScript(ctx context.Context, file string) error {
	v, err := runScript(ctx, file, "--list")
	if err != nil {
		return err
	}
	root, ok := v.(*value.Dict)
	if !ok {
		return source.Errorf(source.Pos{File: file}, "the inventory script must print a JSON object of groups on --list, not %s", jsonKind(v))
	}
	r := scriptReader{inv: inv, file: file}
	var hostvars *value.Dict
	hasMeta := false
	for key, body := range root.All() {
		name, _ := key.(string) // a JSON key always is one
		if name != "_meta" {
			r.group(name, body)
			continue
		}
		if meta, ok := body.(*value.Dict); ok {
			var hv any
			if hv, hasMeta = meta.Get("hostvars"); hasMeta {
				if hostvars, ok = hv.(*value.Dict); !ok {
					r.fail("_meta.hostvars must be an object, not %s", jsonKind(hv))
				}
			}
		} else {
			r.fail("_meta must be an object, not %s", jsonKind(body))
		}
	}
	for _, h := range r.hosts {
		if hasMeta {
			vars, _ := hostvars.Get(h.Name)
			r.hostVars(h, vars)
			continue
		}
		vars, err := runScript(ctx, file, "--host", h.Name)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return err // the other hosts would wait as long
		}
		r.errs.Add(err)
		r.hostVars(h, vars)
	}
	return r.errs.Err()
}

type scriptReader struct {
	inv   *Inventory
	file  string
	hosts []*Host // named by this script
	errs  source.Errors
}

func (r *scriptReader) fail(format string, args ...any) {
	r.errs.Add(source.Errorf(source.Pos{File: r.file}, format, args...))
}

// group reads one group: a list of hosts; an object of hosts, vars and
// children; or an object of the variables of a host that is its own group.
func (r *scriptReader) group(name string, body any) {
	g := r.inv.addGroup(name)
	switch body := body.(type) {
	case []any:
		r.addHosts(g, body)
	case *value.Dict:
		_, hosts := body.Get("hosts")
		_, children := body.Get("children")
		_, vars := body.Get("vars")
		if !hosts && !children && !vars {
			r.addHosts(g, []any{name})
			r.groupVars(g, body)
			return
		}
		r.addHosts(g, r.list(body, "hosts", name))
		if v, _ := body.Get("vars"); v != nil {
			dict, ok := v.(*value.Dict)
			if !ok {
				r.fail("the vars of the group %s must be an object, not %s", name, jsonKind(v))
			}
			r.groupVars(g, dict)
		}
		for _, c := range r.list(body, "children", name) {
			child, ok := c.(string)
			if !ok {
				r.fail("the children of the group %s must be names, not %s", name, jsonKind(c))
				continue
			}
			if err := r.inv.link(g, r.inv.addGroup(child)); err != nil {
				r.fail("%w", err)
			}
		}
	default:
		r.fail("the group %s must be a list of hosts or an object, not %s", name, jsonKind(body))
	}
}

func (r *scriptReader) list(d *value.Dict, key, group string) []any {
	v, _ := d.Get(key)
	list, ok := v.([]any)
	if v != nil && !ok {
		r.fail("the %s of the group %s must be a list, not %s", key, group, jsonKind(v))
	}
	return list
}

func (r *scriptReader) addHosts(g *Group, names []any) {
	for _, n := range names {
		name, ok := n.(string)
		if !ok || name == "" {
			r.fail("the hosts of the group %s must be names, not %s", g.Name, value.Repr(n))
			continue
		}
		if r.inv.hosts[name] == nil || !containsHost(r.hosts, name) {
			r.hosts = append(r.hosts, r.inv.addHost(name, r.file))
		}
		g.add(r.inv.hosts[name])
	}
}

func containsHost(hosts []*Host, name string) bool {
	for _, h := range hosts {
		if h.Name == name {
			return true
		}
	}
	return false
}

func (r *scriptReader) groupVars(g *Group, vars *value.Dict) {
	for k, v := range vars.All() {
		r.errs.Add(g.setVar(Var{Name: fmt.Sprint(k), Value: v, From: source.Pos{File: r.file}, Layer: groupLayer(g.Name), Group: g.Name}))
	}
}

func (r *scriptReader) hostVars(h *Host, vars any) {
	dict, ok := vars.(*value.Dict)
	if vars != nil && !ok {
		r.fail("the variables of the host %s must be an object, not %s", h.Name, jsonKind(vars))
	}
	for k, v := range dict.All() {
		h.vars.set(Var{Name: fmt.Sprint(k), Value: v, From: source.Pos{File: r.file}, Layer: HostVars})
	}
}

func jsonKind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case int, float64:
		return "a number"
	case string:
		return "text"
	case []any:
		return "a list"
	}
	return "an object"
}
