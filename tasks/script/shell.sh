# shellcheck shell=sh
# What a long-lived shell reads first, before the prelude: its settings, how it
# runs one script, and how it ends what it runs. It reads further commands
# while a script runs in the background, so it notices at once when its standard
# input ends: the controller gave up, or the connection is lost. POSIX sh only;
# it must run in dash, bash and busybox.

LC_ALL=C
export LC_ALL
unset LANGUAGE ENV BASH_ENV CDPATH
umask 022
cd 2>/dev/null || cd /
for ep_dir in /usr/local/sbin /usr/local/bin /usr/sbin /usr/bin /sbin /bin; do
	case :$PATH: in *:"$ep_dir":*) ;; *) PATH=${PATH:+$PATH:}$ep_dir ;; esac
done
export PATH

# ep_run MARK EDGE . : runs the script in EP_BODY, fenced by EDGE on both
# streams. The dot says that the line came whole and not cut by a lost connection.
ep_run() {
	[ "$3" = . ] || exit 1
	# shellcheck disable=SC2034 # for record
	EP_MARK=$1 ep_edge=$2
	set --
	wait
	(
		trap ep_done EXIT
		trap 'ep_ended=1; exit 143' HUP INT TERM
		# shellcheck disable=SC2034 # for clean_at_exit
		read -r ep_self _ 2>/dev/null </proc/self/stat
		printf '%s{' "$ep_edge"
		printf '%s{' "$ep_edge" >&2
		eval "$EP_BODY"
	) </dev/null &
	ep_script=$!
}

# ep_done: cleans up after the script, and tells its end. One that is told to end
# says no more.
ep_done() {
	ep_code=$?
	set +eu
	trap - EXIT
	[ -z "$ep_scratch$ep_beside" ] || rm -rf -- "$ep_scratch" "$ep_beside" 2>/dev/null
	[ -n "$ep_ended" ] || ep_tell "$ep_code"
	exit "$ep_code"
}

# ep_tell CODE: the end of the script, on both streams.
ep_tell() {
	printf '%s}%s\n' "$ep_edge" "$1" 2>/dev/null
	printf '%s}%s\n' "$ep_edge" "$1" >&2
}

# ep_ask . : tells the end of a script that could not do so itself: it was killed,
# or has closed its streams.
ep_ask() {
	[ "$1" = . ] || exit 1
	if [ -z "$ep_script" ] || ep_runs || ! ep_stat $$; then
		return # none, or it runs, or it can't be seen (no /proc)
	fi
	wait "$ep_script"
	ep_tell "$?"
	ep_script=''
}

# ep_end: ends the script that still runs, and nothing else.
ep_end() {
	trap '' TERM HUP
	kill -0 "$ep_script" 2>/dev/null || return 0 # none, or done
	ep_runs || {
		ep_stat $$ || kill "$ep_script" # no /proc: its own children are all that can be found
		return 0
	}
	ep_session=$ep_its_session ep_since=$ep_its_start
	ep_signal TERM
	for ep_pause in 0.02 0.08; do
		sleep "$ep_pause" 2>/dev/null || sleep 1
		ep_living || break
	done
	ep_try=0 # what was told to die may have started something meanwhile
	while [ "$ep_try" -lt 5 ]; do
		ep_signal KILL
		[ -n "$ep_hit" ] || return 0
		ep_try=$((ep_try + 1))
	done
}

# ep_runs: does the script run? Its number may be a stranger's by now, as bash gives
# it back at once when a script ends. The script is a child of this shell.
ep_runs() { ep_stat "$ep_script" && [ "$ep_its_parent" = $$ ]; }

# ep_signal SIGNAL: signals the processes of this session that have started
# since the running script did, and sets ep_hit to them. So what an earlier
# script left in the background stays, and what the running one deliberately
# detached (setsid) does too.
ep_signal() {
	ep_hit=""
	for ep_proc in /proc/[0-9]*; do
		ep_pid=${ep_proc#/proc/}
		if [ "$ep_pid" != $$ ] && ep_stat "$ep_pid" && [ "$ep_its_session" = "$ep_session" ] \
			&& [ "$ep_its_start" -ge "$ep_since" ] && kill -s "$1" "$ep_pid" 2>/dev/null; then
			ep_hit="$ep_hit $ep_pid"
		fi
	done
}

# ep_living: does any of ep_hit live?
ep_living() {
	for ep_pid in $ep_hit; do
		! ep_stat "$ep_pid" || return 0
	done
	return 1
}

# ep_stat PID: sets ep_its_parent, ep_its_session and ep_its_start (in clock ticks
# since the boot) of a process; fails if it is gone or a zombie. See proc(5).
ep_stat() {
	{ read -r ep_line <"/proc/$1/stat"; } 2>/dev/null || return 1
	# shellcheck disable=SC2086 # fields; the name before the bracket may hold spaces
	set -- ${ep_line##*) }
	[ "$1" != Z ] || return 1
	ep_its_parent=$2 ep_its_session=$4 ep_its_start=${20}
}

ep_script='' ep_ended='' ep_scratch='' ep_beside='' # and not what the environment may hold
trap ep_end EXIT
