package tasks

import (
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
)

// The unit is as it should be and older than the process, but systemd had not read
// it: the controller was killed before that, and the member crashed.
func TestLaunchPlanUnread(t *testing.T) {
	for name, c := range map[string]struct {
		other bool // it is no etcd
		words string
		props string
		why   string
	}{
		"as it should be":             {words: "/usr/bin/d --data=/x --initial-cluster-state=existing"},
		"the first start":             {words: "/usr/bin/d --data=/x --initial-cluster-state=new --first"},
		"joined":                      {words: "/usr/bin/d --data=/x --initial-cluster=a=b,c=d --initial-cluster-state=existing"},
		"typed otherwise":             {words: "/usr/bin/d -initial-cluster-state existing -data /x"},
		"other flags":                 {words: "/usr/bin/d --data=/x --timeout=5", why: otherCommandLine},
		"other flags, and is no etcd": {words: "/usr/bin/d --data=/x --timeout=5", other: true},
		"what a wrapper became":       {words: "/usr/lib/d --data=/x --timeout=5"},
		"says nothing":                {},
		"another environment":         {words: "/usr/bin/d --data=/x --initial-cluster-state=existing", props: "\nNeedDaemonReload=yes", why: "its environment or settings have changed"},
	} {
		l := &Launch{Name: "d", State: "started", Command: "/usr/bin/d", Manager: "auto", Restart: "changed", Etcd: &LaunchEtcd{},
			Args:      value.NewDict("data", "/x", "initial-cluster-state", "existing"),
			FirstArgs: value.NewDict("initial-cluster-state", "new", "first", true)}
		if c.other {
			l.Etcd = nil
		}
		facts := map[string]string{
			"uid": "0", "user_uid": "0", "systemd": "252", "dir": "/", "home": "/root",
			"binary": "8:1", "binary_path": "/usr/bin/d", "executable": "yes", "unit_age": "100",
			"props":      "MainPID=42" + c.props,
			"process.42": "500\n0\n8:1\n/usr/bin/d\n90\n" + strings.ReplaceAll(c.words, " ", "\n") + "\nx",
		}
		d, err := l.daemon(facts)
		if err != nil {
			t.Fatal(err)
		}
		text, err := l.recordText(d, false)
		if err != nil {
			t.Fatal(err)
		}
		d.facts["unit"] = strings.TrimSuffix(text, "\n")
		if p := l.plan(d, false); p.err != nil || p.why != c.why || (p.act == restart) != (c.why != "") {
			t.Errorf("%s: act %d, why %q, %v; want %q", name, p.act, p.why, p.err, c.why)
		}
	}
}
