package tasks

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/etcdplay/etcdplay/internal/value"
)

func TestLaunchWords(t *testing.T) {
	dict := value.NewDict
	for _, c := range []struct {
		args, first any
		want        []string
		wantFirst   []string
	}{
		{nil, nil, []string{"/x"}, []string{"/x"}},
		{dict("name", "peer1", "n", 5, "quiet", true, "loud", false, "gone", nil, "-p", "v"), nil,
			[]string{"/x", "--name=peer1", "--n=5", "--quiet", "--loud=false", "-p=v"}, nil},
		{dict("urls", []any{"a", "b"}, "cluster", dict("p1", "u1", "p2", "u2"), "f", 1.5, "empty", ""), nil,
			[]string{"/x", "--urls=a,b", "--cluster=p1=u1,p2=u2", "--f=1.5", "--empty="}, nil},
		{dict("state", "existing", "name", "a"), dict("state", "new", "more", 1),
			[]string{"/x", "--state=existing", "--name=a"}, []string{"/x", "--state=new", "--name=a", "--more=1"}},
		{[]any{"a b", 6379, ""}, []any{"init"}, []string{"/x", "a b", "6379", ""}, []string{"/x", "init"}},
	} {
		l := &Launch{Command: "/x", Args: c.args, FirstArgs: c.first}
		if c.wantFirst == nil {
			c.wantFirst = c.want
		}
		for first, want := range map[bool][]string{false: c.want, true: c.wantFirst} {
			got, err := l.words(first)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s (first %v): %v\n%s", value.Repr(c.args), first, err, diff)
			}
		}
	}
	for _, bad := range []any{"--flag", 5, []any{nil}, []any{[]any{}}, dict("a b", 1), dict("", 1)} {
		if got, err := argWords(bad); err == nil {
			t.Errorf("%s gives %q", value.Repr(bad), got)
		}
	}
}

// A process that was started by hand is recognised however its flags were typed.
func TestLaunchRecognises(t *testing.T) {
	words := []string{"/x", "--name=peer1", "--quiet", "--url=a=b"}
	for typed, want := range map[string]bool{
		"/x --name=peer1 --quiet --url=a=b":  true,
		"/x --name peer1 --quiet --url a=b":  true,
		"/x -name peer1 -quiet --url=a=b":    true,
		"/x --name peer2 --quiet --url=a=b":  false,
		"/x --name peer1 --url=a=b":          false,
		"/y --name=peer1 --quiet --url=a=b":  false,
		"sh /x --name peer1 -quiet -url=a=b": false,
	} {
		p := &process{args: strings.Fields(typed)}
		if got := p.runs(words, false); got != want {
			t.Errorf("%s: %v", typed, got)
		}
	}
	p := &process{args: strings.Fields("/bin/sh -e /x --name peer1 -quiet --url=a=b")}
	if !p.runs(words, true) {
		t.Error("a script was not recognised")
	}
}

// systemdWords reads ExecStart back as systemd.syntax(7) and systemd.service(5)
// say: continued lines, comment lines among them, quotes, escapes, %% and $$.
func systemdWords(unit string) ([]string, error) {
	_, rest, ok := strings.Cut(unit, "\nExecStart=")
	if !ok {
		return nil, fmt.Errorf("no ExecStart")
	}
	var line strings.Builder
	for i, l := range strings.Split(rest, "\n") {
		if trimmed := strings.TrimLeft(l, " \t"); i > 0 && (strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";")) {
			continue
		}
		cont, more := strings.CutSuffix(l, `\`)
		line.WriteString(cont + " ")
		if !more {
			break
		}
	}
	var words []string
	s := strings.TrimSpace(line.String())
	for s != "" {
		var w strings.Builder
		for quote := byte(0); s != ""; s = s[1:] {
			c := s[0]
			if quote == 0 && (c == ' ' || c == '\t') {
				break
			}
			switch {
			case quote == 0 && w.Len() == 0 && (c == '"' || c == '\''):
				quote = c
				continue
			case c == quote:
				quote = 0
				continue
			case c == '\\':
				switch {
				case len(s) > 3 && s[1] == 'x':
					n, err := strconv.ParseUint(s[2:4], 16, 8)
					if err != nil {
						return nil, err
					}
					w.WriteByte(byte(n))
					s = s[3:]
				case len(s) > 1 && strings.IndexByte(`\"'`, s[1]) >= 0:
					w.WriteByte(s[1])
					s = s[1:]
				default:
					return nil, fmt.Errorf("a lone backslash before %q", s[1:])
				}
				continue
			case c == '%' || c == '$':
				if len(s) < 2 || s[1] != c {
					return nil, fmt.Errorf("a lone %c before %q", c, s[1:])
				}
				s = s[1:]
			}
			w.WriteByte(c)
		}
		words = append(words, w.String())
		s = strings.TrimLeft(s, " \t")
	}
	return words, nil
}

