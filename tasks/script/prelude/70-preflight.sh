# shellcheck shell=sh
# What is asked of a host before anything on it is touched. Nothing here changes
# anything; what to think of the answers is decided on the controller.

# preflight_look: tells of the host itself.
preflight_look() {
	fact uid "$(id -u)"
	fact arch "$(uname -m)"
	fact now "$(date +%s)"
	# one kernel and one network: two such "hosts" would fight for their ports
	fact network "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null) $(readlink /proc/self/ns/net)"
	fact addresses "$(preflight_addresses)"
	fact listening "$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { print $2, $10 }')"
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
	ep_hex=
	for ep_port in "$@"; do ep_hex="$ep_hex $(printf %04X "$ep_port") "; done
	ep_inodes=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v want="$ep_hex" '
		$4 == "0A" { n = split($2, part, ":"); if (index(want, " " part[n] " ")) print $10 }')
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
