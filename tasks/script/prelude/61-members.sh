# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# Members that leave a cluster.

# launch_forget BASE: takes the run file away, which starts a daemon where there
# is no systemd.
launch_forget() {
	if [ -f "$1.run" ] && would "remove $1.run"; then
		rm -f -- "$1.run" "$1.pid" || fail "can't remove $1.run"
	fi
}

# etcd_data_aside DIR: moves what a data directory holds to DIR.removed-TIME, by
# renaming, so that it takes no time and no space; an empty one is left, with the
# same owner and mode. A file system of its own can't be renamed: then it goes to
# DIR/removed-TIME.
etcd_data_aside() {
	full_path "$1"
	ep_dir=$ep_full
	[ -d "$ep_dir" ] || return 0
	[ -n "$(etcd_data_in "$ep_dir")" ] || return 0
	would "move $ep_dir aside" || return 0
	ep_time=$(date -u +%Y%m%dT%H%M%SZ)
	if [ "$(stat -c %d -- "$ep_dir")" = "$(stat -c %d -- "${ep_dir%/*}/")" ]; then
		ep_aside=$ep_dir.removed-$ep_time
		[ ! -e "$ep_aside" ] || fail "there is $ep_aside already" "run again in a second"
		ep_attrs=$(stat -c '%u:%g %a' -- "$ep_dir")
		# the new one is ready before the old one goes
		mkdir -- "$ep_dir.new-$ep_time" &&
			chown -- "${ep_attrs% *}" "$ep_dir.new-$ep_time" &&
			chmod -- "${ep_attrs#* }" "$ep_dir.new-$ep_time" ||
			fail "can't make a directory beside $ep_dir"
		mv -- "$ep_dir" "$ep_aside" || fail "can't rename $ep_dir"
		mv -- "$ep_dir.new-$ep_time" "$ep_dir" || fail "can't make $ep_dir anew"
	else
		ep_aside=$ep_dir/removed-$ep_time
		mkdir -p -- "$ep_aside" && chmod 700 -- "$ep_aside" || fail "can't make $ep_aside"
		etcd_data_in "$ep_dir" | while IFS= read -r ep_name; do
			mv -- "$ep_dir/$ep_name" "$ep_aside/" || exit 1
		done || fail "can't move what $ep_dir holds to $ep_aside"
	fi
	! have restorecon || restorecon "$ep_dir" 2>/dev/null || :
	fact aside "$ep_aside"
}

# etcd_data_in DIR: prints the names in a directory that count as data.
etcd_data_in() {
	for ep_path in "$1"/* "$1"/.[!.]*; do
		case ${ep_path##*/} in
		lost+found | *.log | *.pid | *.run | removed-*) ;;
		*) [ ! -e "$ep_path" ] || printf '%s\n' "${ep_path##*/}" ;;
		esac
	done
}
