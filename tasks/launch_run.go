package tasks

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/tasks/script"
)

// carryOut does what the plan says, but for the waiting; in check mode it only
// tells. One round trip.
func (l *Launch) carryOut(ctx context.Context, t *Target, d *daemon, p launchPlan) (Result, error) {
	s := script.New()
	l.record(s, d, p)
	title := "start " + l.Name
	if p.act == restart {
		title = fmt.Sprintf("restart %s: %s", l.Name, p.why)
	}
	if p.margins != "" {
		title += " (" + p.margins + ")"
	}
	if unit := d.otherUnit(); unit != "" && p.act != leave {
		s.Call("launch_retire", unit)
	}
	switch {
	case p.act == leave:
	case d.manager == "systemd":
		base, pid, since := "", "", ""
		if d.by == "nohup" || d.by == "hand" {
			pid, since = d.process.pid, d.process.since
		}
		if _, has := d.facts["run"]; has {
			base = d.base
		}
		s.Call("launch_unit", title, l.Name, pid, since, l.stopSeconds(), base)
	default:
		pid, since := "", ""
		if d.running() && d.by != "systemd" {
			pid, since = d.process.pid, d.process.since
		}
		s.Call("launch_spawn", title, pid, since, l.stopSeconds(), d.base, d.log, l.User, l.Group, p.config)
	}
	res, err := t.Script(ctx, s)
	l.describe(&res, d, p)
	if err != nil || t.Check {
		return res, err
	}
	if ended, ok := res.Data.Get("ended"); ok {
		code, _ := ended.(string)
		return res, l.ended(ctx, t, d, "exit code "+code, code)
	}
	if p.act != leave {
		// under systemd its process shows while waiting
		d.process, d.fresh = nil, true
	}
	if d.fresh && d.manager == "nohup" {
		pid, _ := res.Data.Get("pid_file")
		d.facts["pid_file"], _ = pid.(string)
		n, since, _ := d.pidFile()
		if n == "" {
			f := Failf("%s was started, but %s.pid does not tell its process", l.Name, d.base).WithHint("%s", l.seeLog(d))
			f.Stderr = l.tail(ctx, t, d)
			return res, f
		}
		d.process, d.by = &process{pid: n, since: since}, "nohup"
	}
	res.Data.Delete("pid_file")
	return res, nil
}

// otherUnit is the systemd unit of another name that runs the daemon until now. It
// must go, or it would start the daemon again.
func (d *daemon) otherUnit() string {
	if d.by != "hand" {
		return ""
	}
	return strings.TrimSuffix(d.facts["unit_of."+d.process.pid], ".service")
}

// describe tells what the daemon came to.
func (l *Launch) describe(res *Result, d *daemon, p launchPlan) {
	res.Msg = map[launchAct]string{leave: "running", start: "started", restart: "restarted"}[p.act]
	res.Set("state", res.Msg)
	res.Set("manager", d.manager)
	if words, werr := l.words(false); werr == nil {
		res.Set("command", commandLine(words))
	}
	if p.stale {
		res.Warnings = append(res.Warnings, fmt.Sprintf("%s still runs as it was started: %s, and restart is never", l.Name, p.why))
	}
	if d.manager == "systemd" && l.Log != "" && oldSystemd(d) {
		res.Warnings = append(res.Warnings, "this systemd can't append to a log file: the output goes to the journal")
	}
}

// record brings the unit or the run file to what the plan says.
func (l *Launch) record(s *script.Script, d *daemon, p launchPlan) {
	if d.manager == "systemd" {
		if p.act == leave && !p.stale {
			// the process is not to look older than its unit
			if d.facts["unit"]+"\n" != p.plain {
				s.Call("launch_settle", d.record, p.plain, "update "+d.record)
			}
			s.Call("ensure_attrs", d.record, "root", "root", "0644")
		} else {
			if text, has := d.facts["unit"]; has && !strings.Contains(text, configMark) {
				s.Set("FILE_BACKUP", "1") // somebody else wrote it
			}
			s.Call("ensure_content", d.record, p.text, "root", "root", "0644").Set("FILE_BACKUP", "0")
		}
		if l.Log != "" && p.act != leave {
			s.Text(`if [ "$EP_CHECK" = 0 ]; then`).Call("launch_log", l.Log, owner(l.User, l.Group)).Text("fi")
		}
		if d.props["UnitFileState"] != "enabled" {
			s.Call("launch_enable", l.Name)
		}
		return
	}
	if p.act != leave || p.stale || d.facts["run"]+"\n" != p.plain {
		s.Call("ensure_content", d.record, p.text, l.User, l.Group, "0700")
	}
	if text, has := d.facts["unit"]; has && strings.Contains(text, configMark) {
		s.Call("launch_drop", l.Name)
	} else if d.by == "systemd" || d.props["UnitFileState"] == "enabled" {
		s.Call("launch_retire", l.Name) // somebody else wrote it, so it stays
	}
	if p.act == leave && d.by == "hand" {
		title := fmt.Sprintf("note process %s in %s.pid", d.process.pid, d.base)
		s.Call("launch_adopt", title, d.base, d.process.pid, d.process.since, p.config, l.User, l.Group)
	}
}

func owner(user, group string) string {
	if group == "" {
		return user
	}
	return user + ":" + group
}

func (l *Launch) stopSeconds() string {
	return strconv.Itoa(max(1, int(l.StopTime.Seconds())))
}

// settle notes the plain arguments once a first start has succeeded.
func (l *Launch) settle(ctx context.Context, t *Target, d *daemon, p launchPlan) error {
	if !p.first {
		return nil
	}
	_, _, err := t.Query(ctx, script.New().Call("launch_settle", d.record, p.plain))
	return err
}

// stop ends the daemon and keeps it ended, if the others can do without it.
func (l *Launch) stop(ctx context.Context, t *Target, d *daemon) (Result, error) {
	if err := l.mayStop(t, d); err != nil {
		return Result{}, err
	}
	return l.halt(ctx, t, d)
}

// halt ends the daemon and keeps it ended.
func (l *Launch) halt(ctx context.Context, t *Target, d *daemon) (Result, error) {
	s := script.New()
	if unit := d.otherUnit(); unit != "" {
		s.Call("launch_retire", unit)
	}
	if d.props["UnitFileState"] == "enabled" {
		s.Call("launch_disable", l.Name)
	}
	active := d.props["ActiveState"]
	byUnit := active == "active" || active == "activating" || active == "reloading" || active == "deactivating"
	if d.running() || byUnit {
		pid, since, unit, base := "", "", "", ""
		if d.running() {
			pid, since = d.process.pid, d.process.since
		}
		if byUnit {
			unit, pid, since = l.Name, "", ""
		}
		if _, has := d.facts["pid_file"]; has {
			base = d.base
		}
		s.Call("launch_stop", "stop "+l.Name, pid, since, l.stopSeconds(), unit, base)
	}
	res, err := t.Script(ctx, s)
	res.Msg = "stopped"
	res.Set("state", "stopped")
	return res, err
}

func pidNumber(pid string) any {
	if n, err := strconv.Atoi(pid); err == nil {
		return n
	}
	return pid
}
