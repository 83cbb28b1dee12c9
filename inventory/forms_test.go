package inventory

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
)

func readJSON(t *testing.T, name string, to any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}

// python-literals.json maps texts to the repr() of what Ansible makes of them:
// Python's ast.literal_eval, tuples shown as lists, text where it fails.
func TestLiterals(t *testing.T) {
	var cases map[string]string
	readJSON(t, "python-literals.json", &cases)
	for in, want := range cases {
		if got := value.Repr(parseLiteral(in)); got != want {
			t.Errorf("%s is read as %s, want %s", in, got, want)
		}
	}
}

// python-words.json maps lines to what Python's shlex.split(comments=True)
// makes of them, null where it fails.
func TestWords(t *testing.T) {
	var cases map[string][]string
	readJSON(t, "python-words.json", &cases)
	for in, want := range cases {
		words, err := splitWords(in, 1)
		got := []string{}
		for _, w := range words {
			got = append(got, w.text)
		}
		if (err != nil) != (want == nil) || err == nil && !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

func TestWordColumns(t *testing.T) {
	words, err := splitWords(`hé  a="b c"	d='e'f#g`, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := []word{{"hé", 3, false}, {"a=b c", 7, false}, {"d=ef", 15, true}}
	if !slices.Equal(words, want) {
		t.Errorf("%+v, want %+v", words, want)
	}
}

// ansible-hosts.json maps names to [the names they stand for, port] as Ansible
// sees them, null where it fails.
func TestHostNames(t *testing.T) {
	var cases map[string]*[2]any
	readJSON(t, "ansible-hosts.json", &cases)
	for in, want := range cases {
		names, port, err := expandHost(in)
		if want == nil {
			if err == nil {
				t.Errorf("%s stands for %q, Ansible refuses it", in, names)
			}
			continue
		}
		var wantNames []string
		for _, n := range want[0].([]any) {
			wantNames = append(wantNames, n.(string))
		}
		if err != nil || !slices.Equal(names, wantNames) || float64(port) != want[1] {
			t.Errorf("%s stands for %q, port %d (%v); want %q, port %v", in, names, port, err, wantNames, want[1])
		}
	}
}
