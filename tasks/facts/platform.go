package facts

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

func platform(raw Raw, d *value.Dict) {
	f := raw.files("platform")
	const kernel = "/proc/sys/kernel/"
	machine := raw["machine"]
	node := f.line(kernel + "hostname")
	fqdn := fullName(node, f["/etc/hosts"], raw["fqdn"])
	_, domain, _ := strings.Cut(fqdn, ".")
	short, _, _ := strings.Cut(node, ".")

	d.Set("system", f.line(kernel+"ostype"))
	d.Set("kernel", f.line(kernel+"osrelease"))
	d.Set("kernel_version", f.line(kernel+"version"))
	d.Set("machine", machine)
	d.Set("architecture", architecture(machine))
	bits := raw["long_bit"]
	if bits == "" {
		bits = "32"
		if strings.Contains(machine, "64") || machine == "s390x" {
			bits = "64"
		}
	}
	d.Set("userspace_bits", bits)
	d.Set("userspace_architecture", userspace(architecture(machine), bits))
	d.Set("nodename", node)
	d.Set("hostname", short)
	d.Set("fqdn", fqdn)
	d.Set("domain", domain)
	if id := f.line("/etc/machine-id", "/var/lib/dbus/machine-id"); id != "" {
		d.Set("machine_id", id)
	}
}

// architecture says i386 for all of that family, as Ansible does.
func architecture(machine string) string {
	if len(machine) == 4 && machine[0] == 'i' && machine[2:] == "86" {
		return "i386"
	}
	return machine
}

func userspace(arch, bits string) string {
	switch {
	case arch == "x86_64" && bits == "32":
		return "i386"
	case arch == "aarch64" && bits == "32":
		return "arm"
	}
	return arch
}

// fullName is the host's name with its domain: as /etc/hosts has it, or as the
// host was told by its resolver; without any the node's name.
func fullName(node string, hosts []string, resolved string) string {
	for _, line := range hosts {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 || !contains(fields[1:], node) {
			continue
		}
		for _, name := range fields[1:] {
			if strings.Contains(name, ".") {
				return name
			}
		}
	}
	if strings.Contains(resolved, ".") && !strings.ContainsAny(resolved, " \n") && resolved != "localhost.localdomain" {
		return resolved
	}
	return node
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}
