package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/etcdplay/etcdplay/internal/value"
)

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"1", "[1, 'a', {None: (1,)}]", "'\\x41' \"b\"", "0x1F # c", "{'a': 1", "-1.5e-3", "((((", "1,2,", "r'\\'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := parseLiteral(s)
		if _, isText := v.(string); isText || !utf8.ValidString(s) {
			return // INI lines are UTF-8 before they come here
		}
		// What was read as a literal is one, and stays the same.
		if again := parseLiteral(value.Repr(v)); value.Repr(again) != value.Repr(v) && !strings.Contains(value.Repr(v), "inf") {
			t.Fatalf("%q is %s, read again %s", s, value.Repr(v), value.Repr(again))
		}
	})
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{`h a=b`, `h "a b"='c'#d`, `\`, `"`, `a\ b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := splitWords(s, 1)
		if err != nil {
			return
		}
		// Quoted, every word comes back as it is.
		var quoted []string
		for _, w := range words {
			quoted = append(quoted, "'"+strings.ReplaceAll(w.text, "'", `'"'"'`)+"'")
		}
		again, err := splitWords(strings.Join(quoted, " "), 1)
		if err != nil || len(again) != len(words) {
			t.Fatalf("%q: %+v came back as %+v, %v", s, words, again, err)
		}
		for i := range again {
			if again[i].text != words[i].text {
				t.Fatalf("%q: %q came back as %q", s, words[i].text, again[i].text)
			}
		}
	})
}

func FuzzHost(f *testing.F) {
	for _, s := range []string{"h", "h[1:3]:22", "[::1]:22", "h[a:z][A:Z][0:9]", "h[0:99999999999]", "h[01:03:2]-[1:2]", "[", "]", "h[::]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		names, port, err := expandHost(s)
		if err == nil && (len(names) == 0 || len(names) > maxRange || port < 0) {
			t.Fatalf("%q stands for %d hosts, port %d", s, len(names), port)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{"all", "web:&db:!x", "g[0]", "g[-1:2]", "~^h.*", "h[!1-3]*", "[]a]", "[z-a]", "a,b:c", "@x", "!", "&", "~(", "h[1", "[[:alpha:]]", "[\\]"} {
		f.Add(s)
	}
	dir := f.TempDir()
	file := filepath.Join(dir, "hosts")
	if err := os.WriteFile(file, []byte("h[1:9]\n[g]\nh[1:5]\n[web]\nw1\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		inv := newInventory(Options{})
		if err := inv.readINI(file, []byte("h[1:9]\n[g]\nh[1:5]\n[web]\nw1\n")); err != nil {
			t.Fatal(err)
		}
		inv.settle()
		hosts, err := inv.Match(s)
		if err != nil {
			return
		}
		seen := map[*Host]bool{}
		for _, h := range hosts {
			if seen[h] {
				t.Fatalf("%q selects %s twice", s, h.Name)
			}
			seen[h] = true
		}
		if more, err := inv.Match("all", "!"+s); err == nil && !strings.ContainsAny(s, ",:&!") && len(strings.TrimSpace(s)) > 0 {
			for _, h := range more {
				if seen[h] && s == strings.TrimSpace(s) {
					t.Fatalf("%s is in %q and in all but it", h.Name, s)
				}
			}
		}
	})
}

func FuzzINI(f *testing.F) {
	for _, s := range []string{"h1 x=1\n[g:children]\na\n[a]\nh2\n[a:vars]\nx=[1,2]\n", "[g:vars]\nx=1", "[all:children]\nall", "[a:children]\nb\n[b:children]\na\n", "\ufeff[g]\r\nh\r\n", "h[1:3]:22 'a=b'#c"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		inv := newInventory(Options{})
		if inv.readINI("hosts", data) != nil {
			return
		}
		inv.settle()
		inv.List(false)
		// What is exported can be read, with the same hosts.
		again := newInventory(Options{})
		if err := again.readYAML("hosts.yml", []byte(value.YAML(inv.Tree(true)))); err == nil {
			again.settle()
			if len(again.order) != len(inv.order) {
				t.Fatalf("%d hosts came back, were %d\n%s", len(again.order), len(inv.order), value.YAML(inv.Tree(true)))
			}
		}
	})
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{"all: {hosts: {h[1:3]: {x: 1}}}", "a: &a {children: {b: *a}}", "a: {<<: *a}", "g: {hosts: h, children: c, vars: }", "- a", "a: &a {<<: *a}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		inv := newInventory(Options{})
		if inv.readYAML("hosts.yml", data) == nil {
			inv.settle()
			inv.List(true)
		}
	})
}
