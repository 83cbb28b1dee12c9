package tasks

import (
	"context"
	"encoding/base64"
)

// Slurp reads a file of the host.
type Slurp struct {
	Src string `arg:"src,required" alias:"path" doc:"The file on the host"`
}

// Doc implements Module.
func (*Slurp) Doc() Doc {
	return Doc{
		Summary: "Read a file of the host into a variable",
		Text:    `At most 4 MiB; larger files are for ansible.builtin.fetch. Check mode reads too.`,
		Examples: `- slurp:
    src: /etc/machine-id
  register: id

- debug:
    msg: "{{ id.content | b64decode }}"
`,
		Returns: []Return{{"content", "the file in base64"}, {"encoding", "base64"}, {"source", "the file"}},
	}
}

// Run implements Module.
func (m *Slurp) Run(ctx context.Context, t *Target) (Result, error) {
	var res Result
	content, facts, err := t.readFile(ctx, m.Src)
	if err != nil {
		return res, err
	}
	if facts["exists"] != "yes" {
		return res, Failf("file not found: %s", m.Src)
	}
	res.Set("content", base64.StdEncoding.EncodeToString(content))
	res.Set("encoding", "base64")
	res.Set("source", facts["path"])
	return res, nil
}
