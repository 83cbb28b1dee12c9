package jinja

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
)

// TestNamesOfRealPlaybooks: what 99 % of the templates in public playbooks
// use is there.
func TestNamesOfRealPlaybooks(t *testing.T) {
	for kind, list := range map[string][2]string{
		"filter": {strings.Join(Filters(), " "), `default d bool length count int float lower upper list map join to_json from_json
			to_nice_json to_yaml to_nice_yaml from_yaml string first last regex_replace regex_search regex_findall regex_escape
			selectattr rejectattr select reject ternary replace indent combine union intersect difference symmetric_difference
			basename dirname b64encode b64decode dictsort dict2items items2dict unique trim comment title capitalize ipaddr
			ipwrap quote flatten random split sort reverse sum min max abs round zip product extract hash password_hash
			to_datetime human_readable path_join expanduser realpath splitext groupby batch slice wordwrap center format
			mandatory urlsplit urlencode escape tojson version`},
		"test": {strings.Join(Tests(), " "), `defined undefined none version version_compare succeeded success failed changed skipped
			string number integer float boolean mapping iterable sequence search match regex in sameas even odd divisibleby
			subset superset contains any all truthy falsy exists file directory`},
		"lookup": {strings.Join(Lookups(), " "), `env file template pipe vars password fileglob first_found items dict sequence lines
			url`},
	} {
		have := map[string]bool{}
		for _, n := range strings.Fields(list[0]) {
			have[n] = true
		}
		for _, n := range strings.Fields(list[1]) {
			if !have[n] {
				t.Errorf("there is no %s named %s", kind, n)
			}
		}
	}
}

// TestEveryNameIsAsked: no filter, test or lookup goes without a case.
func TestEveryNameIsAsked(t *testing.T) {
	var all strings.Builder
	for _, file := range []string{"exprs.txt", "templates.txt", "mistakes.txt"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	for _, file := range []string{"files_test.go", "names_test.go", "eval_test.go"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	for kind, list := range map[string][]string{"filter": Filters(), "test": Tests(), "lookup": Lookups()} {
		for _, n := range list {
			if !strings.Contains(all.String(), n) {
				t.Errorf("the %s %s has no case", kind, n)
			}
		}
	}
}

// TestBeyondTheOracle: what Ansible's controller can't be asked, because it
// lacks the collection or the answer depends on the machine.
func TestBeyondTheOracle(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc/passwd", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	env := &Env{Vars: dictVars{value.NewDict("dir", dir, "d", value.NewDict("a", 1, "b", 2))}, Now: func() time.Time {
		return time.Date(2026, 11, 23, 4, 5, 6, 0, time.UTC)
	}}
	for tmpl, want := range map[string]any{
		"{{ d | attr('a') }}":                                       1,
		"{{ d | pprint }}":                                          "{'a': 1, 'b': 2}",
		"{{ '/a/./b/../c//d/' | normpath }}":                        "/a/c/d",
		"{{ ['/a/b/c', '/a/b/d'] | commonpath }}":                   "/a/b",
		"{{ [['a', 1]] | dict }}":                                   value.NewDict("a", 1),
		"{{ d | ansible.utils.keep_keys('a') }}":                    value.NewDict("a", 1),
		"{{ d | ansible.utils.remove_keys('a') }}":                  value.NewDict("b", 2),
		"{{ [d] | ansible.utils.keep_keys(target=['b']) }}":         []any{value.NewDict("b", 2)},
		"{{ '1a:2b:3c:4d:5e:6f' | macaddr('linux') }}":              "1a:2b:3c:4d:5e:6f",
		"{{ '/etc/pass*d' | fileglob }}":                            []any{"/etc/passwd"},
		"{{ '1.10' | version_compare('1.9', '>') }}":                true,
		"{{ '1.10' | version('1.9', '<') }}":                        false,
		"{{ {'changed': true} is change }}":                         true,
		"{{ {'rc': 0} is successful }}":                             true,
		"{{ {'failed': true} is failure }}":                         true,
		"{{ {'timedout': true} is timedout }}":                      true,
		"{{ {'started': 1} is started }}":                           true,
		"{{ {'finished': 0} is finished }}":                         false,
		"{{ '10.0.0.1' is ip }}":                                    true,
		"{{ '10.0.0.1' is ansible.utils.ip_address }}":              true,
		"{{ '10.0.0.0/8' is ip_address }}":                          false,
		"{{ '10.0.0.1' is ipv4 }}":                                  true,
		"{{ '::1' is ipv4 }}":                                       false,
		"{{ '::1' is ipv6 }}":                                       true,
		"{{ '10.0.0.0/8' is ipv4_address }}":                        false,
		"{{ '::1' is ipv6_address }}":                               true,
		"{{ '127.0.0.1' is loopback }}":                             true,
		"{{ '10.0.0.1' is private }}":                               true,
		"{{ '10.0.0.1' is public }}":                                false,
		"{{ '10.0.0.1' is ansible.utils.in_network '10.0.0.0/8' }}": true,
		"{{ 'urn:isbn:123' is urn }}":                               true,
		"{{ 'nan' | float is nan }}":                                true,
		"{{ 1 is isnan }}":                                          false,
		"{{ (dir ~ '/link') is link }}":                             true,
		"{{ (dir ~ '/link') is is_link }}":                          true,
		"{{ (dir ~ '/none') is link_exists }}":                      false,
		"{{ '/etc' is is_abs and '/etc' is is_dir and '/etc/passwd' is is_file and '/proc' is is_mount }}": true,
		"{{ (dir ~ '/link') is same_file('/etc/passwd') }}":                                                true,
		"{{ '/etc' is is_same_file('/usr') }}":                                                             false,
		"{{ ['a', 'b'] is issuperset ['a'] }}":                                                             true,
		"{{ 'x' is vault_encrypted or 'x' is escaped }}":                                                   false,
		"{{ false is false }}":                                                                             true,
		"{{ lookup('unvault', '/dev/null') }}":                                                             "",
		"{{ query('cartesian', [1], [2, 3]) }}":                                                            []any{[]any{1, 2}, []any{1, 3}},
		"{{ query('flattened', [1, [2, [3]]]) }}":                                                          []any{1, 2, 3},
		"{{ query('varnames', '^d') }}":                                                                    []any{"dir", "d"},
		"{{ lookup('random_choice', 'a', 'a') }}":                                                          "a",
		"{{ now().year }}":                                                                                 2026,
		"{{ now(utc=true, fmt='%Y-%m-%d') }}":                                                              "2026-11-23",
		"{{ '%Y' | strftime }}":                                                                            "2026",
		"{{ (10 | random) < 10 }}":                                                                         true,
		"{{ ['a'] | random }}":                                                                             "a",
		"{{ [1, 2, 3] | shuffle | sort }}":                                                                 []any{1, 2, 3},
		"{{ ('x' | password_hash('sha512', rounds=1000))[:15] }}":                                          "$6$rounds=1000$",
		"{{ ('x' | password_hash('blowfish', rounds=4))[:7] }}":                                            "$2b$04$",
		"{{ vars['d']['a'] }}":                                                                             1,
		"{{ vars.d.b }}":                                                                                   2,
	} {
		if got := mustEval(t, tmpl, env); !value.Equal(got, want) {
			t.Errorf("%s gives %s, not %s", tmpl, value.Repr(got), value.Repr(want))
		}
	}
}

