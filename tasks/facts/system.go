package facts

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/etcdplay/etcdplay/internal/value"
)

func clock(raw Raw, d *value.Dict) {
	p := strings.Split(raw["clock"], "|")
	if len(p) != 12 {
		return
	}
	year, month, day, hour, minute, second := p[0], p[1], p[2], p[3], p[4], p[5]
	epoch, zone, offset := p[9], p[10], p[11]
	utc := time.Unix(int64(number(epoch)), 0).UTC()
	d.Set("date_time", dict(
		"year", year, "month", month, "weekday", p[6], "weekday_number", p[7], "weeknumber", p[8],
		"day", day, "hour", hour, "minute", minute, "second", second,
		"epoch", epoch, "epoch_int", epoch,
		"date", year+"-"+month+"-"+day, "time", hour+":"+minute+":"+second,
		"iso8601_micro", utc.Format("2006-01-02T15:04:05.000000Z"), "iso8601", utc.Format("2006-01-02T15:04:05Z"),
		"iso8601_basic", year+month+day+"T"+hour+minute+second+"000000",
		"iso8601_basic_short", year+month+day+"T"+hour+minute+second,
		"tz", zone, "tz_dst", zone, "tz_offset", offset))
}

// environment reads NAME=value lines in which line feeds are \x01.
func environment(raw Raw, d *value.Dict) {
	env := dict()
	for line := range strings.SplitSeq(raw["env"], "\n") {
		if name, val, ok := strings.Cut(line, "="); ok {
			env.Set(name, strings.ReplaceAll(val, "\x01", "\n"))
		}
	}
	d.Set("env", env)
}

func user(raw Raw, d *value.Dict) {
	ids := strings.SplitN(raw["user"], " ", 3)
	if len(ids) != 3 {
		return
	}
	uid, gid := number(ids[0]), number(ids[1])
	d.Set("user_id", ids[2])
	d.Set("user_uid", uid)
	d.Set("user_gid", gid)
	if entry := strings.Split(raw["passwd"], ":"); len(entry) == 7 {
		d.Set("user_gecos", entry[4])
		d.Set("user_dir", entry[5])
		d.Set("user_shell", entry[6])
	}
	d.Set("real_user_id", uid)
	d.Set("effective_user_id", uid)
	d.Set("real_group_id", gid)
	d.Set("effective_group_id", gid)
}

func system(raw Raw, d *value.Dict) {
	f := raw.files("system")
	d.Set("pkg_mgr", packageManager(raw))
	d.Set("service_mgr", serviceManager(raw, f.line("/proc/1/comm")))
	d.Set("dns", resolver(f["/etc/resolv.conf"]))
	d.Set("cmdline", kernelArgs(f.line("/proc/cmdline"), false))
	d.Set("proc_cmdline", kernelArgs(f.line("/proc/cmdline"), true))
	d.Set("fips", f.line("/proc/sys/crypto/fips_enabled") == "1")
	d.Set("apparmor", dict("status", enabled(f.line("/sys/module/apparmor/parameters/enabled") == "Y")))
	d.Set("selinux", selinux(f))
	d.Set("is_chroot", isChroot(raw))
	for _, name := range sorted(f) {
		if kind, ok := strings.CutPrefix(name, "/etc/ssh/ssh_host_"); ok {
			kind = strings.TrimSuffix(kind, "_key.pub")
			if words := strings.Fields(f.line(name)); len(words) > 1 {
				d.Set("ssh_host_key_"+kind+"_public", words[1])
				d.Set("ssh_host_key_"+kind+"_public_keytype", words[0])
			}
		}
	}
}

func sorted(f files) []string {
	var out []string
	for name := range f {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func enabled(on bool) string {
	if on {
		return "enabled"
	}
	return "disabled"
}

func packageManager(raw Raw) string {
	for _, m := range [][2]string{
		{"apt-get", "apt"}, {"dnf5", "dnf5"}, {"dnf", "dnf"}, {"yum", "yum"}, {"zypper", "zypper"}, {"apk", "apk"},
		{"pacman", "pacman"}, {"emerge", "portage"}, {"xbps-install", "xbps"}, {"opkg", "opkg"},
	} {
		if raw.has("has." + m[0]) {
			return m[1]
		}
	}
	return "unknown"
}

func serviceManager(raw Raw, first string) string {
	switch {
	case first == "systemd" || raw.has("is./run/systemd/system"):
		return "systemd"
	case first == "runit-init" || first == "runit":
		return "runit"
	case first == "s6-svscan" || first == "svscan":
		return "svc"
	case first == "openrc-init" || raw.has("is./run/openrc") || raw.has("is./sbin/openrc"):
		return "openrc"
	case path.Base(raw["init"]) == "systemd":
		return "systemd"
	case raw.has("is./etc/init.d"):
		return "sysvinit"
	}
	return "service"
}

func resolver(lines []string) *value.Dict {
	d := dict()
	for _, line := range lines {
		w := strings.Fields(line)
		if len(w) < 2 || strings.ContainsAny(w[0][:1], "#;") {
			continue
		}
		switch w[0] {
		case "nameserver":
			old, _ := d.Get("nameservers")
			list, _ := old.([]any)
			d.Set("nameservers", append(list, words(w[1:]...)...))
		case "domain":
			d.Set("domain", w[1])
		case "search", "sortlist":
			d.Set(w[0], words(w[1:]...))
		case "options":
			options := dict()
			for _, o := range w[1:] {
				name, val, has := strings.Cut(o, ":")
				if has {
					options.Set(name, val)
				} else {
					options.Set(name, true)
				}
			}
			d.Set("options", options)
		}
	}
	return d
}

// kernelArgs are name: value or name: true; where lists is true a name that
// comes again has a list of its values, else the last.
func kernelArgs(line string, lists bool) *value.Dict {
	d := dict()
	for _, w := range strings.Fields(line) {
		name, text, has := strings.Cut(w, "=")
		var v any = text
		if !has {
			v = true
		}
		if old, twice := d.Get(name); twice && lists {
			if list, ok := old.([]any); ok {
				v = append(slices.Clip(list), v)
			} else {
				v = []any{old, v}
			}
		}
		d.Set(name, v)
	}
	return d
}

func selinux(f files) *value.Dict {
	enforce := f.line("/sys/fs/selinux/enforce")
	if enforce == "" {
		return dict("status", "disabled")
	}
	mode := "permissive"
	if enforce == "1" {
		mode = "enforcing"
	}
	config := assignments(f["/etc/selinux/config"])
	known := func(name string) string {
		if config[name] == "" {
			return "unknown"
		}
		return config[name]
	}
	return dict("status", "enabled", "policyvers", number(f.line("/sys/fs/selinux/policyvers")),
		"config_mode", known("SELINUX"), "mode", mode, "type", known("SELINUXTYPE"))
}

// isChroot: is our root another folder than init's, or, where that can't be
// seen, no file system's own?
func isChroot(raw Raw) bool {
	if raw["debian_chroot"] != "" {
		return true
	}
	roots := strings.Fields(raw["roots"])
	return len(roots) == 2 && roots[0] != roots[1]
}
