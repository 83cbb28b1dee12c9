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

# fitness_disk DIR: tells how many seconds ten runs of 50 small writes took, each
# write on the disk before the next begins.
fitness_disk() {
	full_path "$1"
	while [ ! -d "$ep_full" ] && [ -n "${ep_full%/*}" ]; do ep_full=${ep_full%/*}; done
	[ -d "$ep_full" ] || ep_full=/
	fact disk_dir "$ep_full"
	ep_beside=$ep_full/.etcdplay-disk-$$
	clean_at_exit
	ep_runs=
	while [ "$(echo "$ep_runs" | wc -w)" -lt 10 ]; do
		ep_said=$(LC_ALL=C dd if=/dev/zero of="$ep_beside" bs=2300 count=50 oflag=dsync 2>&1) || return 0 # not every dd can
		ep_said=${ep_said##*copied, }
		ep_runs="$ep_runs ${ep_said%%[!0-9.e-]*}"
	done
	rm -f -- "$ep_beside"
	fact disk "${ep_runs# }"
}
