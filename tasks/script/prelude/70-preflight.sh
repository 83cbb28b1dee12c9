# shellcheck shell=sh
# What is asked of a host before anything on it is touched. Nothing here changes
# anything; what to think of the answers is decided on the controller.

# preflight_look: tells of the host itself.
preflight_look() {
	my_uid
	fact uid "$ep_my_uid"
	tell_arch
	clock
	fact now "$ep_clock"
	# one kernel and one network: two such "hosts" would fight for their ports
	read -r ep_boot </proc/sys/kernel/random/boot_id
	fact network "$ep_boot $(readlink /proc/self/ns/net)"
	preflight_network
}

# preflight_network: tells the addresses of this host, IPv6 as 32 hex digits, some
# twice; and the sockets that are listened on, as tell_listening does. Read from the
# kernel: not every host has ip or ifconfig, or IPv6.
preflight_network() {
	ep_network=$(awk 'BEGIN {
		while ((getline <"/proc/net/fib_trie") > 0) {
			if ($1 == "|--") address = $2
			if ($1 == "/32" && $2 == "host" && $3 == "LOCAL") print address
		}
		while ((getline <"/proc/net/if_inet6") > 0) print $1
		print "."
		while ((getline <"/proc/net/tcp") > 0) if ($4 == "0A") print $2, $10
		while ((getline <"/proc/net/tcp6") > 0) if ($4 == "0A") print $2, $10
	}')
	fact addresses "${ep_network%%
.*}"
	ep_listening=${ep_network#*
.}
	fact listening "$ep_listening"
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

# preflight_space DIR...: tells what is free, in KiB, where each directory is or
# would be.
preflight_space() {
	ep_n=$#
	while [ "$ep_n" -gt 0 ]; do
		full_path "$1"
		while [ ! -d "$ep_full" ] && [ -n "${ep_full%/*}" ]; do ep_full=${ep_full%/*}; done
		[ -d "$ep_full" ] || ep_full=/
		shift
		set -- "$@" "$ep_full"
		ep_n=$((ep_n - 1))
	done
	ep_space=$(df -Pk -- "$@" 2>/dev/null) || return 0 # not known of one, not known of any
	{
		read -r _
		while read -r _ _ _ ep_free _; do
			fact "free.$ep_n" "$ep_free"
			ep_n=$((ep_n + 1))
		done
	} <<-EP
		$ep_space
	EP
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
