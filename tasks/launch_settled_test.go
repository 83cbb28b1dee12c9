package tasks

import (
	"maps"
	"strings"
	"testing"

	"github.com/etcdplay/etcdplay/internal/value"
)

// Only a daemon of which nothing is to be mended is settled.
func TestLaunchSettled(t *testing.T) {
	l := &Launch{Name: "d", State: "started", Command: "/usr/bin/d", Args: value.NewDict(), Manager: "auto", Restart: "changed"}
	look := func(changed map[string]string) *daemon {
		facts := map[string]string{
			"uid": "0", "user_uid": "0", "systemd": "252", "dir": "/", "home": "/root",
			"binary": "8:1", "binary_path": "/usr/bin/d", "executable": "yes", "unit_age": "100", "unit_attrs": "0 0 644",
			"props":      "ActiveState=active\nMainPID=42\nUnitFileState=enabled\nNeedDaemonReload=no",
			"process.42": "500\n0\n8:1\n/usr/bin/d\n90\n/usr/bin/d\nx",
		}
		d, err := l.daemon(facts)
		if err != nil {
			t.Fatal(err)
		}
		text, err := l.recordText(d, false)
		if err != nil {
			t.Fatal(err)
		}
		facts["unit"] = strings.TrimSuffix(text, "\n")
		maps.Copy(facts, changed)
		if d, err = l.daemon(facts); err != nil {
			t.Fatal(err)
		}
		return d
	}
	at := func(d *daemon) *Target { return &Target{Host: Peer{Gathered: d}} }
	if d := look(nil); !l.Settled(at(d)) {
		t.Fatalf("a daemon that runs as it should is not settled: %+v", l.plan(d, false))
	}
	for name, changed := range map[string]map[string]string{
		"not running":    {"props": "ActiveState=inactive\nMainPID=0\nUnitFileState=enabled", "process.42": "500\n0\n8:2\n/usr/bin/e\n90\n/usr/bin/e\nx"},
		"not enabled":    {"props": "ActiveState=active\nMainPID=42\nUnitFileState=disabled"},
		"not read yet":   {"props": "ActiveState=active\nMainPID=42\nUnitFileState=enabled\nNeedDaemonReload=yes"},
		"another text":   {"unit": "[Service]"},
		"writable unit":  {"unit_attrs": "0 0 666"},
		"unit of a user": {"unit_attrs": "7 0 644"},
		"another user":   {"user_uid": "7"},
		"new program":    {"binary": "8:9"},
		"new unit":       {"unit_age": "10"},
	} {
		if l.Settled(at(look(changed))) {
			t.Errorf("%s: settled", name)
		}
	}
	if l.Settled(&Target{}) {
		t.Error("a host that nobody has looked at is settled")
	}
	l.State = "stopped"
	if l.Settled(at(look(nil))) {
		t.Error("a daemon that is to be stopped, and runs, is settled")
	}
}
