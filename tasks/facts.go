package tasks

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// hostFacts makes Ansible's facts of what the verb gather_facts told.
func hostFacts(raw map[string]string, env string) *value.Dict {
	f := value.NewDict()
	uname := append(strings.Split(raw["uname"], "\n"), "", "", "", "", "")
	f.Set("ansible_system", uname[3])
	f.Set("ansible_kernel", uname[2])
	f.Set("ansible_kernel_version", uname[4])
	f.Set("ansible_machine", uname[1])
	f.Set("ansible_architecture", uname[1])
	f.Set("ansible_userspace_architecture", uname[1])
	bits := "32"
	if strings.Contains(uname[1], "64") || uname[1] == "s390x" {
		bits = "64"
	}
	f.Set("ansible_userspace_bits", bits)
	fqdn := raw["fqdn"]
	f.Set("ansible_nodename", uname[0])
	f.Set("ansible_hostname", firstPart(uname[0], "."))
	f.Set("ansible_fqdn", fqdn)
	_, domain, _ := strings.Cut(fqdn, ".")
	f.Set("ansible_domain", domain)
	f.Set("ansible_machine_id", strings.TrimSpace(raw["machine_id"]))
	distributionFacts(f, raw)
	memoryFacts(f, raw["meminfo"])
	processorFacts(f, raw["cpuinfo"], raw["nproc"])
	networkFacts(f, raw)
	dateFacts(f, raw)
	userFacts(f, raw)
	managerFacts(f, raw)
	f.Set("ansible_mounts", mountFacts(raw["mounts"]))
	f.Set("ansible_dns", dnsFacts(raw["resolv"]))
	f.Set("ansible_cmdline", cmdlineFacts(raw["cmdline"]))
	securityFacts(f, raw)
	f.Set("ansible_product_name", or(strings.TrimSpace(raw["dmi_product"]), "NA"))
	f.Set("ansible_system_vendor", or(strings.TrimSpace(raw["dmi_vendor"]), "NA"))
	f.Set("ansible_product_uuid", or(strings.TrimSpace(raw["dmi_uuid"]), "NA"))
	if up, err := strconv.ParseFloat(firstPart(raw["uptime"], " "), 64); err == nil {
		f.Set("ansible_uptime_seconds", int(up))
	}
	f.Set("ansible_env", envFacts(env))
	local := value.NewDict()
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		text := raw[key]
		if name, ok := strings.CutPrefix(key, "sshkey:"); ok {
			sshKeyFacts(f, path.Base(name), text)
		}
		if name, ok := strings.CutPrefix(key, "local:"); ok {
			local.Set(name, localFact(text))
		}
	}
	f.Set("ansible_local", local)
	f.Set("gather_subset", []any{"all"})
	f.Set("module_setup", true)
	return f
}

func firstPart(s, sep string) string {
	part, _, _ := strings.Cut(s, sep)
	return part
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// memoryFacts are in MiB.
func memoryFacts(f *value.Dict, meminfo string) {
	mb := map[string]int{}
	for line := range strings.Lines(meminfo) {
		key, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); len(fields) > 0 {
			if n, err := strconv.Atoi(fields[0]); err == nil {
				mb[key] = n / 1024
			}
		}
	}
	f.Set("ansible_memtotal_mb", mb["MemTotal"])
	f.Set("ansible_memfree_mb", mb["MemFree"])
	f.Set("ansible_swaptotal_mb", mb["SwapTotal"])
	f.Set("ansible_swapfree_mb", mb["SwapFree"])
	free := mb["MemFree"] + mb["Cached"] + mb["Buffers"]
	f.Set("ansible_memory_mb", value.NewDict(
		"real", value.NewDict("total", mb["MemTotal"], "used", mb["MemTotal"]-mb["MemFree"], "free", mb["MemFree"]),
		"nocache", value.NewDict("free", free, "used", mb["MemTotal"]-free),
		"swap", value.NewDict("total", mb["SwapTotal"], "free", mb["SwapFree"], "used", mb["SwapTotal"]-mb["SwapFree"], "cached", mb["SwapCached"]),
	))
}

func processorFacts(f *value.Dict, cpuinfo, nproc string) {
	sockets := map[string]bool{}
	models := []any{}
	cores, siblings, logical := 0, 0, 0
	vendor, id := "", ""
	for line := range strings.Lines(cpuinfo) {
		key, val, _ := strings.Cut(line, ":")
		val = strings.TrimSpace(val)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "processor":
			if _, err := strconv.Atoi(val); err == nil {
				logical++
				id = val
			}
		case "physical id":
			sockets[val] = true
		case "cpu cores":
			cores, _ = strconv.Atoi(val)
		case "siblings":
			siblings, _ = strconv.Atoi(val)
		case "vendor_id":
			vendor = val
		case "model name", "hardware":
			models = append(models, id, vendor, val)
		}
	}
	count := max(len(sockets), 1)
	if len(sockets) == 0 {
		count = max(logical, 1) // no topology: each one is its own, as Ansible has it
	}
	cores = max(cores, 1)
	threads := max(siblings/cores, 1)
	f.Set("ansible_processor", models)
	f.Set("ansible_processor_count", count)
	f.Set("ansible_processor_cores", cores)
	f.Set("ansible_processor_threads_per_core", threads)
	f.Set("ansible_processor_vcpus", count*cores*threads)
	n, err := strconv.Atoi(strings.TrimSpace(nproc))
	if err != nil {
		n = max(logical, 1)
	}
	f.Set("ansible_processor_nproc", n)
}

