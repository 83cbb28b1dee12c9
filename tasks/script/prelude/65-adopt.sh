# shellcheck shell=sh
# What is asked of an etcd member that somebody else set up. Nothing here changes
# anything.

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
}
