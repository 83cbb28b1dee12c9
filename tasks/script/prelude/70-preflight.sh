# shellcheck shell=sh
# What is asked of a host before anything on it is touched. Nothing here changes
# anything; what to think of the answers is decided on the controller.

# preflight_look: tells of the host itself.
preflight_look() {
	fact uid "$(id -u)"
	ep_arch=$(uname -m)
	fact arch "$ep_arch"
	fact now "$(date +%s)"
	# one kernel and one network: two such "hosts" would fight for their ports
	read -r ep_boot </proc/sys/kernel/random/boot_id
	fact network "$ep_boot $(readlink /proc/self/ns/net)"
	fact addresses "$(preflight_addresses)"
	tell_listening
}

# preflight_addresses: prints the addresses of this host, IPv6 as 32 hex digits.
# Read from the kernel: not every host has ip or ifconfig.
preflight_addresses() {
	awk '$1 == "|--" { address = $2 } $1 == "/32" && $2 == "host" && $3 == "LOCAL" { print address }' \
		/proc/net/fib_trie 2>/dev/null | sort -u
	awk '{ print $1 }' /proc/net/if_inet6 2>/dev/null || :
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
	[ -z "$ep_inodes" ] || fact holders "$(launch_holders $ep_inodes)"
}

# preflight_dir N DIR: tells what the directory number N holds.
preflight_dir() {
	full_path "$2"
	if [ -d "$ep_full" ]; then
		if ! ep_names=$(ls -A -- "$ep_full" 2>/dev/null); then
			fact "dir.$1" unreadable
			return 0
		fi
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
	fact "free.$1" "$(df -Pk -- "$ep_full" 2>/dev/null | awk 'NR == 2 { print $4 }')"
}

# preflight_programs PROGRAM...: tells which are missing.
preflight_programs() {
	ep_missing=
	for ep_program in "$@"; do have "$ep_program" || ep_missing="$ep_missing $ep_program"; done
	fact missing "${ep_missing# }"
}