// dateFacts are in the host's own time zone.
func dateFacts(f *value.Dict, raw map[string]string) {
	d := strings.Fields(raw["date"])
	if len(d) < 12 {
		return
	}
	date := d[0] + "-" + d[1] + "-" + d[2]
	clock := d[3] + ":" + d[4] + ":" + d[5]
	compact := d[0] + d[1] + d[2] + "T" + d[3] + d[4] + d[5]
	utc := raw["date_utc"]
	f.Set("ansible_date_time", value.NewDict(
		"year", d[0], "month", d[1], "day", d[2], "hour", d[3], "minute", d[4], "second", d[5],
		"epoch", d[6], "epoch_int", d[6], "date", date, "time", clock,
		"tz", d[7], "tz_dst", d[7], "tz_offset", d[8], "weekday", d[9], "weekday_number", d[10], "weeknumber", d[11],
		"iso8601", utc+"Z", "iso8601_micro", utc+".000000Z", "iso8601_basic", compact+"000000", "iso8601_basic_short", compact,
	))
}

func userFacts(f *value.Dict, raw map[string]string) {
	u := append(strings.Split(raw["user"], "\n"), "", "", "", "", "")
	num := func(s string) any {
		if n, err := strconv.Atoi(s); err == nil {
			return n
		}
		return s
	}
	f.Set("ansible_user_id", u[0])
	f.Set("ansible_user_uid", num(u[1]))
	f.Set("ansible_user_gid", num(u[2]))
	f.Set("ansible_effective_user_id", num(u[1]))
	f.Set("ansible_effective_group_id", num(u[2]))
	f.Set("ansible_real_user_id", num(u[3]))
	f.Set("ansible_real_group_id", num(u[4]))
	if p := strings.Split(raw["passwd"], ":"); len(p) >= 7 {
		f.Set("ansible_user_gecos", p[4])
		f.Set("ansible_user_dir", p[5])
		f.Set("ansible_user_shell", p[6])
	}
}

func envFacts(env string) *value.Dict {
	d := value.NewDict()
	for entry := range strings.SplitSeq(env, "\x00") {
		if name, val, ok := strings.Cut(entry, "="); ok {
			d.Set(name, val)
		}
	}
	return d
}

func sshKeyFacts(f *value.Dict, file, text string) {
	kind := strings.TrimSuffix(strings.TrimPrefix(file, "ssh_host_"), "_key.pub")
	if fields := strings.Fields(text); len(fields) >= 2 {
		f.Set("ansible_ssh_host_key_"+kind+"_public", fields[1])
		f.Set("ansible_ssh_host_key_"+kind+"_public_keytype", fields[0])
	}
}

func dnsFacts(resolv string) *value.Dict {
	d := value.NewDict()
	var servers []any
	for line := range strings.Lines(resolv) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.ContainsAny(fields[0][:1], "#;") {
			continue
		}
		rest := make([]any, len(fields)-1)
		for i, w := range fields[1:] {
			rest[i] = w
		}
		switch fields[0] {
		case "nameserver":
			servers = append(servers, rest...)
		case "search", "sortlist":
			d.Set(fields[0], rest)
		case "domain":
			d.Set("domain", fields[1])
		}
	}
	if servers != nil {
		d.Set("nameservers", servers)
	}
	return d
}

func cmdlineFacts(cmdline string) *value.Dict {
	d := value.NewDict()
	words, err := shellWords(cmdline)
	if err != nil {
		words = strings.Fields(cmdline)
	}
	for _, w := range words {
		if name, val, ok := strings.Cut(w, "="); ok {
			d.Set(name, val)
		} else {
			d.Set(w, true)
		}
	}
	return d
}

func securityFacts(f *value.Dict, raw map[string]string) {
	f.Set("ansible_fips", strings.TrimSpace(raw["fips"]) == "1")
	f.Set("ansible_apparmor", value.NewDict("status", or(raw["apparmor"], "disabled")))
	selinux := value.NewDict("status", "disabled")
	if mode, ok := raw["selinux"]; ok {
		selinux = value.NewDict("status", "enabled", "mode", map[bool]string{true: "enforcing", false: "permissive"}[strings.TrimSpace(mode) == "1"])
		for line := range strings.Lines(raw["selinux_config"]) {
			if v, ok := strings.CutPrefix(line, "SELINUX="); ok {
				selinux.Set("config_mode", strings.TrimSpace(v))
			}
			if v, ok := strings.CutPrefix(line, "SELINUXTYPE="); ok {
				selinux.Set("type", strings.TrimSpace(v))
			}
		}
	}
	f.Set("ansible_selinux", selinux)
}

func mountFacts(mounts string) []any {
	out := []any{}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(mounts) {
		w := strings.Fields(line)
		if len(w) < 9 {
			continue
		}
		n := make([]int, 5)
		for i := range n {
			n[i], _ = strconv.Atoi(w[4+i])
		}
		out = append(out, value.NewDict(
			"mount", unescape.Replace(w[1]), "device", unescape.Replace(w[0]), "fstype", w[2], "options", w[3],
			"block_size", n[0], "block_total", n[1], "block_available", n[2], "block_used", n[1]-n[2],
			"size_total", n[0]*n[1], "size_available", n[0]*n[2],
			"inode_total", n[3], "inode_available", n[4], "inode_used", n[3]-n[4],
		))
	}
	return out
}
