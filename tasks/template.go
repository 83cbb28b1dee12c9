package tasks

import (
	"context"
	"path"
	"path/filepath"
	"strings"
)

// Template renders a template of the controller's to the host.
type Template struct {
	Src string `arg:"src,required" doc:"The template on the controller"`
	PutArgs
	TrimBlocks    bool   `arg:"trim_blocks" default:"true" doc:"Take the line break off behind a block"`
	LstripBlocks  bool   `arg:"lstrip_blocks" doc:"Take white space off before a block"`
	BlockStart    string `arg:"block_start_string" default:"{%" doc:"How a block begins"`
	BlockEnd      string `arg:"block_end_string" default:"%}" doc:"How a block ends"`
	VariableStart string `arg:"variable_start_string" default:"{{" doc:"How an expression begins"`
	VariableEnd   string `arg:"variable_end_string" default:"}}" doc:"How an expression ends"`
	Newline       string `arg:"newline_sequence" default:"\\n" doc:"Line breaks of the result: \\n, \\r\\n or \\r"`
	Encoding      string `arg:"output_encoding" default:"utf-8" choices:"utf-8,UTF-8,utf8" doc:"Only UTF-8"`
}

// Doc implements Module.
func (*Template) Doc() Doc {
	return Doc{
		Summary: "Render a template to a file on the host",
		Text: `The template is looked for in templates/ of the role, then beside the playbook, and
filled in with the variables of the host. The file is then put in place as copy
does it.`,
		Examples: `- template:
    src: etcd.conf.j2
    dest: /etc/etcd/etcd.conf
    mode: "0644"
  notify: restart etcd
`,
		Returns: putReturns,
	}
}

// Validate implements Validator.
func (m *Template) Validate() error {
	if _, err := m.newline(); err != nil {
		return err
	}
	return m.PutArgs.check()
}

// newline is the line break, which may be written with backslashes.
func (m *Template) newline() (string, error) {
	n := strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(m.Newline)
	switch n {
	case "\n", "\r\n", "\r":
		return n, nil
	}
	return "", &ArgError{Arg: "newline_sequence", Msg: `newline_sequence is none of \n, \r\n, \r`}
}

// Run implements Module.
func (m *Template) Run(ctx context.Context, t *Target) (Result, error) {
	newline, err := m.newline()
	if err != nil {
		return Result{}, err
	}
	src, err := t.Files.Find("templates", m.Src)
	if err != nil {
		return Result{}, err
	}
	text, err := t.Files.Render(ctx, src, RenderOptions{
		TrimBlocks: m.TrimBlocks, LstripBlocks: m.LstripBlocks,
		BlockStart: m.BlockStart, BlockEnd: m.BlockEnd, VariableStart: m.VariableStart, VariableEnd: m.VariableEnd,
		NewlineSequence: newline,
	})
	if err != nil {
		return Result{}, err
	}
	f := newFile{content: []byte(text), name: path.Base(filepath.ToSlash(m.Src)), shown: src}
	if m.Mode == Preserve {
		if f.mode, err = modeOnController(src); err != nil {
			return Result{}, err
		}
	}
	return m.PutArgs.put(ctx, t, f, "")
}
