package facts

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/etcdplay/etcdplay/internal/source"
	"github.com/etcdplay/etcdplay/internal/value"
)

// A kind is what one verb of the prelude tells, and what is made of it.
type kind struct {
	name    string // the verb is facts_NAME
	minimal bool   // part of the subset "min"
	read    func(Raw, *value.Dict)
}

var kinds = []kind{
	{"platform", true, platform},
	{"distribution", true, distribution},
	{"clock", true, clock},
	{"env", true, environment},
	{"user", true, user},
	{"system", true, system},
	{"local", true, local},
	{"hardware", false, hardware},
	{"network", false, network},
	{"virtual", false, virtual},
}

// subsets are the names that gather_subset takes, beside all and min, with the
// kind that tells each; "" tells nothing here.
var subsets = map[string]string{
	"platform": "platform", "architecture": "platform", "kernel": "platform", "kernel_version": "platform",
	"machine": "platform", "machine_id": "platform", "system": "platform",
	"distribution": "distribution", "distribution_version": "distribution", "distribution_release": "distribution",
	"distribution_major_version": "distribution", "os_family": "distribution", "lsb": "distribution",
	"date_time": "clock", "env": "env", "local": "local",
	"user": "user", "user_id": "user", "user_dir": "user", "user_gid": "user", "user_uid": "user",
	"user_shell": "user", "user_gecos": "user", "real_user_id": "user", "effective_user_id": "user", "effective_group_ids": "user",
	"dns": "system", "pkg_mgr": "system", "service_mgr": "system", "systemd": "system", "selinux": "system",
	"apparmor": "system", "fips": "system", "cmdline": "system", "chroot": "system", "is_chroot": "system",
	"ssh_pub_keys": "system", "ssh_host_pub_keys": "system",
	"hardware": "hardware", "devices": "hardware", "mounts": "hardware", "processor": "hardware",
	"processor_cores": "hardware", "processor_count": "hardware",
	"network": "network", "interfaces": "network", "default_ipv4": "network", "default_ipv6": "network",
	"all_ipv4_addresses": "network", "all_ipv6_addresses": "network",
	"virtual": "virtual", "virtualization_role": "virtual", "virtualization_type": "virtual",
	"virtualization_tech_guest": "virtual", "virtualization_tech_host": "virtual",
	"facter": "", "ohai": "", "python": "", "python_version": "", "caps": "", "system_capabilities": "",
	"system_capabilities_enforced": "", "iscsi": "", "fibre_channel_wwn": "", "nvme": "",
}

// whole are the subsets that stand for all of their kind, so that leaving one
// out leaves its kind out.
var whole = []string{"platform", "distribution", "date_time", "env", "local", "user", "hardware", "network", "virtual"}

// A Subset is a choice of facts.
type Subset struct {
	kinds []kind
	drop  []string // single facts that are not wanted
}

// NewSubset reads gather_subset: names add to min, !names leave out, and with
// nothing but these the rest is all. The error names an unknown subset.
func NewSubset(names []string) (Subset, error) {
	add, drop := map[string]bool{}, map[string]bool{}
	noMin, noAll := false, false
	var s Subset
	for _, n := range names {
		name, not := strings.CutPrefix(n, "!")
		k, known := subsets[name]
		switch {
		case name == "min" && not:
			noMin = true
		case name == "min":
			add["min"] = true
		case name == "all" && not:
			noAll = true
		case !known && name != "all":
			msg := fmt.Sprintf("gather_subset: there is no subset %q", name)
			if hint := source.DidYouMean(name, slices.Sorted(maps.Keys(subsets))); hint != "" {
				msg += "; " + hint
			}
			return Subset{}, fmt.Errorf("%s", msg)
		case not && slices.Contains(whole, name):
			drop[k] = true
		case not:
			s.drop = append(s.drop, name)
		case name == "all":
			add["all"] = true
		default:
			add[k] = true
		}
	}
	all := add["all"] || len(add) == 0 && !noAll
	for _, k := range kinds {
		wanted := all || add[k.name]
		if k.minimal {
			wanted = add[k.name] || !noMin || add["min"]
		}
		if wanted && (!drop[k.name] || add[k.name]) {
			s.kinds = append(s.kinds, k)
		}
	}
	return s, nil
}

// Kinds are the names of what the host is to tell: the verbs are facts_NAME.
func (s Subset) Kinds() []string {
	var out []string
	for _, k := range s.kinds {
		out = append(out, k.name)
	}
	return out
}

// Read makes facts of what the host told. Their names lack the prefix
// "ansible_".
func (s Subset) Read(raw Raw) *value.Dict {
	d := value.NewDict()
	for _, k := range s.kinds {
		k.read(raw, d)
	}
	for _, name := range s.drop {
		d.Delete(name)
	}
	return d
}
