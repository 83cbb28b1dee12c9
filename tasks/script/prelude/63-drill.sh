# shellcheck shell=sh
# A scratch member from a snapshot, to see that the snapshot is worth something.
# It ends by itself after a while, whatever becomes of the controller. DIR is a
# folder of the drill's own, in one that the user gave and may have other things in.

# drill_begin DIR USER GROUP: clears away what an earlier drill left, and makes
# the folder anew, with the one that it is in if there is none.
drill_begin() {
	drill_end "$1"
	ep_made=''
	if [ ! -d "${1%/*}/" ]; then
		mkdir -m 0755 -- "${1%/*}" || fail "can't make ${1%/*}" "give another folder: etcd_drill_dir"
		ep_made=1
	fi
	mkdir -m 0700 -- "$1" || fail "can't make $1" "give another folder: etcd_drill_dir"
	[ -z "$ep_made" ] || printf '' >"$1/made" || fail "can't write $1/made"
	[ "$(id -u)" != 0 ] || chown -- "$2:$3" "$1" || fail "can't give $1 to $2"
	fact free "$(df -Pk -- "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')"
	tell_listening
}

# drill_start DIR USER GROUP SECONDS ETCDUTL ETCD ARG...: restores DIR/snapshot.db
# and starts a member on it, which lives for SECONDS at most.
drill_start() {
	EP_DRILL=$1 EP_SECONDS=$4 EP_ETCD=$6
	ep_drill_user=$2 ep_drill_group=$3
	[ "$(id -u)" != 0 ] || chown -- "$2:$3" "$1/snapshot.db" || fail "can't give the snapshot to $2"
	ep_etcdutl=$5
	shift 6
	"$ep_etcdutl" snapshot restore "$EP_DRILL/snapshot.db" --data-dir "$EP_DRILL/data" >&2 || fail "etcdutl could not restore the snapshot"
	[ "$(id -u)" != 0 ] || chown -R -- "$ep_drill_user:$ep_drill_group" "$EP_DRILL/data" || fail "can't give the data to $ep_drill_user"
	for ep_arg in "$@"; do printf '%s\n' "$ep_arg"; done >"$EP_DRILL/args"
	chmod 0644 -- "$EP_DRILL/args"
	export EP_DRILL EP_SECONDS EP_ETCD
	# shellcheck disable=SC2016 # expanded by the child
	launch_as "$ep_drill_user" "$ep_drill_group" '
		set --
		while IFS= read -r arg; do set -- "$@" "$arg"; done <"$EP_DRILL/args"
		umask 077
		command -v setsid >/dev/null && session=setsid || session=
		$session nice -n 10 timeout "$EP_SECONDS" "$EP_ETCD" "$@" >"$EP_DRILL/log" 2>&1 </dev/null &
		echo $! >"$EP_DRILL/pid"' || fail "can't start the scratch member"
}

# drill_log DIR: prints the end of the scratch member's log.
drill_log() {
	tail -n 15 -- "$1/log" 2>/dev/null || :
}

# drill_end DIR: ends the scratch member, and removes all of it, and the folder that
# it is in if a drill made that.
drill_end() {
	[ -d "$1" ] || return 0
	[ ! -f "$1/pid" ] || drill_stop "$1"
	ep_made=''
	[ ! -f "$1/made" ] || ep_made=${1%/*}
	rm -rf -- "$1" || fail "can't remove $1"
	[ -z "$ep_made" ] || rmdir -- "$ep_made" 2>/dev/null || : # something else is in it by now
}

# drill_stop DIR: ends the scratch member. timeout passes the signal on.
drill_stop() {
	read -r ep_pid <"$1/pid" || ep_pid=
	case $(tr '\000' ' ' <"/proc/${ep_pid:-none}/cmdline" 2>/dev/null) in
	*timeout*"$1/data"*)
		launch_since "$ep_pid" && launch_end "$ep_pid" "$ep_since" 10
		;;
	esac
	ep_tries=50
	while [ "$ep_tries" -gt 0 ] && drill_runs "$1"; do
		launch_nap
		ep_tries=$((ep_tries - 1))
	done
}

# drill_runs DIR: does the scratch member still run?
drill_runs() {
	case $(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\000' ' ') in *"--data-dir=$1/data "*) return 0 ;; esac
	return 1
}
