# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# What a host is. The host only shows what it has, mostly files as they are; what
# that means is decided on the controller (package tasks/facts). As few processes
# as can be: this runs at the head of every play. A KIND of facts is one verb.

# facts_show KEY FILE...: tells the lines of those files that are there, each
# behind its file's name and a colon.
facts_show() {
	ep_key=$1
	shift
	printf '%sfact %s=' "$EP_MARK" "$ep_key"
	grep -asH '' "$@" || :
	printf '%s' "$EP_MARK"
}

# facts_run KEY COMMAND...: tells what a command prints; nothing if it fails.
facts_run() {
	ep_key=$1
	shift
	! ep_out=$("$@" 2>/dev/null) || fact "$ep_key" "$ep_out"
}

facts_platform() {
	facts_show platform /proc/sys/kernel/ostype /proc/sys/kernel/osrelease /proc/sys/kernel/version \
		/proc/sys/kernel/hostname /etc/machine-id /var/lib/dbus/machine-id /etc/hosts
	fact machine "$(uname -m)"
	facts_run long_bit getconf LONG_BIT
	# asking the name server is the last resort, and has a deadline
	facts_named || facts_run fqdn timeout 5 hostname -f
}

# facts_named: does /etc/hosts know this host by a name with a dot?
facts_named() {
	IFS= read -r ep_name 2>/dev/null </proc/sys/kernel/hostname || return 1
	[ -r /etc/hosts ] || return 1
	while read -r ep_address ep_names || [ -n "$ep_address" ]; do
		case " ${ep_names%%#*} " in *" $ep_name "*) ;; *) continue ;; esac
		case ${ep_names%%#*} in *.*) return 0 ;; esac
	done </etc/hosts
	return 1
}

facts_distribution() {
	facts_show distribution /etc/os-release /usr/lib/os-release /etc/debian_version /etc/centos-release \
		/etc/redhat-release /etc/alpine-release /etc/lsb-release
}

facts_clock() {
	facts_run clock date '+%Y|%m|%d|%H|%M|%S|%A|%w|%W|%s|%Z|%z'
}

facts_env() {
	# cat, since the shell's own environment is that of before any export
	printf '%sfact env=' "$EP_MARK"
	# shellcheck disable=SC2002
	cat /proc/self/environ 2>/dev/null | tr '\000\n' '\n\001'
	printf '%s' "$EP_MARK"
}

facts_user() {
	ep_name=$(id -un 2>/dev/null) || ep_name=${LOGNAME:-}
	fact user "$(id -u) $(id -g) $ep_name"
	! entry passwd "$ep_name" || fact passwd "$ep_line"
}

facts_system() {
	facts_show system /etc/resolv.conf /proc/cmdline /proc/sys/crypto/fips_enabled /proc/1/comm \
		/sys/module/apparmor/parameters/enabled /sys/fs/selinux/enforce /sys/fs/selinux/policyvers \
		/etc/selinux/config /etc/ssh/ssh_host_*_key.pub
	for ep_each in apt-get dnf5 dnf yum zypper apk pacman emerge xbps-install opkg; do
		! have "$ep_each" || fact "has.$ep_each" yes
	done
	for ep_each in /run/systemd/system /run/openrc /sbin/openrc /etc/init.d /sbin/openrc-init; do
		[ ! -e "$ep_each" ] || fact "is.$ep_each" yes
	done
	facts_run init readlink /sbin/init
	facts_run roots stat -L -c '%d:%i' / /proc/1/root/.
	fact debian_chroot "${debian_chroot:-}"
}