func FuzzUnitWords(f *testing.F) {
	for _, s := range []string{"", "a b", "$HOME", "%n", `"`, `\`, "'", ";", "#x", "; x", "tab\tnl\n", "üñ", "a=b", "''", `x"`, "-e"} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsRune(a+b, 0) {
			return // not in any argument
		}
		l := &Launch{Name: "d", Command: "/usr/bin/d", Args: []any{a, b}, StopTime: time.Second}
		d := &daemon{facts: map[string]string{"systemd": "252"}, manager: "systemd"}
		unit, err := l.recordText(d, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := systemdWords(unit)
		if diff := cmp.Diff([]string{"/usr/bin/d", a, b}, got); diff != "" || err != nil {
			t.Errorf("%v\n%s\n%s", err, diff, unit)
		}
	})
}

func FuzzRunText(f *testing.F) {
	for _, s := range []string{"", "a b", "$(id)", "it's", "--flag=a b", "--fl ag=x", "=x", "a\nb", "#"} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsRune(a+b, 0) {
			return
		}
		l := &Launch{Name: "d", Command: "/usr/bin/printf", Args: []any{"%s\\0", a, b}, Env: map[string]string{"V": b}}
		d := &daemon{facts: map[string]string{}, manager: "nohup"}
		text, err := l.recordText(d, false)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("sh", "-c", text).CombinedOutput()
		if want := a + "\x00" + b + "\x00"; string(out) != want || err != nil {
			t.Errorf("got %q, %v, want %q", out, err, want)
		}
	})
}

