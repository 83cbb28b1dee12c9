package facts

import (
	"strconv"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

func hardware(raw Raw, d *value.Dict) {
	f := raw.files("hardware")
	memory(f["/proc/meminfo"], d)
	processors(raw, d)
	if up := f.line("/proc/uptime"); up != "" {
		d.Set("uptime_seconds", number(up))
	}
	if w := strings.Fields(f.line("/proc/loadavg")); len(w) > 2 {
		load := dict()
		for i, name := range []string{"1m", "5m", "15m"} {
			n, _ := strconv.ParseFloat(w[i], 64)
			load.Set(name, n)
		}
		d.Set("loadavg", load)
	}
	dmi(f, d)
	d.Set("devices", devices(raw.files("devices")))
	d.Set("mounts", mounts(raw))
}

func memory(lines []string, d *value.Dict) {
	mb := map[string]int{}
	for _, line := range lines {
		name, kb, _ := strings.Cut(line, ":")
		mb[name] = number(kb) / 1024
	}
	if mb["MemTotal"] == 0 {
		return
	}
	total, free := mb["MemTotal"], mb["MemFree"]
	unused := free + mb["Cached"] + mb["Buffers"]
	swap, swapFree := mb["SwapTotal"], mb["SwapFree"]
	d.Set("memtotal_mb", total)
	d.Set("memfree_mb", free)
	d.Set("swaptotal_mb", swap)
	d.Set("swapfree_mb", swapFree)
	d.Set("memory_mb", dict(
		"real", dict("total", total, "used", total-free, "free", free),
		"nocache", dict("free", unused, "used", total-unused),
		"swap", dict("total", swap, "free", swapFree, "used", swap-swapFree, "cached", mb["SwapCached"])))
}

// processors counts sockets, cores and threads as Ansible does.
func processors(raw Raw, d *value.Dict) {
	var list []any
	sockets, cores := map[string]int{}, map[string]int{}
	var firstSocket, firstCore, socket, core string
	count, models, running := 0, 0, 0
	for line := range strings.Lines(raw["cpuinfo"]) {
		key, val, _ := strings.Cut(line, ":")
		key, val = strings.TrimSpace(key), strings.TrimSpace(val)
		switch key {
		case "processor", "model name", "vendor_id", "cpu", "vendor", "Processor":
			list = append(list, val)
			switch key {
			case "processor":
				running++
			case "model name":
				models++
			}
			count++
		case "physical id":
			if socket = val; len(sockets) == 0 {
				firstSocket = val
			}
			if sockets[socket] == 0 {
				sockets[socket] = 1
			}
		case "core id":
			if core = val; len(cores) == 0 {
				firstCore = val
			}
			if cores[core] == 0 {
				cores[core] = 1
			}
		case "cpu cores":
			sockets[socket] = max(1, number(val))
		case "siblings":
			cores[core] = max(1, number(val))
		}
	}
	if running > 0 {
		count = running
	} else if models > 0 {
		count = models
	}
	nproc := number(raw["nproc"])
	if count == 0 {
		count = max(1, nproc)
	}
	perSocket, threads := 1, 1
	if len(sockets) > 0 {
		count, perSocket = len(sockets), sockets[firstSocket]
	}
	if len(cores) > 0 {
		threads = max(1, cores[firstCore]/perSocket)
	}
	if nproc == 0 {
		nproc = max(running, 1)
	}
	if list == nil {
		list = []any{}
	}
	d.Set("processor", list)
	d.Set("processor_count", count)
	d.Set("processor_cores", perSocket)
	d.Set("processor_threads_per_core", threads)
	d.Set("processor_vcpus", count*perSocket*threads)
	d.Set("processor_nproc", nproc)
}

// dmi is what the firmware says; NA where it says nothing.
func dmi(f files, d *value.Dict) {
	for _, e := range [][2]string{
		{"bios_date", "bios_date"}, {"bios_vendor", "bios_vendor"}, {"bios_version", "bios_version"},
		{"board_asset_tag", "board_asset_tag"}, {"board_name", "board_name"}, {"board_serial", "board_serial"},
		{"board_vendor", "board_vendor"}, {"board_version", "board_version"},
		{"chassis_asset_tag", "chassis_asset_tag"}, {"chassis_serial", "chassis_serial"},
		{"chassis_vendor", "chassis_vendor"}, {"chassis_version", "chassis_version"},
		{"product_name", "product_name"}, {"product_serial", "product_serial"}, {"product_uuid", "product_uuid"},
		{"product_version", "product_version"}, {"system_vendor", "sys_vendor"},
	} {
		text := f.line("/sys/class/dmi/id/" + e[1])
		if text == "" {
			text = "NA"
		}
		d.Set(e[0], text)
	}
	forms := map[int]string{1: "Other", 3: "Desktop", 4: "Low Profile Desktop", 7: "Tower", 8: "Portable", 9: "Laptop",
		10: "Notebook", 11: "Hand Held", 17: "Main Server Chassis", 23: "Rack Mount Chassis", 28: "Blade", 30: "Tablet"}
	form := forms[number(f.line("/sys/class/dmi/id/chassis_type"))]
	if form == "" {
		form = "NA"
	}
	d.Set("form_factor", form)
}

// mounts lists file systems on devices and servers, not the kernel's own.
func mounts(raw Raw) []any {
	sizes := map[string][]string{}
	for key, text := range raw {
		if key != "sizes" && !strings.HasPrefix(key, "size.") {
			continue
		}
		for line := range strings.SplitSeq(text, "\n") {
			if w := strings.SplitN(line, " ", 6); len(w) == 6 {
				sizes[w[5]] = w[:5]
			}
		}
	}
	uuids := map[string]string{}
	for line := range strings.SplitSeq(raw["uuids"], "\n") {
		w := strings.Fields(line)
		if n := len(w); n > 3 && w[n-2] == "->" {
			uuids["/dev/"+w[n-1][strings.LastIndexByte(w[n-1], '/')+1:]] = w[n-3]
		}
	}
	out := []any{}
	for _, line := range raw.files("mounts")["/proc/self/mounts"] {
		w := strings.Fields(line)
		if len(w) < 4 || !strings.HasPrefix(w[0], "/") && !strings.Contains(w[0], ":/") {
			continue
		}
		m := dict("mount", unescape(w[1]), "device", unescape(w[0]), "fstype", w[2], "options", w[3])
		m.Set("uuid", "N/A")
		if id := uuids[w[0]]; id != "" {
			m.Set("uuid", id)
		}
		if s := sizes[unescape(w[1])]; s != nil {
			unit, total, free := number(s[0]), number(s[1]), number(s[2])
			m.Set("size_total", unit*total)
			m.Set("size_available", unit*free)
			m.Set("block_size", unit)
			m.Set("block_total", total)
			m.Set("block_available", free)
			m.Set("block_used", total-free)
			m.Set("inode_total", number(s[3]))
			m.Set("inode_available", number(s[4]))
			m.Set("inode_used", number(s[3])-number(s[4]))
		}
		out = append(out, m)
	}
	return out
}

// unescape undoes the \040 by which the kernel writes white space in paths.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
