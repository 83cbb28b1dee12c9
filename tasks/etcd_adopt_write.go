package tasks

import (
	"regexp"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// An adoptReport is what is known of a cluster to be adopted.
type adoptReport struct {
	group, cluster    string
	user, password    string
	members           []*adoptee
	missing, warnings []string
}

// ownAlways are the variables that stand at each host, also when all have the same.
var ownAlways = []string{"etcd_name", "etcd_address", "etcd_listen_address", "ansible_host"}

// secretLogin are connection variables that are never written.
var secretLogin = regexp.MustCompile(`(?i)pass|secret|token`)

// inventory is the text of the inventory. What is the same on all hosts stands once,
// for the group.
func (r *adoptReport) inventory() string {
	group := value.NewDict()
	var own []*value.Dict
	for _, a := range r.members {
		a.work()
		vars := a.kept()
		for k, v := range a.vars.All() {
			vars.Set(k, v)
		}
		own = append(own, vars)
	}
	for key, v := range own[0].Clone().All() {
		name := value.Str(key)
		everywhere := !slices.ContainsFunc(own, func(d *value.Dict) bool {
			other, has := d.Get(key)
			return !has || !value.Equal(other, v)
		})
		if everywhere && !(slices.Contains(ownAlways, name) && (len(own) > 1 || name != "etcd_listen_address")) {
			group.Set(key, v)
			for _, d := range own {
				d.Delete(key)
			}
		}
	}
	hosts := value.NewDict()
	for i, a := range r.members {
		hosts.Set(a.host, own[i])
	}
	tree := value.NewDict(r.group, value.NewDict("hosts", hosts, "vars", group))
	return r.head(own) + value.YAML(tree)
}

// kept are the connection variables.
func (a *adoptee) kept() *value.Dict {
	kept := value.NewDict()
	for k, v := range a.login.All() {
		if secretLogin.MatchString(value.Str(k)) {
			a.note(value.Str(k) + " is secret and is not written here: set it as before, or use a key")
			continue
		}
		kept.Set(k, v)
	}
	return kept
}

// notes are what is told of the hosts, what is true of several of them once.
func (r *adoptReport) notes() (all []string) {
	who := map[string][]string{}
	var order []string
	for _, a := range r.members {
		for _, n := range a.notes {
			if who[n] == nil {
				order = append(order, n)
			}
			who[n] = append(who[n], a.host)
		}
	}
	for _, n := range order {
		all = append(all, strings.Join(who[n], ", ")+": "+n)
	}
	return all
}

// head are the comments: what adopting changes, and what it can't keep.
func (r *adoptReport) head(own []*value.Dict) string {
	notes := slices.Clone(r.warnings)
	notes = append(notes, r.notes()...)
	var told []string
	for _, d := range own {
		for k := range d.All() {
			name := value.Str(k)
			if strings.HasPrefix(name, "etcd_") && !slices.Contains(ownAlways, name) && !slices.Contains(told, name) {
				told = append(told, name)
				notes = append(notes, name+" differs between the hosts, or is set on some alone: it is kept so")
			}
		}
	}
	var b strings.Builder
	b.WriteString("# The etcd cluster " + r.cluster + " as it ran when etcdplay's adopt.yml read it.\n")
	for _, n := range notes {
		b.WriteString("# - " + strings.Join(strings.Fields(n), " ") + "\n")
	}
	return b.String() + "\n"
}
