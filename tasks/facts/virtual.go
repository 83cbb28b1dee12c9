package facts

import (
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// A virtualization is a technology, and whether we are its guest or its host.
type virtualization struct{ tech, role string }

func virtual(raw Raw, d *value.Dict) {
	found := virtualizations(raw)
	tech := map[string][]string{}
	for _, v := range found {
		if !contains(tech[v.role], v.tech) {
			tech[v.role] = append(tech[v.role], v.tech)
		}
	}
	first := virtualization{"NA", "NA"}
	if len(found) > 0 {
		first = found[0]
	}
	d.Set("virtualization_type", first.tech)
	d.Set("virtualization_role", first.role)
	d.Set("virtualization_tech_guest", words(tech["guest"]...))
	d.Set("virtualization_tech_host", words(tech["host"]...))
}

// virtualizations lists all that can be seen, the innermost first.
func virtualizations(raw Raw) []virtualization {
	f := raw.files("virtual")
	var out []virtualization
	guest := func(is bool, tech string) {
		if is {
			out = append(out, virtualization{tech, "guest"})
		}
	}
	is := func(path string) bool { return raw.has("is." + path) }
	container := f.line("/run/systemd/container")
	for line := range strings.Lines(raw["container"]) {
		if name, ok := strings.CutPrefix(line, "container="); ok {
			container = strings.TrimSpace(name)
		}
	}
	cgroup := f.text("/proc/1/cgroup")
	guest(container == "docker" || is("/.dockerenv") || strings.Contains(cgroup, "docker"), "docker")
	guest(container == "podman" || is("/run/.containerenv"), "podman")
	guest(strings.Contains(cgroup, "kubepods"), "containerd")
	guest(strings.HasPrefix(container, "lxc") || strings.Contains(cgroup, "/lxc/"), "lxc")
	guest(container == "systemd-nspawn", "systemd-nspawn")
	guest(strings.Contains(strings.ToLower(f.line("/proc/sys/kernel/osrelease")), "microsoft"), "wsl")
	if is("/proc/vz") {
		role := "guest"
		if is("/proc/bc") {
			role = "host"
		}
		out = append(out, virtualization{"openvz", role})
	}
	out = append(out, machine(raw, f)...)
	modules := "\n" + f.text("/proc/modules")
	host := func(module, tech string) {
		if strings.Contains(modules, "\n"+module+" ") {
			out = append(out, virtualization{tech, "host"})
		}
	}
	host("kvm", "kvm")
	host("vboxdrv", "virtualbox")
	return out
}

// machine tells which virtual machine this is, if it is one, by the firmware's
// names.
func machine(raw Raw, f files) []virtualization {
	const dmi = "/sys/class/dmi/id/"
	product, vendor, bios := f.line(dmi+"product_name"), f.line(dmi+"sys_vendor"), f.line(dmi+"bios_vendor")
	family, board := f.line(dmi+"product_family"), f.line(dmi+"board_vendor")
	in := func(s string, list ...string) bool { return contains(list, s) }
	tech := ""
	switch {
	case strings.Contains(f.line("/proc/xen/capabilities"), "control_d"):
		return []virtualization{{"xen", "host"}}
	case f.line("/sys/hypervisor/type") == "xen" || raw.has("is./proc/xen") || bios == "Xen":
		tech = "xen"
	case in(product, "KVM", "KVM Server", "Bochs", "AHV") || vendor == "QEMU" || in(bios, "Amazon EC2", "DigitalOcean", "Google", "Vultr") ||
		in(vendor, "Amazon EC2", "DigitalOcean", "Google", "Hetzner", "Scaleway", "Alibaba Cloud", "Nutanix") || family == "oVirt Node":
		tech = "kvm"
	case product == "RHEV Hypervisor":
		tech = "RHEV"
	case in(product, "VMware Virtual Platform", "VMware7,1", "VMware20,1") || strings.HasPrefix(product, "VMware"):
		tech = "VMware"
	case in(product, "OpenStack Compute", "OpenStack Nova"):
		tech = "openstack"
	case product == "VirtualBox" || bios == "innotek GmbH":
		tech = "virtualbox"
	case in(product, "Parallels Virtual Platform", "Parallels ARM Virtual Machine") || bios == "Parallels Software International Inc.":
		tech = "parallels"
	case vendor == "Microsoft Corporation" && product == "Virtual Machine":
		tech = "VirtualPC"
	case product == "BHYVE":
		tech = "bhyve"
	case strings.Contains(vendor+board, "KubeVirt"):
		tech = "KubeVirt"
	case strings.Contains(f.line("/proc/device-tree/hypervisor/compatible"), "kvm"):
		tech = "kvm"
	case strings.Contains(raw["container"], "QEMU Virtual CPU") || strings.Contains(raw["container"], "Common KVM processor"):
		tech = "kvm"
	case strings.Contains(raw["container"], "User Mode Linux"):
		tech = "uml"
	case strings.Contains(raw["container"], " hypervisor"):
		tech = "kvm"
	default:
		return nil
	}
	return []virtualization{{tech, "guest"}}
}
