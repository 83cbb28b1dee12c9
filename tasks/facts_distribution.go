package tasks

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// distributions are Ansible's names for the IDs of os-release(5), with its
// families.
var distributions = map[string]struct{ name, family string }{
	"debian": {"Debian", "Debian"}, "ubuntu": {"Ubuntu", "Debian"}, "raspbian": {"Debian", "Debian"}, "linuxmint": {"Linux Mint", "Debian"},
	"kali": {"Kali", "Debian"}, "devuan": {"Devuan", "Debian"}, "pop": {"Pop!_OS", "Debian"}, "deepin": {"Deepin", "Debian"}, "uos": {"Uos", "Debian"},
	"rhel": {"RedHat", "RedHat"}, "centos": {"CentOS", "RedHat"}, "fedora": {"Fedora", "RedHat"}, "rocky": {"Rocky", "RedHat"},
	"almalinux": {"AlmaLinux", "RedHat"}, "ol": {"OracleLinux", "RedHat"}, "amzn": {"Amazon", "RedHat"}, "cloudlinux": {"CloudLinux", "RedHat"},
	"openEuler": {"openEuler", "RedHat"}, "anolis": {"Anolis", "RedHat"}, "tencentos": {"TencentOS", "RedHat"}, "kylin": {"Kylin Linux Advanced Server", "RedHat"},
	"alinux": {"Alibaba", "RedHat"}, "virtuozzo": {"Virtuozzo", "RedHat"}, "scientific": {"Scientific", "RedHat"},
	"opensuse-leap": {"openSUSE Leap", "Suse"}, "opensuse-tumbleweed": {"openSUSE Tumbleweed", "Suse"}, "sles": {"SLES", "Suse"},
	"sles_sap": {"SLES_SAP", "Suse"}, "sled": {"SLED", "Suse"}, "opensuse": {"openSUSE", "Suse"},
	"alpine": {"Alpine", "Alpine"}, "arch": {"Archlinux", "Archlinux"}, "archarm": {"Archlinux", "Archlinux"}, "manjaro": {"Manjaro", "Archlinux"},
	"gentoo": {"Gentoo", "Gentoo"}, "void": {"Void", "Void"}, "nixos": {"NixOS", "NixOS"}, "flatcar": {"Flatcar", "Flatcar"}, "clear-linux-os": {"ClearLinux", "ClearLinux"},
}

var releaseNumber = regexp.MustCompile(`\d+(\.\d+)+|\d+`)

func distributionFacts(f *value.Dict, raw map[string]string) {
	os := osRelease(raw["os_release"])
	id := os["ID"]
	d := distributions[id]
	if d.name == "" {
		d.name = or(os["NAME"], "Linux")
		d.family = d.name
		for like := range strings.FieldsSeq(os["ID_LIKE"]) {
			if known, ok := distributions[like]; ok {
				d.family = known.family
				break
			}
		}
	}
	version := os["VERSION_ID"]
	switch id {
	case "debian": // os-release has no point release
		if v := strings.TrimSpace(raw["debian_version"]); releaseNumber.FindString(v) == v && v != "" {
			version = v
		}
	case "centos":
		if parts := strings.Split(releaseNumber.FindString(raw["centos_release"]), "."); parts[0] != "" {
			version = strings.Join(parts[:min(2, len(parts))], ".")
		}
	}
	release := os["VERSION_CODENAME"]
	if open, rest, ok := strings.Cut(os["VERSION"], "("); ok && release == "" && open != "" {
		release = firstPart(rest, ")")
	}
	f.Set("ansible_distribution", d.name)
	f.Set("ansible_distribution_version", or(version, "NA"))
	f.Set("ansible_distribution_major_version", or(firstPart(version, "."), "NA"))
	f.Set("ansible_distribution_release", or(release, "NA"))
	f.Set("ansible_os_family", d.family)
	f.Set("ansible_lsb", value.NewDict("id", d.name, "release", version, "major_release", firstPart(version, "."),
		"codename", release, "description", os["PRETTY_NAME"]))
}

// osRelease reads os-release(5).
func osRelease(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		key, val, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(key, "#") {
			continue
		}
		if words, err := shellWords(val); err == nil {
			val = strings.Join(words, " ")
		}
		out[key] = val
	}
	return out
}

// managerFacts say who installs packages and runs services, and whether the
// host is a machine.
func managerFacts(f *value.Dict, raw map[string]string) {
	has := strings.Fields(raw["programs"])
	f.Set("ansible_pkg_mgr", packageManager(has))
	f.Set("ansible_service_mgr", serviceManager(has, strings.TrimSpace(raw["pid1"])))
	virt := strings.TrimSpace(raw["virt"])
	role := "guest"
	if virt == "" || virt == "none" {
		virt, role = "NA", "NA"
	}
	f.Set("ansible_virtualization_type", virt)
	f.Set("ansible_virtualization_role", role)
}

func packageManager(has []string) string {
	for _, m := range []struct{ program, name string }{
		{"apt-get", "apt"}, {"dnf5", "dnf5"}, {"dnf", "dnf"}, {"microdnf", "dnf"}, {"yum", "yum"}, {"zypper", "zypper"}, {"apk", "apk"},
		{"pacman", "pacman"}, {"emerge", "portage"}, {"xbps-install", "xbps"}, {"opkg", "opkg"}, {"swupd", "swupd"},
	} {
		if slices.Contains(has, m.program) {
			if m.name == "dnf" && slices.Contains(has, "rpm-ostree") {
				return "atomic_container"
			}
			return m.name
		}
	}
	return "unknown"
}

func serviceManager(has []string, pid1 string) string {
	switch {
	case slices.Contains(has, "systemd") || pid1 == "systemd":
		return "systemd"
	case slices.Contains(has, "openrc") || pid1 == "openrc-init" || slices.Contains(has, "rc-service"):
		return "openrc"
	case slices.Contains(has, "initctl"):
		return "upstart"
	case pid1 == "runit" || pid1 == "runsvdir":
		return "runit"
	case strings.HasPrefix(pid1, "s6-"):
		return "s6"
	case pid1 == "init" && slices.Contains(has, "service"):
		return "sysvinit"
	}
	return "service"
}

// localFact reads a fact of the host's own: JSON, else INI, else text.
func localFact(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		return fromJSON(v)
	}
	sections := value.NewDict()
	var section *value.Dict
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = value.NewDict()
			sections.Set(line[1:len(line)-1], section)
		default:
			at := strings.IndexAny(line, "=:")
			if section == nil || at < 0 {
				return text
			}
			section.Set(strings.ToLower(strings.TrimSpace(line[:at])), strings.TrimSpace(line[at+1:]))
		}
	}
	return sections
}

// fromJSON turns what encoding/json made into values.
func fromJSON(v any) any {
	switch v := v.(type) {
	case float64:
		if v == float64(int(v)) {
			return int(v)
		}
	case []any:
		for i := range v {
			v[i] = fromJSON(v[i])
		}
	case map[string]any:
		d := value.NewDict()
		for _, k := range slices.Sorted(maps.Keys(v)) {
			d.Set(k, fromJSON(v[k]))
		}
		return d
	}
	return v
}