facts_hardware() {
	facts_show hardware /proc/meminfo /proc/uptime /proc/loadavg /sys/class/dmi/id/*
	printf '%sfact cpuinfo=' "$EP_MARK"
	grep -aE '^(processor|vendor_id|model name|cpu|vendor|Processor|physical id|core id|cpu cores|siblings|hardware|Hardware)[[:space:]]*:' \
		/proc/cpuinfo 2>/dev/null || :
	printf '%s' "$EP_MARK"
	facts_run nproc nproc
	facts_show devices /sys/block/*/size /sys/block/*/removable /sys/block/*/queue/rotational /sys/block/*/queue/logical_block_size \
		/sys/block/*/queue/scheduler /sys/block/*/device/model /sys/block/*/device/vendor /sys/block/*/*/start /sys/block/*/*/size
	facts_run uuids ls -l /dev/disk/by-uuid
	facts_mounts
}

# facts_mounts: tells what is mounted from devices and servers, with its size. A
# server that is gone must not hold us up.
facts_mounts() {
	facts_show mounts /proc/self/mounts
	[ -r /proc/self/mounts ] || return 0
	set --
	ep_n=0
	while read -r ep_device ep_mount _; do
		case $ep_device in
		/* | *:/*) ;;
		*) continue ;;
		esac
		case $ep_mount in *\\*) ep_mount=$(printf '%b' "$(printf '%s' "$ep_mount" | sed 's/\\\([0-7]\)/\\0\1/g')") ;; esac
		case $ep_device in
		/*) set -- "$@" "$ep_mount" ;;
		*)
			ep_n=$((ep_n + 1))
			facts_run "size.$ep_n" timeout 3 stat -f -c '%S %b %a %c %d %n' "$ep_mount"
			;;
		esac
	done </proc/self/mounts
	[ $# = 0 ] || fact sizes "$(stat -f -c '%S %b %a %c %d %n' "$@" 2>/dev/null)"
}

facts_network() {
	facts_show network /proc/net/dev /proc/net/route /proc/net/if_inet6 /sys/class/net/*/address /sys/class/net/*/mtu \
		/sys/class/net/*/operstate /sys/class/net/*/type /sys/class/net/*/flags /sys/class/net/*/speed \
		/sys/class/net/*/bridge/bridge_id /sys/class/net/*/bonding/mode
	if have ip; then
		facts_run addresses ip -o addr show
		facts_run route4 ip -4 route get 8.8.8.8
		facts_run route6 ip -6 route get 2404:6800:400a:800::1012
	else
		facts_show fib /proc/net/fib_trie
	fi
}

facts_virtual() {
	facts_show virtual /proc/1/cgroup /proc/modules /run/systemd/container /run/.containerenv /sys/hypervisor/type \
		/proc/xen/capabilities /proc/device-tree/hypervisor/compatible /proc/sys/kernel/osrelease \
		/sys/class/dmi/id/product_name /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/bios_vendor \
		/sys/class/dmi/id/product_family /sys/class/dmi/id/board_vendor
	for ep_each in /.dockerenv /run/.containerenv /proc/vz /proc/bc /dev/lxd /dev/kvm /proc/xen; do
		[ ! -e "$ep_each" ] || fact "is.$ep_each" yes
	done
	printf '%sfact container=' "$EP_MARK"
	grep -ao 'container=[a-z0-9-]*' /proc/1/environ 2>/dev/null || :
	grep -am 4 -E '^(model name|flags|vendor_id)' /proc/cpuinfo 2>/dev/null || :
	printf '%s' "$EP_MARK"
}

# facts_local DIR: tells what each DIR/NAME.fact holds, or prints if it is a program.
facts_local() {
	full_path "$1"
	[ -d "$ep_full" ] || return 0
	for ep_each in "$ep_full"/*.fact; do
		[ -f "$ep_each" ] || continue
		ep_key=${ep_each##*/}
		ep_key=${ep_key%.fact}
		# the name ends at a colon, so it must hold none
		case $ep_key in *[:=]*) continue ;; esac
		ep_state=ok
		if [ -x "$ep_each" ]; then
			ep_out=$("$ep_each" 2>&1) || ep_state="exit code $?"
		else
			ep_out=$(cat -- "$ep_each" 2>&1) || ep_state=unreadable
		fi
		fact "local.$ep_key" "$ep_state
$ep_out"
	done
}
