# shellcheck shell=sh
# What is asked of a host before anything on it is touched. Nothing here changes
# anything; what to think of the answers is decided on the controller.

# preflight_look: tells of the host itself.
preflight_look() {
	my_uid
	fact uid "$ep_my_uid"
	ep_arch=
	{ read -r ep_arch </proc/sys/kernel/arch; } 2>/dev/null || ep_arch=$(uname -m) # Linux < 6.1
	fact arch "$ep_arch"
	fact now "$(date +%s)"
	# one kernel and one network: two such "hosts" would fight for their ports
	read -r ep_boot </proc/sys/kernel/random/boot_id
	fact network "$ep_boot $(readlink /proc/self/ns/net)"
	fact addresses "$(preflight_addresses)"
	tell_listening
}

# preflight_addresses: prints the addresses of this host, IPv6 as 32 hex digits,
# some twice. Read from the kernel: not every host has ip or ifconfig, or IPv6.
preflight_addresses() {
	awk '$1 == "|--" { address = $2 }
		$1 == "/32" && $2 == "host" && $3 == "LOCAL" { print address }
		NF == 6 && length($1) == 32 { print $1 }' /proc/net/fib_trie /proc/net/if_inet6 2>/dev/null || :
}

# preflight_holders PORT...: tells who listens on these ports.
preflight_holders() {
	tell_listening
	ep_inodes=
	while read -r ep_socket ep_inode; do
		for ep_port in "$@"; do
			[ -z "$ep_socket" ] || [ "$((0x${ep_socket##*:}))" != "$ep_port" ] || ep_inodes="$ep_inodes $ep_inode"
		done
	done <<-EP
		$ep_listening
	EP
	# shellcheck disable=SC2086 # numbers
	[ -z "$ep_inodes" ] || preflight_known_holders $ep_inodes || fact holders "$(launch_holders $ep_inodes)"
}

# preflight_known_holders INODE...: tells that processes which were told of already
# hold all of these; else fails. A host may have thousands of others to look through.
preflight_known_holders() {
	ep_holders=
	for ep_pid in ${ep_seen:-}; do
		# shellcheck disable=SC2012 # names in /proc are tame
		ep_open=$(ls -l "/proc/$ep_pid/fd" 2>/dev/null) || continue
		for ep_inode in "$@"; do
			case $ep_open in *"socket:[$ep_inode]"*) ep_holders="$ep_holders$ep_inode $ep_pid
" ;; esac
		done
	done
	for ep_inode in "$@"; do
		case $ep_holders in *"$ep_inode "*) ;; *) return 1 ;; esac
	done
	fact holders "$ep_holders"
}

# preflight_dir N DIR: tells what the directory number N holds.
preflight_dir() {
	full_path "$2"
	if [ -d "$ep_full" ]; then
		if [ ! -r "$ep_full" ] || [ ! -x "$ep_full" ]; then
			fact "dir.$1" unreadable
			return 0
		fi
		ep_names=
		for ep_each in "$ep_full"/* "$ep_full"/.*; do
			case $ep_each in */. | */..) continue ;; esac
			[ ! -e "$ep_each" ] && [ ! -L "$ep_each" ] || ep_names="$ep_names${ep_each##*/}
"
		done
		fact "dir.$1" "directory
$ep_names"
	elif [ -e "$ep_full" ] || [ -h "$ep_full" ]; then
		fact "dir.$1" "file"
	else
		fact "dir.$1" "missing"
	fi
}

# preflight_space N DIR: tells what is free, in KiB, where the directory number N
# is or would be.
preflight_space() {
	full_path "$2"
	while [ ! -d "$ep_full" ] && [ -n "${ep_full%/*}" ]; do ep_full=${ep_full%/*}; done
	[ -d "$ep_full" ] || ep_full=/
	{
		read -r _
		read -r _ _ _ ep_free _
	} <<-EP || ep_free=
		$(df -Pk -- "$ep_full" 2>/dev/null)
	EP
	fact "free.$1" "$ep_free"
}

# preflight_programs PROGRAM...: tells which are missing.
preflight_programs() {
	ep_missing=
	for ep_program in "$@"; do have "$ep_program" || ep_missing="$ep_missing $ep_program"; done
	fact missing "${ep_missing# }"
}

# preflight_sum NAME FILE: tells the checksum of a file, if it can be read.
preflight_sum() {
	full_path "$2"
	if [ -f "$ep_full" ] && [ -r "$ep_full" ]; then
		sum_of sha256 "$ep_full"
		fact "sum.$1" "$ep_sum"
	fi
}
