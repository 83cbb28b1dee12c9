# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# Is a host fit for a member? Only looks, but for a small file that is written to
# time the disk, and removed.

# fitness_clock: tells the time, and nothing else, so that it is quick.
fitness_clock() {
	fact clock "$(date +%s.%N)"
}

# fitness_look: tells who sets the clock, the limits and swap.
fitness_look() {
	if have timedatectl; then
		fact synchronised "$(timedatectl show -p NTPSynchronized --value 2>/dev/null || :)"
	fi
	if have chronyc; then
		fact chrony "$(chronyc -n tracking 2>/dev/null | awk -F' *: ' '/^Leap status/ { print $2 }')"
	fi
	ep_daemons=
	for ep_proc in /proc/[0-9]*; do
		{ read -r ep_name <"$ep_proc/comm"; } 2>/dev/null || continue
		case $ep_name in chronyd | ntpd | systemd-timesyn* | openntpd | ntpsec*) ep_daemons=$ep_name ;; esac
	done
	fact time_daemon "$ep_daemons"
	[ -d /run/systemd/system ] || fact open_files "$(awk '/^Max open files/ { print $5 }' /proc/self/limits)" # a unit has its own limit
	fact swaps "$(awk 'NR > 1 { used += $4 } END { print used + 0 }' /proc/swaps 2>/dev/null)"
}

# fitness_disk DIR WRITES SECONDS: tells how many seconds each of so many small writes
# took until it was on the disk, as dd itself measured; fewer when the time is up.
fitness_disk() {
	full_path "$1"
	while [ ! -d "$ep_full" ] && [ -n "${ep_full%/*}" ]; do ep_full=${ep_full%/*}; done
	[ -d "$ep_full" ] || ep_full=/
	fact disk_dir "$ep_full"
	ep_beside=$ep_full/.etcdplay-disk-$$
	clean_at_exit
	# its room is there already, as etcd's log has it: only data are to be waited for
	dd if=/dev/zero of="$ep_beside" bs=2300 count="$2" conv=fsync 2>/dev/null || return 0
	read -r ep_now ep_rest </proc/uptime
	ep_end=$((${ep_now%%.*} + $3)) ep_n=0 ep_times=
	while [ "$ep_n" -lt "$2" ] && [ "${ep_now%%.*}" -lt "$ep_end" ]; do
		ep_said=$(LC_ALL=C dd if=/dev/zero of="$ep_beside" bs=2300 count=1 seek="$ep_n" conv=notrunc oflag=dsync 2>&1) || return 0 # not every dd can
		ep_said=${ep_said##*copied, }
		ep_times="$ep_times ${ep_said%%[!0-9.e-]*}"
		ep_n=$((ep_n + 1))
		read -r ep_now ep_rest </proc/uptime
	done
	rm -f -- "$ep_beside"
	fact disk "${ep_times# }"
}
