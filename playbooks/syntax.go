package playbooks

import (
	"github.com/etcdplay/etcdplay/internal/value"
	"gopkg.in/yaml.v3"
)

// parseYAML reads one document.
func parseYAML(name string, text []byte) (*yaml.Node, error) {
	return value.ParseYAML(name, text)
}
