package facts

import (
	"regexp"
	"strings"

	"github.com/etcdplay/etcdplay/internal/value"
)

// names are the distributions by the ID in os-release, where Ansible's name is
// another word than the NAME there.
var names = map[string]string{
	"debian": "Debian", "ubuntu": "Ubuntu", "raspbian": "Debian", "linuxmint": "Linux Mint", "devuan": "Devuan", "kali": "Kali",
	"centos": "CentOS", "rhel": "RedHat", "fedora": "Fedora", "rocky": "Rocky", "almalinux": "AlmaLinux",
	"ol": "OracleLinux", "amzn": "Amazon", "alpine": "Alpine", "arch": "Archlinux", "manjaro": "Manjaro",
	"sles": "SLES", "sled": "SLED", "opensuse-leap": "openSUSE Leap", "opensuse-tumbleweed": "openSUSE Tumbleweed",
	"opensuse-microos": "openSUSE MicroOS", "sle-micro": "SLE Micro", "gentoo": "Gentoo", "flatcar": "Flatcar", "coreos": "Coreos",
	"photon": "VMware Photon OS", "mariner": "Common Base Linux Mariner", "azurelinux": "Microsoft Azure Linux",
	"openEuler": "openEuler", "kylin": "Kylin Linux Advanced Server", "void": "Void", "nixos": "NixOS", "virtuozzo": "Virtuozzo",
	"altlinux": "Altlinux", "clear-linux-os": "ClearLinux", "slackware": "Slackware", "pop": "Pop!_OS",
	"scientific": "Scientific", "xenenterprise": "XenServer", "cumulus-linux": "Cumulus Linux",
}

// families are the distributions whose family has another name than they have.
var families = map[string][]string{
	"RedHat": {"RedHat", "CentOS", "Fedora", "Rocky", "AlmaLinux", "OracleLinux", "Amazon", "Scientific", "XenServer",
		"Virtuozzo", "openEuler", "Kylin Linux Advanced Server", "VMware Photon OS", "Common Base Linux Mariner", "Microsoft Azure Linux"},
	"Debian":    {"Debian", "Ubuntu", "Linux Mint", "Devuan", "Kali", "Pop!_OS", "Cumulus Linux"},
	"Suse":      {"SLES", "SLED", "openSUSE Leap", "openSUSE Tumbleweed", "openSUSE MicroOS", "SLE Micro"},
	"Archlinux": {"Archlinux", "Manjaro"},
}

func distribution(raw Raw, d *value.Dict) {
	f := raw.files("distribution")
	path := "/etc/os-release"
	if len(f[path]) == 0 {
		path = "/usr/lib/os-release"
	}
	release := assignments(f[path])
	name := distributionName(release)
	version := distributionVersion(release, f)
	major, _, _ := strings.Cut(version, ".")
	codename := release["VERSION_CODENAME"]
	if codename == "" {
		codename = inParentheses(release["VERSION"])
	}
	if codename == "" {
		codename = "NA"
	}
	d.Set("distribution", name)
	d.Set("distribution_version", version)
	d.Set("distribution_major_version", major)
	d.Set("distribution_release", codename)
	if _, minor, ok := strings.Cut(version, "."); ok && name == "Debian" {
		d.Set("distribution_minor_version", minor)
	}
	d.Set("distribution_file_path", path)
	d.Set("distribution_file_variety", name)
	d.Set("distribution_file_parsed", len(release) > 0)
	d.Set("os_family", family(name, strings.Fields(release["ID_LIKE"])))
	d.Set("lsb", lsb(assignments(f["/etc/lsb-release"])))
}

func distributionName(release map[string]string) string {
	if n := names[release["ID"]]; n != "" {
		return n
	}
	if n := release["NAME"]; n != "" {
		return strings.TrimSuffix(n, " Linux")
	}
	return "Linux"
}

// distributionVersion is as exact as the host knows it: some os-release files
// have the major version only.
func distributionVersion(release map[string]string, f files) string {
	version := release["VERSION_ID"]
	better := ""
	switch release["ID"] {
	case "debian", "raspbian":
		better = f.line("/etc/debian_version")
	case "centos":
		better = twoParts.FindString(f.line("/etc/centos-release"))
	case "alpine":
		better = f.line("/etc/alpine-release")
	}
	if dotted.MatchString(better) && strings.HasPrefix(better, version) {
		return better
	}
	if version == "" {
		return "NA"
	}
	return version
}

var (
	dotted   = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)
	twoParts = regexp.MustCompile(`[0-9]+\.[0-9]+`)
)

func inParentheses(s string) string {
	_, s, _ = strings.Cut(s, "(")
	s, _, _ = strings.Cut(s, ")")
	return s
}

func family(name string, like []string) string {
	for fam, members := range families {
		if contains(members, name) {
			return fam
		}
	}
	for _, l := range like {
		for fam, members := range families {
			if contains(members, names[l]) {
				return fam
			}
		}
		if l == "suse" {
			return "Suse"
		}
	}
	return name
}

func lsb(release map[string]string) *value.Dict {
	if release["DISTRIB_ID"] == "" {
		return dict()
	}
	major, _, _ := strings.Cut(release["DISTRIB_RELEASE"], ".")
	return dict("id", release["DISTRIB_ID"], "release", release["DISTRIB_RELEASE"], "major_release", major,
		"codename", release["DISTRIB_CODENAME"], "description", release["DISTRIB_DESCRIPTION"])
}
