package facts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/etcdplay/etcdplay/internal/value"
)

// Each case is what a host showed, and some of the facts that come of it, as
// JSON by name.
type factCase struct {
	Name  string
	Kind  string
	Files map[string]map[string]string // by key of Raw, then path: a text
	Raw   map[string]string            // further keys of Raw
	Want  map[string]string
}

func TestFacts(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.yml")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var cases []factCase
		if err := yaml.Unmarshal(text, &cases); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, c := range cases {
			kindOf := strings.TrimSuffix(filepath.Base(name), ".yml")
			t.Run(kindOf+"/"+c.Name, func(t *testing.T) { c.run(t, kindOf) })
		}
	}
}

func (c factCase) run(t *testing.T, kindOf string) {
	raw := Raw{}
	for k, v := range c.Raw {
		raw[k] = v
	}
	for key, files := range c.Files {
		for path, text := range files {
			for line := range strings.Lines(text) {
				raw[key] += path + ":" + strings.TrimSuffix(line, "\n") + "\n"
			}
		}
	}
	d := value.NewDict()
	for _, k := range kinds {
		if k.name == kindOf {
			k.read(raw, d)
		}
	}
	got := map[string]string{}
	for name := range c.Want {
		if v, ok := d.Get(name); ok {
			got[name] = value.JSON(v, value.JSONStyle{})
		}
	}
	if diff := cmp.Diff(c.Want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// No answer of a host may bring the controller down.
func FuzzFacts(f *testing.F) {
	f.Add("distribution", "/etc/os-release:ID=\"x\n")
	f.Add("addresses", "1: lo inet 127.0.0.1/8 scope\n2: x inet6 /")
	f.Add("fib", "/proc/net/fib_trie: |-- 1.2.3.4\n/proc/net/fib_trie: /32 host LOCAL")
	f.Add("local.x", "ok\n[a]\nb")
	f.Add("mounts", `/proc/self/mounts:/dev/x /a\04 ext4 rw`)
	f.Add("clock", "||||||||||||")
	all, err := NewSubset(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, text string) {
		raw := Raw{key: text}
		for _, k := range []string{"network", "addresses", "fib", "hardware", "cpuinfo"} {
			raw[k] = text
		}
		raw[key] = text
		all.Read(raw)
	})
}
