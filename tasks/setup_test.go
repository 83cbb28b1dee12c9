package tasks_test

import (
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/etcdplay/etcdplay/internal/value"
	"github.com/etcdplay/etcdplay/tasks"
	"github.com/etcdplay/etcdplay/tasks/tasktest"
)

func setup(t *testing.T, conn tasks.Conn, args *value.Dict) *value.Dict {
	t.Helper()
	s := &tasks.Setup{}
	if err := tasks.Decode(s, args); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	res, err := s.Run(t.Context(), &tasks.Target{Conn: conn, Check: true, Status: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	if res.Changed {
		t.Error("gathering facts changed something")
	}
	short := value.NewDict()
	for k, v := range res.Facts.All() {
		short.Set(strings.TrimPrefix(k.(string), "ansible_"), v)
	}
	return short
}

// at follows keys into a dict.
func at(t *testing.T, v any, keys ...string) any {
	t.Helper()
	for _, k := range keys {
		d, _ := v.(*value.Dict)
		got, ok := d.Get(k)
		if !ok {
			t.Fatalf("no %s in %s", strings.Join(keys, "."), value.Repr(v))
		}
		v = got
	}
	return v
}

// The facts of this machine, under every shell, must be what Go finds out
// about it by its own means.
func TestSetupAgreesWithGo(t *testing.T) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	short, _, _ := strings.Cut(host, ".")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"system": unix.ByteSliceToString(uts.Sysname[:]), "kernel": unix.ByteSliceToString(uts.Release[:]),
		"kernel_version": unix.ByteSliceToString(uts.Version[:]), "machine": unix.ByteSliceToString(uts.Machine[:]),
		"nodename": host, "hostname": short, "user_id": me.Username, "user_dir": me.HomeDir, "user_uid": me.Uid,
	}
	var names, v4, v6 []string
	links, _ := net.Interfaces()
	for _, l := range links {
		names = append(names, l.Name)
		addrs, _ := l.Addrs()
		for _, a := range addrs {
			ip := a.(*net.IPNet).IP
			switch {
			case ip.IsLoopback():
			case ip.To4() != nil:
				v4 = append(v4, ip.String())
			default:
				v6 = append(v6, ip.String())
			}
		}
	}
	for _, sh := range tasktest.Shells(t) {
		t.Run(sh.Name, func(t *testing.T) {
			facts := setup(t, &tasktest.Conn{Shell: sh, Env: []string{"SAID=two\nlines = 'x'"}}, nil)
			for name, w := range want {
				if got := value.Str(at(t, facts, name)); got != w {
					t.Errorf("%s is %q, want %q", name, got, w)
				}
			}
			same := func(name string, want []string) {
				t.Helper()
				var got []string
				for _, v := range at(t, facts, name).([]any) {
					got = append(got, v.(string))
				}
				slices.Sort(got)
				slices.Sort(want)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s (-want +got):\n%s", name, d)
				}
			}
			same("interfaces", names)
			same("all_ipv4_addresses", v4)
			same("all_ipv6_addresses", v6)
			if got := at(t, facts, "env", "SAID"); got != "two\nlines = 'x'" {
				t.Errorf("env.SAID is %q", got)
			}
			if n := at(t, facts, "memtotal_mb").(int); n < 64 {
				t.Errorf("memtotal_mb is %d", n)
			}
			if n := at(t, facts, "processor_nproc").(int); n != runtime.NumCPU() {
				t.Errorf("processor_nproc is %d, want %d", n, runtime.NumCPU())
			}
			for _, m := range at(t, facts, "mounts").([]any) {
				if at(t, m, "mount") == "/" && at(t, m, "size_total").(int) < 1<<20 {
					t.Errorf("no size of /: %s", value.Repr(m))
				}
			}
			if at(t, facts, "local").(*value.Dict).Len() != 0 && !exists("/etc/ansible/facts.d") {
				t.Error("local facts from nowhere")
			}
			for _, name := range []string{"distribution", "os_family", "pkg_mgr", "service_mgr", "date_time", "dns", "selinux", "is_chroot", "virtualization_type"} {
				at(t, facts, name)
			}
		})
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func TestSetupLocalFacts(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"json.fact":    `{"a": [1, "two"]}`,
		"ini.fact":     "[General]\nName = x y\n; no\nother: 3\n",
		"broken.fact":  "{",
		"program.fact": "#!/bin/sh\necho '[1]'\n",
		"fails.fact":   "#!/bin/sh\necho no >&2; exit 3\n",
		"ignored.txt":  "{}",
	} {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, sh := range tasktest.Shells(t) {
		t.Run(sh.Name, func(t *testing.T) {
			got := setup(t, &tasktest.Conn{Shell: sh}, value.NewDict("gather_subset", "!all,!min,local", "fact_path", dir, "filter", "local"))
			want := `{"local": {"broken": "error loading facts as JSON or ini - please check content: broken.fact", ` +
				`"fails": "Failure executing fact script (fails.fact), exit code 3: no", ` +
				`"ini": {"General": {"name": "x y", "other": "3"}}, "json": {"a": [1, "two"]}, "program": [1]}}`
			if s := value.JSON(got, value.JSONStyle{}); s != want {
				t.Errorf("got  %s\nwant %s", s, want)
			}
		})
	}
}

func TestSetupSubsets(t *testing.T) {
	sh := tasktest.Shells(t)[0]
	for subset, want := range map[string][3]bool{ // distribution, mounts, interfaces
		"all":                       {true, true, true},
		"min":                       {true, false, false},
		"!all":                      {true, false, false},
		"network":                   {true, false, true},
		"!hardware":                 {true, false, true},
		"!all,!min,network":         {false, false, true},
		"!min,!network":             {false, true, false},
		"!all,!min,os_family":       {true, false, false},
		"all,!network,default_ipv4": {true, true, true},
		"facter":                    {true, false, false},
		"!all,!min":                 {false, false, false},
	} {
		facts := setup(t, &tasktest.Conn{Shell: sh}, value.NewDict("gather_subset", subset))
		var got [3]bool
		for i, name := range []string{"distribution", "mounts", "interfaces"} {
			_, got[i] = facts.Get(name)
		}
		if got != want {
			t.Errorf("%s: %v, want %v", subset, got, want)
		}
	}
	facts := setup(t, &tasktest.Conn{Shell: sh}, value.NewDict("filter", []any{"ansible_distribution*", "mach*"}))
	for _, k := range facts.Keys() {
		if !strings.HasPrefix(k.(string), "distribution") && !strings.HasPrefix(k.(string), "mach") {
			t.Errorf("the filter let %s through", k)
		}
	}
	if facts.Len() < 5 {
		t.Errorf("the filter left %v", facts.Keys())
	}
	if err := (&tasks.Setup{Subset: []string{"netwrok"}, FactPath: "/"}).Validate(); err == nil || !strings.Contains(err.Error(), `did you mean "network"?`) {
		t.Errorf("a wrong subset: %v", err)
	}
}
