package tasks

import (
	"context"
	"path"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks/script"
)

// Setup gathers facts of a host.
type Setup struct {
	Filter   []string `arg:"filter" split:"," doc:"Keep only facts whose names match one of these wildcards"`
	Subset   []string `arg:"gather_subset" split:"," doc:"Accepted; everything is gathered in one go anyway"`
	Timeout  int      `arg:"gather_timeout" default:"10" doc:"Accepted; use the task's timeout"`
	FactPath string   `arg:"fact_path" default:"/etc/ansible/facts.d" doc:"Folder with facts of the host's own: *.fact, programs or texts in JSON or INI"`
}

// Doc implements Module.
func (*Setup) Doc() Doc {
	return Doc{
		Summary: "Gather facts of the host",
		Text: `One script tells the distribution, kernel, processors, memory, addresses, mounts,
users, service and package managers and more, under Ansible's names. A play does
this first unless gather_facts is false. There are no facts about Python: no task
needs it. Facts that want slow programs (hardware inventories) are left out.`,
		Examples: `- setup:
    filter: "ansible_distribution*"

- debug:
    msg: "{{ ansible_distribution }} {{ ansible_distribution_version }} at {{ ansible_default_ipv4.address }}"
`,
		Returns: []Return{{"ansible_facts", "the facts"}},
	}
}

// Run implements Module.
func (m *Setup) Run(ctx context.Context, t *Target) (Result, error) {
	out, err := t.Exec(ctx, script.New().Call("gather_facts", m.FactPath))
	if err != nil {
		return Result{}, err
	}
	var raw Result
	if err := raw.read(out); err != nil {
		return Result{Warnings: raw.Warnings}, err
	}
	text := map[string]string{}
	for k, v := range raw.Data.All() {
		text[k.(string)] = v.(string)
	}
	facts := value.NewDict()
	for k, v := range hostFacts(text, string(out.Stdout)).All() {
		if m.keeps(k.(string)) {
			facts.Set(k, v)
		}
	}
	res := Result{Facts: facts, Warnings: raw.Warnings}
	res.Set("ansible_facts", facts)
	return res, nil
}

// keeps reports whether the filter lets a fact through; it may be written with
// or without ansible_.
func (m *Setup) keeps(name string) bool {
	if len(m.Filter) == 0 {
		return true
	}
	for _, f := range m.Filter {
		full, _ := path.Match(f, name)
		short, _ := path.Match(f, strings.TrimPrefix(name, "ansible_"))
		if full || short {
			return true
		}
	}
	return false
}
