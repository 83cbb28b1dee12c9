# shellcheck shell=sh
# What is known of a host. The verbs only read; the controller makes sense of it.

# gather_facts FACT_PATH: tells all raw facts and prints the environment, each
# variable ended by a NUL.
gather_facts() {
	fact uname "$(uname -n)
$(uname -m)
$(uname -r)
$(uname -s)
$(uname -v)"
	fact fqdn "$(hostname -f 2>/dev/null || uname -n)"
	fact_file os_release /etc/os-release /usr/lib/os-release
	fact_file debian_version /etc/debian_version
	fact_file centos_release /etc/centos-release
	fact_file meminfo /proc/meminfo
	[ ! -r /proc/cpuinfo ] || fact cpuinfo "$(grep -iE '^(processor|physical id|core id|cpu cores|siblings|model name|vendor_id|hardware|cpu)[[:space:]]*:' /proc/cpuinfo || :)"
	fact nproc "$(nproc 2>/dev/null || :)"
	fact_file uptime /proc/uptime
	fact_file cmdline /proc/cmdline
	fact_file machine_id /etc/machine-id /var/lib/dbus/machine-id
	fact_file resolv /etc/resolv.conf
	fact_file pid1 /proc/1/comm
	fact date "$(date '+%Y %m %d %H %M %S %s %Z %z %A %w %W')"
	fact date_utc "$(date -u '+%Y-%m-%dT%H:%M:%S')"
	fact_file dmi_product /sys/class/dmi/id/product_name
	fact_file dmi_vendor /sys/class/dmi/id/sys_vendor
	fact_file dmi_uuid /sys/class/dmi/id/product_uuid
	fact_file fips /proc/sys/crypto/fips_enabled
	[ ! -d /sys/kernel/security/apparmor ] || fact apparmor enabled
	[ ! -e /sys/fs/selinux/enforce ] || fact_file selinux /sys/fs/selinux/enforce
	[ ! -e /etc/selinux/config ] || fact_file selinux_config /etc/selinux/config
	fact_user
	fact_network
	fact_mounts
	fact_programs
	for ep_each in /etc/ssh/ssh_host_*_key.pub; do
		[ ! -r "$ep_each" ] || fact_file "sshkey:$ep_each" "$ep_each"
	done
	fact_local "$1"
	env -0 2>/dev/null || env | tr '\n' '\000'
}

# fact_file KEY FILE…: the text of the first that can be read.
fact_file() {
	ep_key=$1
	shift
	for ep_each in "$@"; do
		if [ -r "$ep_each" ] && [ ! -d "$ep_each" ]; then
			fact "$ep_key" "$(tr -d '\000' <"$ep_each" 2>/dev/null)"
			return
		fi
	done
}

fact_user() {
	ep_name=$(id -un 2>/dev/null) || ep_name=$(id -u)
	fact user "$ep_name
$(id -u)
$(id -g)
$(id -ru)
$(id -rg)"
	! entry passwd "$ep_name" || fact passwd "$ep_line"
}

fact_network() {
	have ip || return 0
	fact ip_addr "$(ip -o addr show 2>/dev/null || ip addr show 2>/dev/null || :)"
	fact ip_link "$(ip -o link show 2>/dev/null || :)"
	fact ip_route "$(ip route show 2>/dev/null | grep '^default' || :)"
	fact ip_route6 "$(ip -6 route show 2>/dev/null | grep '^default' || :)"
}

# fact_mounts: what /proc/mounts has of real devices, with the blocks of each.
fact_mounts() {
	[ -r /proc/mounts ] || return 0
	ep_all=
	# shellcheck disable=SC2034 # ep_x is the rest of the line
	while read -r ep_device ep_mount ep_type ep_options ep_x; do
		case $ep_device in /*) ;; *) continue ;; esac
		ep_path=$(printf '%b' "$ep_mount")
		ep_stat=$(stat -f -c '%S %b %a %c %d' -- "$ep_path" 2>/dev/null) || ep_stat="0 0 0 0 0"
		ep_all="$ep_all$ep_device $ep_mount $ep_type $ep_options $ep_stat
"
	done </proc/mounts
	fact mounts "$ep_all"
}

# fact_programs: what tells package and service managers, and virtualisation.
fact_programs() {
	ep_all=
	for ep_each in apt-get dnf5 dnf microdnf yum zypper apk pacman emerge xbps-install opkg swupd rpm-ostree systemctl rc-service initctl service s6-svscan runsv; do
		! have "$ep_each" || ep_all="$ep_all $ep_each"
	done
	[ ! -d /run/systemd/system ] || ep_all="$ep_all systemd"
	[ ! -d /run/openrc ] || ep_all="$ep_all openrc"
	fact programs "$ep_all"
	ep_virt=
	! have systemd-detect-virt || ep_virt=$(systemd-detect-virt 2>/dev/null) || :
	if [ -z "$ep_virt" ] && [ -f /.dockerenv ]; then ep_virt=docker; fi
	if [ -z "$ep_virt" ] && [ -f /run/.containerenv ]; then ep_virt=podman; fi
	fact virt "$ep_virt"
}

# fact_local FOLDER: facts of the host's own, *.fact: programs or texts.
fact_local() {
	[ -n "$1" ] && [ -d "$1" ] || return 0
	for ep_each in "$1"/*.fact; do
		[ -f "$ep_each" ] || continue
		ep_base=${ep_each##*/}
		if [ -x "$ep_each" ]; then
			ep_out=$("$ep_each" 2>&1 </dev/null) || warn "the local facts $ep_each failed: $ep_out"
			fact "local:${ep_base%.fact}" "$ep_out"
		else
			fact_file "local:${ep_base%.fact}" "$ep_each"
		fi
	done
}