func TestURLLookup(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/auth":
			user, pass, _ := r.BasicAuth()
			fmt.Fprintf(w, "%s:%s:%s", user, pass, r.Header.Get("X-Token"))
		default:
			fmt.Fprint(w, "one\ntwo\n")
		}
	}))
	defer server.Close()
	env := &Env{Vars: dictVars{value.NewDict("u", server.URL)}}
	for tmpl, want := range map[string]any{
		"{{ query('url', u) }}":                     []any{"one", "two"},
		"{{ lookup('url', u) }}":                    "one,two",
		"{{ lookup('url', u, split_lines=false) }}": "one\ntwo\n",
		"{{ lookup('url', u ~ '/auth', username='a', password='b', headers={'X-Token': 't'}) }}": "a:b:t",
	} {
		if got := mustEval(t, tmpl, env); !value.Equal(got, want) {
			t.Errorf("%s gives %s, not %s", tmpl, value.Repr(got), value.Repr(want))
		}
	}
	if _, err := eval(t, "{{ lookup('url', u ~ '/missing') }}", env); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a missing page gives %v", err)
	}
}

// TestCommandsEnd: a command that hangs is stopped, and so is one that leaves
// a child behind.
func TestCommandsEnd(t *testing.T) {
	if got := mustEval(t, "{{ lookup('pipe', 'head -c 100000 /dev/zero >&2; echo fine') }}", nil); got != "fine" {
		t.Errorf("with much on standard error: %v", got)
	}
	soon, ever := Limits{Command: 100 * time.Millisecond, Output: 1000}, Limits{Command: time.Minute, Output: 1000}
	for tmpl, end := range map[string]struct {
		Limits
		want string
	}{
		"{{ lookup('pipe', 'sleep 30') }}":                  {soon, "did not end within 100ms"},
		"{{ lookup('lines', 'sleep 30 & exec sleep 30') }}": {soon, "did not end within 100ms"},
		"{{ lookup('pipe', 'yes') }}":                       {ever, "printed more than"},
		"{{ lookup('pipe', 'head -c 2000 /dev/zero') }}":    {ever, "printed more than"},
	} {
		want := end.want
		_, err := eval(t, tmpl, &Env{Limits: end.Limits})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", tmpl, err)
		}
		var u *UndefinedError
		if errors.As(err, &u) {
			t.Errorf("%s counts as undefined", tmpl)
		}
	}
}
