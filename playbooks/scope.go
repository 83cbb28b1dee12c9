package playbooks

import (
	"slices"

	"github.com/etcdplay/etcdplay/internal/source"
	"gopkg.in/yaml.v3"
)

// A scope is where something is being read: in which file, for which play,
// role and block.
type scope struct {
	*parse
	doc     *document
	play    *Play
	role    *Role
	block   *Block
	handler bool
	dry     bool     // only to find mistakes: what is read is thrown away
	dirs    []string // of this file and of those that brought it in, innermost first
	trail   []string // what is being imported, outermost first: to find loops
}

func (s scope) in(b *Block) *scope {
	s.block = b
	return &s
}

func (s *scope) pos(n *yaml.Node) source.Pos { return s.doc.pos(n) }

// open reads another file, as something that stands in this one.
func (s scope) open(file string, at source.Pos) (*scope, bool) {
	if slices.Contains(s.trail, file) {
		s.errorf(at, "%s imports itself", file).WithHint("the way is %s", joinWays(append(s.trail, file)))
		return nil, false
	}
	if err := s.ctx.Err(); err != nil {
		s.add(at, err)
		return nil, false
	}
	doc, err := s.l.document(file)
	if err != nil {
		s.add(at, err)
		return nil, false
	}
	s.doc = doc
	s.trail = append(slices.Clip(s.trail), file)
	s.dirs = append([]string{dirOf(file)}, s.dirs...)
	return &s, true
}

func joinWays(files []string) string {
	out := files[0]
	for _, f := range files[1:] {
		out += " → " + f
	}
	return out
}

// tasks reads a list of tasks.
func (s *scope) tasks(n *yaml.Node, what string) []Node {
	items, _ := s.list(n, what)
	var nodes []Node
	for _, it := range items {
		if node := s.task(it); node != nil {
			nodes = append(nodes, node)
		}
	}
	return nodes
}