func TestUnitText(t *testing.T) {
	d := &daemon{facts: map[string]string{"systemd": "252"}, manager: "systemd"}
	l := &Launch{
		Name: "etcd", Command: "/usr/local/bin/etcd", User: "etcd", Log: "/var/log/50%.log", StopTime: 90 * time.Second,
		Env: map[string]string{"B": "2 3", "A": "$x"},
		Unit: value.NewDict(
			"Service", value.NewDict("Type", "notify", "LimitNOFILE", 65536, "Restart", nil, "PrivateTmp", true, "ExecStartPre", []any{"/bin/true", "/bin/false"}),
			"Unit", value.NewDict("Description", "etcd 50%"),
			"Socket", value.NewDict("X", "y")),
	}
	got, err := l.recordText(d, true)
	if err != nil {
		t.Fatal(err)
	}
	want := `# Written by etcdplay's launch task: change the playbook instead.
# Configuration ` + l.config(d) + `
` + firstStartMark + `

[Unit]
Description=etcd 50%
Wants=network-online.target
After=network-online.target

[Service]
ExecStartPre=` + awaitFirewalld + `
ExecStartPre=/bin/true
ExecStartPre=/bin/false
ExecStart=/usr/local/bin/etcd
Environment=A=$x
Environment="B=2 3"
User=etcd
StandardOutput=append:/var/log/50%%.log
StandardError=append:/var/log/50%%.log
RestartSec=5
TimeoutStopSec=90
Type=notify
LimitNOFILE=65536
PrivateTmp=yes
TimeoutStartSec=0

[Install]
WantedBy=multi-user.target

[Socket]
X=y
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	d.facts["systemd_version"] = "219"
	if got, err = l.recordText(d, false); err != nil || strings.Contains(got, "append:") {
		t.Errorf("a systemd of old can't append: %v\n%s", err, got)
	}
}

func TestListeners(t *testing.T) {
	little := &daemon{facts: map[string]string{"arch": "x86_64", "listening": "0100007F:094B 11\n00000000:0016 12\n" +
		"00000000000000000000000001000000:094C 13\n0000000000000000FFFF00000100007F:0050 14\nnonsense\n"}}
	want := []string{"127.0.0.1:2379 11", "0.0.0.0:22 12", "[::1]:2380 13", "127.0.0.1:80 14"}
	big := &daemon{facts: map[string]string{"arch": "s390x", "listening": "7F000001:094B 11\n00000000000000000000000000000001:094C 13\n"}}
	for d, want := range map[*daemon][]string{little: want, big: {"127.0.0.1:2379 11", "[::1]:2380 13"}} {
		var got []string
		for _, l := range d.listeners() {
			got = append(got, l.addr.String()+" "+l.inode)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", d.facts["arch"], diff)
		}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "127.0.0.2:80", false},
		{"0.0.0.0:80", "127.0.0.2:80", true},
		{"[::]:80", "127.0.0.2:80", true},
		{"127.0.0.1:80", "0.0.0.0:81", false},
	} {
		if got := clash(netip.MustParseAddrPort(c.a), netip.MustParseAddrPort(c.b)); got != c.want {
			t.Errorf("%s and %s clash: %v", c.a, c.b, got)
		}
	}
}

func TestLaunchPlan(t *testing.T) {
	base := &Launch{
		Name: "d", Command: "/usr/bin/d", Restart: "changed", StopTime: time.Second, Manager: "auto",
		Args: value.NewDict("state", "existing"), FirstArgs: value.NewDict("state", "new"),
	}
	at := func(systemd bool, facts map[string]string) *daemon {
		all := map[string]string{"uid": "0", "user_uid": "0", "dir": "/srv", "binary": "8:1", "binary_path": "/usr/bin/d", "executable": "yes"}
		if systemd {
			all["systemd"] = "252"
		}
		for k, v := range facts {
			all[k] = v
		}
		d, err := base.daemon(all)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	text := func(systemd, first bool) string {
		s, err := base.recordText(at(systemd, nil), first)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(s, "\n")
	}
	config := func(systemd bool) string { return base.config(at(systemd, nil)) }
	// what launch_look_process tells: since, uid, program, its path, age, words
	process := func(uid, exe, age string, words ...string) string {
		return "500\n" + uid + "\n" + exe + "\n/usr/bin/d\n" + age + "\n" + strings.Join(words, "\n") + "\nx"
	}
	plain, first := []string{"/usr/bin/d", "--state=existing"}, []string{"/usr/bin/d", "--state=new"}
	other := []string{"/usr/bin/d", "--state=other"}
	unit := func(first bool, age string, p string) map[string]string {
		return map[string]string{"unit": text(true, first), "unit_age": age, "props": "MainPID=42", "process.42": p}
	}
	for _, c := range []struct {
		name    string
		systemd bool
		facts   map[string]string
		act     launchAct
		first   bool
		why     string
	}{
		{"never launched", true, nil, start, true, ""},
		{"the first start failed", true, map[string]string{"unit": text(true, true)}, start, true, ""},
		{"launched before", true, map[string]string{"unit": text(true, false)}, start, false, ""},
		{"launched before by the other manager", true, map[string]string{"run": text(false, false)}, start, false, ""},
		{"runs", true, unit(false, "100", process("0", "8:1", "90", plain...)), leave, false, ""},
		{"runs since the first start", true, unit(true, "100", process("0", "8:1", "90", first...)), leave, false, ""},
		{"renamed itself", true, unit(false, "100", process("0", "8:1", "90", "d: ready")), leave, false, ""},
		{"unit newer than the process", true, unit(false, "10", process("0", "8:1", "90", plain...)), restart, false, "its environment or settings have changed"},
		{"unit newer, other words", true, unit(false, "10", process("0", "8:1", "90", other...)), restart, false, "its command line has changed"},
		{"unit of the future", true, unit(false, "-10", process("0", "8:1", "90", plain...)), leave, false, ""},
		{"another unit", true, map[string]string{"unit": "[Service]", "unit_age": "100", "props": "MainPID=42", "process.42": process("0", "8:1", "90", other...)}, restart, false, "its command line has changed"},
		{"replaced program", true, unit(false, "100", process("0", "8:9", "90", plain...)), restart, false, "its program was replaced"},
		{"another user", true, unit(false, "100", process("7", "8:1", "90", plain...)), restart, false, "it runs as another user"},
		{"by hand under systemd", true, map[string]string{"process.42": process("0", "8:1", "90", plain...)}, restart, false, "systemd does not run it yet"},
		{"by hand", false, map[string]string{"process.42": process("0", "8:1", "90", plain...)}, leave, false, ""},
		{"by hand, first words", false, map[string]string{"process.42": process("0", "8:1", "90", first...)}, leave, false, ""},
		{"somebody else's", false, map[string]string{"process.42": process("0", "8:1", "90", other...)}, start, true, ""},
		{"has the data open", false, map[string]string{"users.data": " 42", "process.42": process("0", "8:1", "90", other...)}, restart, false, "its command line has changed"},
		{"has the data open under another unit", true, map[string]string{"users.data": " 42", "process.42": process("0", "8:1", "90", other...)}, restart, false, "systemd does not run it yet"},
		{"runs by pid file", false, map[string]string{"run": text(false, false), "pid_file": "42\n500 " + config(false), "process.42": process("0", "8:1", "90", "renamed")}, leave, false, ""},
		{"pid file of a process before it", false, map[string]string{"run": text(false, false), "pid_file": "42\n499 " + config(false), "process.42": process("0", "8:1", "90", other...)}, start, false, ""},
		{"pid file, another configuration", false, map[string]string{"pid_file": "42\n500 0123", "process.42": process("0", "8:1", "90", plain...)}, restart, false, "its environment or settings have changed"},
		{"a script", false, map[string]string{"interpreted": "yes", "process.42": process("0", "8:77", "90", append([]string{"/bin/sh", "-e"}, plain...)...)}, leave, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := base.plan(at(c.systemd, c.facts), false)
			if p.err != nil || p.act != c.act || p.first != c.first || p.why != c.why {
				t.Errorf("act %d, first %v, why %q, %v; want %d, %v, %q", p.act, p.first, p.why, p.err, c.act, c.first, c.why)
			}
		})
	}
}
