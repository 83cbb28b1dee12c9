package tasks

import (
	"context"
	"strings"
)

// BlockInFile keeps lines between two markers in a text file.
type BlockInFile struct {
	EditArgs
	Block       string `arg:"block" alias:"content" doc:"The lines; without any the block is removed"`
	State       string `arg:"state" default:"present" choices:"present,absent" doc:"Whether the block is to be there"`
	Marker      string `arg:"marker" default:"# {mark} ANSIBLE MANAGED BLOCK" doc:"The lines around the block; {mark} stands for the two words"`
	MarkerBegin string `arg:"marker_begin" default:"BEGIN" doc:"The word above the block"`
	MarkerEnd   string `arg:"marker_end" default:"END" doc:"The word below the block"`
	AppendNL    bool   `arg:"append_newline" doc:"Keep an empty line below the block"`
	PrependNL   bool   `arg:"prepend_newline" doc:"Keep an empty line above the block"`
}

// Doc implements Module.
func (*BlockInFile) Doc() Doc {
	return Doc{
		Summary: "Keep a block of lines in a text file",
		Text: `The block stands between two marker lines. It is brought up to date where it is;
several of the same marker become one. Blocks in one file need markers of their
own. A begin marker without its end is a failure, because what follows it may be
anybody's. A file with CRLF keeps it.`,
		Examples: `- blockinfile:
    path: /etc/hosts
    marker: "# {mark} app"
    block: |
      10.0.0.1 db1
      10.0.0.2 db2
`,
		Returns: []Return{{"msg", "Block inserted, Block removed, File created"}, {"backup", "the old file, with backup"}},
	}
}

// Validate implements Validator.
func (m *BlockInFile) Validate() error {
	if _, _, err := markers(m.Marker, m.MarkerBegin, m.MarkerEnd); err != nil {
		return err
	}
	return m.EditArgs.check()
}

// Run implements Module.
func (m *BlockInFile) Run(ctx context.Context, t *Target) (Result, error) {
	at, err := m.place()
	if err != nil {
		return Result{}, err
	}
	mayMiss := m.Create || m.absent() // a file that is missing has no such block
	return m.edit(ctx, t, mayMiss, func(text *textFile) (string, error) { return m.rewrite(text, at) })
}

func (m *BlockInFile) absent() bool { return m.State == "absent" || m.Block == "" }

// rewrite brings the text to hold the block, or not to.
func (m *BlockInFile) rewrite(text *textFile, at place) (string, error) {
	begin, end, err := markers(m.Marker, m.MarkerBegin, m.MarkerEnd)
	if err != nil {
		return "", err
	}
	old := text.String()
	was, err := text.cutBlocks(begin, end)
	if err != nil {
		return "", err
	}
	if m.absent() {
		if text.String() == old {
			return "", nil
		}
		return "Block removed", nil
	}
	i := was
	if was < 0 {
		i, _ = at.index(text.lines, false)
	}
	lines := []string{begin}
	for line := range strings.Lines(m.Block) {
		lines = append(lines, bare(line))
	}
	lines = append(lines, end)
	if m.PrependNL && i > 0 && strings.TrimSpace(text.lines[i-1]) != "" {
		lines = append([]string{""}, lines...)
	}
	if m.AppendNL && i < len(text.lines) && strings.TrimSpace(text.lines[i]) != "" {
		lines = append(lines, "")
	}
	text.insert(i, lines...)
	switch {
	case text.String() == old:
		return "", nil
	case old == "":
		return "File created", nil
	}
	return "Block inserted", nil
}
