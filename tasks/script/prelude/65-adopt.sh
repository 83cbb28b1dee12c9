# shellcheck shell=sh
# What is asked of an etcd member that somebody else set up, and taking its programs.

# adopt_look: tells of each etcd process of this host, and of how it was started.
adopt_look() {
	ep_seen=" "
	ep_space=$(readlink /proc/self/ns/pid)
	for ep_proc in /proc/[0-9]*; do
		case $(readlink "$ep_proc/exe" 2>/dev/null) in
		*/etcd | */"etcd (deleted)") ;;
		*) continue ;;
		esac
		if [ "$(readlink "$ep_proc/ns/pid")" != "$ep_space" ]; then
			fact contained yes
			continue
		fi
		adopt_look_process "${ep_proc#/proc/}"
	done
}

# adopt_look_process PID: only the names of variables that are etcd's leave the host.
adopt_look_process() {
	launch_look_process "$1"
	launch_unit_of "$1"
	fact "unit.$1" "$ep_unit"
	if [ -n "$ep_unit" ]; then
		fact "props.$1" "$(systemctl show "$ep_unit" -p FragmentPath -p DropInPaths 2>/dev/null)"
		fact "record.$1" "$(cat -- "/etc/systemd/system/$ep_unit" 2>/dev/null)"
	fi
	fact "env.$1" "$(tr '\000\n' '\n\001' <"/proc/$1/environ" 2>/dev/null | grep '^ETCD_')"
	ep_dir=$(readlink "/proc/$1/cwd")
	fact "dir.$1" "$ep_dir"
	[ ! -f "$ep_dir/etcd.pid" ] || fact "pid_file.$1" "$(cat -- "$ep_dir/etcd.pid")"
	ep_who=$(stat -c '%U:%G' -- "/proc/$1")
	fact "who.$1" "$ep_who"
	launch_home "${ep_who%%:*}"
	fact "home.$1" "$ep_home"
	[ ! -f "/proc/$1/fd/2" ] || fact "log.$1" "$(readlink "/proc/$1/fd/2")"
	# the file that it was started from, also when that was replaced
	fact "version.$1" "$("/proc/$1/exe" --version 2>/dev/null | sed -n 's/^etcd Version: //p')"
	fact "flags.$1" "$("/proc/$1/exe" --help 2>&1 | sed -n 's/^ *--\([a-z0-9-]*\).*/\1/p')"
	ep_exe=$(readlink "/proc/$1/exe")
	for ep_each in etcdctl etcdutl; do
		[ ! -x "${ep_exe%/*}/$ep_each" ] || fact "$ep_each.$1" "$(adopt_version "${ep_exe%/*}/$ep_each" version)"
	done
	fact "exe_version.$1" "$(adopt_version "$ep_exe" --version)" # of the file that is there now
}

# adopt_version PROGRAM WORD: prints its version.
adopt_version() {
	"$1" "$2" 2>/dev/null | sed -n 's/^etcd[a-z]* [Vv]ersion: //p'
}

# adopt_programs DEST VERSION ETCD FILE...: copies programs that are here already, and
# tells whether DEST has them. etcd comes last: where it is, all are.
adopt_programs() {
	full_path "$1"
	ep_dest=$ep_full ep_version=$2 ep_etcd=$3
	shift 3
	if [ ! -f "$ep_dest/etcd" ]; then
		[ -x "$ep_etcd" ] || return 0
		ep_is=$(adopt_version "$ep_etcd" --version)
		if [ "$ep_is" != "$ep_version" ]; then
			warn "$ep_etcd is of version ${ep_is:-unknown} by now, not $ep_version: it is left alone"
			return 0
		fi
		if would "take etcd $ep_version from ${ep_etcd%/*} to $ep_dest"; then
			mkdir -p -- "$ep_dest" || fail "can't make $ep_dest"
			for ep_each in "$@" "$ep_etcd"; do
				adopt_program "$ep_each" "$ep_dest/${ep_each##*/}"
			done
		fi
	fi
	fact taken yes
}

# adopt_program FILE DEST
adopt_program() {
	{
		cp -- "$1" "$2.part" && chmod 0755 -- "$2.part" && mv -f -- "$2.part" "$2"
	} || fail "can't copy $1 to $2" "is there room?"
	policy_label "$2"
}
