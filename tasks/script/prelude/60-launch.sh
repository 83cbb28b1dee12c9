# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# Daemons: which process is one, starting it, ending it. What to do is decided
# on the controller, from what launch_look tells; see tasks/launch_plan.go.

# launch_look NAME COMMAND USER DIR: tells all about a daemon and its host, and
# changes nothing. Programs take longer than all else here, so there are few.
launch_look() {
	my_uid
	fact uid "$ep_my_uid"
	tell_arch
	ep_user_uid=$ep_my_uid
	# A user that does not exist yet may be made before the daemon is started;
	# its name then stands for its number, which no process has.
	if [ -n "$3" ] && entry passwd "$3"; then
		ep_home=${ep_line%:*}
		ep_home=${ep_home##*:}
		ep_line=${ep_line#*:*:}
		ep_user_uid=${ep_line%%:*}
	else
		ep_user_uid=${3:-$ep_user_uid}
		launch_home "$3"
	fi
	fact user_uid "$ep_user_uid"
	fact home "$ep_home"
	ep_dir=${4:-$ep_home}
	full_path "$ep_dir"
	ep_dir=$ep_full
	fact dir "$ep_dir"
	ep_line=
	{ read -r ep_line </sys/fs/selinux/enforce; } 2>/dev/null || : # there is no newline in it
	[ -z "$ep_line" ] || fact selinux "$ep_line"
	ep_seen=" " ep_daemon=
	launch_look_unit "$1"
	launch_look_run "$ep_dir/$1"
	launch_look_attrs "/etc/systemd/system/$1.service" "$2"
	launch_look_command "$2"
}

# tell_arch: the machine's architecture, once a script.
tell_arch() {
	[ -z "${ep_arch:-}" ] || return 0
	{ read -r ep_arch </proc/sys/kernel/arch; } 2>/dev/null || ep_arch=$(uname -m) # Linux < 6.1
	fact arch "$ep_arch"
}

# clock: sets $ep_clock to the time, in seconds since 1970; asked once a script.
clock() {
	[ -n "${ep_clock:-}" ] || ep_clock=$(date +%s)
}

# tell_listening: the sockets that are listened on, ADDRESS:PORT and INODE in
# each line of $ep_listening; told once a script.
tell_listening() {
	[ -z "${ep_listening+set}" ] || return 0
	# not every host has IPv6
	ep_listening=$(awk '$4 == "0A" { print $2, $10 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null) || :
	fact listening "$ep_listening"
}

# tell_holders PORT...: what listens on these ports, and whose it is.
tell_holders() {
	tell_listening
	ep_inodes=
	while read -r ep_socket ep_inode; do
		for ep_port in "$@"; do
			[ -z "$ep_inode" ] || [ "$((0x${ep_socket##*:}))" != "$ep_port" ] || ep_inodes="$ep_inodes $ep_inode"
		done
	done <<-EP
		$ep_listening
	EP
	# shellcheck disable=SC2086 # numbers
	[ -z "$ep_inodes" ] || launch_known_holders $ep_inodes || fact holders "$(launch_holders $ep_inodes)"
}

# launch_known_holders INODE...: tells that processes which were told of already
# hold all of these; else fails. A host may have thousands of others to look through.
launch_known_holders() {
	ep_holders=
	for ep_pid in ${ep_seen:-}; do
		launch_open "$ep_pid"
		for ep_inode in "$@"; do
			case $ep_open in *"socket:[$ep_inode]"*) ep_holders="$ep_holders$ep_inode $ep_pid
" ;; esac
		done
	done
	for ep_inode in "$@"; do
		case $ep_holders in *"$ep_inode "*) ;; *) return 1 ;; esac
	done
	fact holders "$ep_holders"
}

# launch_open PID: sets $ep_open to a list of what a process has open, or to
# nothing; it is not asked twice in a row.
launch_open() {
	[ "${ep_open_of:-}" != "$1" ] || return 0
	ep_open_of=$1
	ep_open=$(ls -l "/proc/$1/fd" 2>/dev/null) || ep_open=
}

# launch_home USER: sets $ep_home. In check mode the user may not exist yet.
launch_home() {
	ep_home=${HOME:-/}
	[ -n "$1" ] || return 0
	ep_home=/home/$1
	case $1 in
	*[!0-9]*) entry passwd "$1" || return 0 ;;
	*)
		ep_line=$(getent passwd "$1" 2>/dev/null || awk -F: -v id="$1" '$3 == id' /etc/passwd)
		[ -n "$ep_line" ] || return 0
		;;
	esac
	ep_line=${ep_line%:*}
	ep_home=${ep_line##*:}
}

# launch_look_attrs UNIT COMMAND: which machine this is, since when there is the
# unit file and whose it is, and which file the program is.
launch_look_attrs() {
	ep_attrs=$(stat -L -c '%d:%i %Y %u %g %a %n' -- /proc/self/ns/mnt "$1" ${2:+"$2"} 2>/dev/null) || : # some may be missing
	ep_machine=
	while read -r ep_id ep_time ep_owner ep_group ep_mode ep_each; do
		case $ep_each in
		/proc/self/ns/mnt) ep_machine=$ep_id ;;
		"$1")
			clock
			fact unit_age $((ep_clock - ep_time))
			[ -L "$1" ] || fact unit_attrs "$ep_owner $ep_group $ep_mode"
			;;
		"$2") [ ! -f "$2" ] || fact binary "$ep_id" ;;
		esac
	done <<-EP
		$ep_attrs
	EP
	# where host names of an inventory are one machine, the daemons must not be one
	read -r ep_boot </proc/sys/kernel/random/boot_id
	fact machine "$ep_boot $ep_machine"
}

# launch_look_command COMMAND: whether it can be run, and as what. All but the
# first matters only where the daemon does not run this very file.
launch_look_command() {
	[ -n "$1" ] && [ -f "$1" ] || return 0
	[ ! -x "$1" ] || fact executable yes
	# shellcheck disable=SC3013 # dash, bash and busybox have it
	[ -z "$ep_daemon" ] || ! [ "/proc/$ep_daemon/exe" -ef "$1" ] || return 0
	fact binary_path "$(readlink -f -- "$1")"
	[ "$(head -c 2 -- "$1" 2>/dev/null)" != '#!' ] || fact interpreted yes
}

launch_look_unit() {
	ep_file=/etc/systemd/system/$1.service
	[ ! -f "$ep_file" ] || fact unit "$(cat -- "$ep_file")"
	[ -d /run/systemd/system ] || return 0
	fact systemd yes
	ep_props=$(systemctl show "$1.service" -p LoadState -p ActiveState -p SubState -p MainPID \
		-p UnitFileState -p FragmentPath -p NeedDaemonReload 2>/dev/null) || return 0
	fact props "$ep_props"
	ep_pid=${ep_props#*MainPID=}
	ep_pid=${ep_pid%%[!0-9]*}
	launch_look_process "$ep_pid"
	! launch_told "$ep_pid" || ep_daemon=$ep_pid
}

# launch_look_version: systemd's, where it runs the host.
launch_look_version() {
	[ -d /run/systemd/system ] || return 0
	ep_version=$(systemctl --version) # systemd 252 (252.39-1~deb12u1)…
	ep_version=${ep_version#*[!0-9]" "}
	fact systemd_version "${ep_version%%[!0-9]*}"
}

# launch_look_run BASE: the run file BASE.run and the process that it started.
launch_look_run() {
	[ ! -f "$1.run" ] || fact run "$(cat -- "$1.run")"
	[ -f "$1.pid" ] || return 0
	ep_noted=$(cat -- "$1.pid")
	fact pid_file "$ep_noted"
	ep_pid=${ep_noted%%[!0-9]*}
	launch_look_process "$ep_pid"
	if [ -z "$ep_daemon" ] && launch_told "$ep_pid"; then
		case $ep_noted in "$ep_pid
$ep_since "*) ep_daemon=$ep_pid ;; esac
	fi
}

# launch_look_strays COMMAND [DIR]: where neither the unit nor the run file led to
# the daemon, tells of the processes that may be it: see launch_look_processes and
# launch_look_users.
launch_look_strays() {
	[ -z "$ep_daemon" ] || return 0
	[ -z "$1" ] || launch_look_processes "$1"
	[ -z "$2" ] || launch_look_users data "${1##*/}" "$2"
}

# launch_look_processes COMMAND: those in whose command line it appears.
launch_look_processes() {
	for ep_proc in /proc/[0-9]*; do
		ep_line=
		# the shell leaves the NUL bytes between the words out
		{ IFS= read -r ep_line <"$ep_proc/cmdline"; } 2>/dev/null || :
		case $ep_line in
		*"$1"*) ! launch_ours "$ep_proc" || launch_look_process "${ep_proc#/proc/}" ;;
		esac
	done
}

# launch_ours DIR: is this a process of the host itself? Those of containers are no
# business of their host.
launch_ours() {
	# shellcheck disable=SC3013 # dash, bash and busybox have it
	[ "$1/ns/pid" -ef /proc/self/ns/pid ]
}

# launch_look_named TEXT: those in whose command line it appears, in a script that
# looks for nothing else.
launch_look_named() {
	ep_seen=" "
	launch_look_processes "$1"
}

# launch_look_users KEY PROGRAM DIR: tells of the processes of a program that have
# files below a directory open: whatever their command lines say, they are at home
# there.
launch_look_users() {
	full_path "$3"
	ep_users='' ep_real=
	for ep_proc in /proc/[0-9]*; do
		ep_line=
		{ IFS= read -r ep_line <"$ep_proc/comm"; } 2>/dev/null || :
		[ "$ep_line" = "$2" ] && launch_ours "$ep_proc" || continue
		ep_pid=${ep_proc#/proc/}
		launch_uses "$ep_pid" || continue
		ep_users="$ep_users $ep_pid"
		launch_look_process "$ep_pid"
		[ "$ep_pid" != "$ep_daemon" ] || continue
		launch_unit_of "$ep_pid"
		[ -z "$ep_unit" ] || fact "unit_of.$ep_pid" "$ep_unit"
	done
	fact "users.$1" "$ep_users"
}

# launch_uses PID: has a process files below $ep_full open?
launch_uses() {
	launch_open "$1"
	case $ep_open in *" -> $ep_full/"*) return 0 ;; esac
	[ -n "$ep_real" ] || ep_real=$(readlink -f -- "$ep_full" 2>/dev/null) || return 1
	case $ep_open in *" -> $ep_real/"*) ;; *) return 1 ;; esac
}

# launch_unit_of PID: sets $ep_unit to the unit whose main process it is, or to
# nothing.
launch_unit_of() {
	ep_unit=$(sed -n 's|.*/\([^/]*\.service\)$|\1|p' "/proc/$1/cgroup" 2>/dev/null | head -n 1)
	[ -z "$ep_unit" ] || [ "$(systemctl show "$ep_unit" -p MainPID 2>/dev/null)" = "MainPID=$1" ] || ep_unit=
}

# launch_told PID: has this process been told of?
launch_told() {
	case $ep_seen in *" $1 "*) ;; *) return 1 ;; esac
}

# launch_look_process PID: tells of a process, once; not of zombies. Sets $ep_since
# as launch_since.
launch_look_process() {
	case $1 in '' | 0 | *[!0-9]*) return 0 ;; esac
	launch_since "$1" || return 0
	! launch_told "$1" || return 0
	ep_seen="$ep_seen$1 "
	# its user, and device and inode of its program: a line that may be empty
	ep_who=$(stat -L -c '%u %d:%i' -- "/proc/$1" "/proc/$1/exe" 2>/dev/null) || : # it may have ended just now
	case $ep_who in
	*"
"*) ep_who="${ep_who%% *}
${ep_who##* }" ;;
	*) ep_who="${ep_who%% *}
" ;;
	esac
	read -r ep_uptime </proc/uptime
	# newlines become \001, the ends of words newlines; the x keeps the last
	fact "process.$1" "$ep_since
$ep_who
$(readlink "/proc/$1/exe" 2>/dev/null)
$((${ep_uptime%%.*} - ep_since / 100))
$(tr '\000\n' '\n\001' <"/proc/$1/cmdline" 2>/dev/null)x"
}

# launch_since PID: sets $ep_since to when a process started, in ticks since the
# boot; fails if it is gone or a zombie.
launch_since() {
	ep_stat=
	{ read -r ep_stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	ep_stat=${ep_stat##*") "}
	case $ep_stat in [ZX]*) return 1 ;; esac
	# shellcheck disable=SC2086 # fields
	set -- $ep_stat
	ep_since=${20}
}

# launch_runs PID SINCE: does this very process still run?
launch_runs() {
	launch_since "$1" && [ "$ep_since" = "$2" ]
}

# launch_alive PID SINCE [NAME]: tells whether the daemon runs: this process, or
# whichever systemd runs for the unit NAME.
launch_alive() {
	if [ -z "${3:-}" ]; then
		if launch_runs "$1" "$2"; then fact alive yes; fi
		return 0
	fi
	ep_props=$(systemctl show "$3.service" -p ActiveState -p SubState -p MainPID -p Result \
		-p ExecMainStatus -p Job) || fail "systemctl show $3 failed"
	fact props "$ep_props"
	ep_pid=${ep_props#*MainPID=}
	ep_pid=${ep_pid%%[!0-9]*}
	if [ "${ep_pid:-0}" != 0 ] && launch_since "$ep_pid"; then
		fact alive yes
		fact pid "$ep_pid"
	fi
}

# launch_nap: a tenth of a second, or what the host can.
launch_nap() {
	sleep 0.1 2>/dev/null || sleep 1
}

# launch_end PID SINCE SECONDS: ends a process: TERM, and KILL after SECONDS. No
# record; part of another change.
launch_end() {
	launch_runs "$1" "$2" || return 0
	kill "$1" || fail "can't end process $1" "it runs as another user: is become set?"
	ep_tries=$(($3 * 10))
	while launch_runs "$1" "$2"; do
		if [ "$ep_tries" = 0 ]; then
			warn "process $1 did not end within $3 s of SIGTERM and was killed"
			kill -s KILL "$1" || :
		fi
		[ "$ep_tries" -gt -50 ] || fail "process $1 does not end, even when killed" "does it hang in a disk or network file system?"
		progress "waiting for process $1 to end"
		launch_nap
		ep_tries=$((ep_tries - 1))
	done
}

# launch_holders INODE...: prints who holds sockets: inode, process, command.
launch_holders() {
	# shellcheck disable=SC2012 # names in /proc are tame, and busybox find has no -lname
	ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v want=" $* " '
		/^\/proc\// { split($0, part, "/"); pid = part[3] }
		{
			n = $NF
			if (sub(/^socket:\[/, "", n) && sub(/\]$/, "", n) && index(want, " " n " ")) print n, pid
		}' | while read -r ep_inode ep_pid; do
		printf '%s %s %s\n' "$ep_inode" "$ep_pid" "$(tr '\000\n' '  ' <"/proc/$ep_pid/cmdline" 2>/dev/null)"
	done
}

# launch_log FILE USER: a log file that the daemon can write. No record: the
# start that it is for is one.
launch_log() {
	[ ! -e "$1" ] || return 0
	case $1 in */*) [ -d "${1%/*}" ] || fail "there is no directory ${1%/*} for the log" "make it first, with the mkdir task" ;; esac
	: >>"$1" || fail "can't write the log $1"
	[ -z "$2" ] || [ "$(id -u)" != 0 ] || chown -- "$2" "$1" || fail "can't give the log $1 to $2"
	! have restorecon || restorecon "$1" 2>/dev/null || :
}

# launch_unit TITLE NAME PID SINCE SECONDS [BASE]: starts a unit, after the end
# of the process that does its work until now (PID may be empty). With BASE, the
# process was started by BASE.run, which goes.
launch_unit() {
	would "$1" || return 0
	# systemd does not notice that our unit stands before one in /usr/lib
	case $(systemctl show "$2.service" -p NeedDaemonReload -p FragmentPath) in
	*NeedDaemonReload=yes*) systemctl daemon-reload || fail "systemctl daemon-reload failed" ;;
	*"FragmentPath=/etc/systemd/system/$2.service"*) ;;
	*) systemctl daemon-reload || fail "systemctl daemon-reload failed" ;;
	esac
	progress "stopping $2"
	systemctl stop "$2.service" || fail "systemctl stop $2 failed"
	[ -z "$3" ] || launch_end "$3" "$4" "$5"
	[ -z "${6:-}" ] || rm -f -- "$6.pid" "$6.run" || fail "can't remove $6.run"
	systemctl reset-failed "$2.service" 2>/dev/null || :
	# a blocking start of one member of a cluster would wait for the others
	systemctl --no-block start "$2.service" || fail "systemctl start $2 failed"
}

# launch_enable NAME: whether a unit starts with the host.
launch_enable() {
	case $(systemctl is-enabled "$1.service" 2>/dev/null) in
	enabled) return 0 ;;
	masked*)
		if would "unmask $1"; then
			systemctl unmask -q "$1.service" || fail "systemctl unmask $1 failed"
		fi
		;;
	esac
	if would "enable $1"; then
		systemctl enable -q "$1.service" || fail "systemctl enable $1 failed"
	fi
}

# launch_disable NAME: see launch_enable.
launch_disable() {
	[ "$(systemctl is-enabled "$1.service" 2>/dev/null)" = enabled ] || return 0
	if would "disable $1"; then
		systemctl disable -q "$1.service" || fail "systemctl disable $1 failed"
	fi
}

# launch_settle FILE TEXT [TITLE]: gives a file a text that its process need not
# be restarted for: it keeps its time. Without a TITLE there is no record: it is
# part of the start.
launch_settle() {
	scratch
	printf '%s' "$2" >"$ep_scratch/settled"
	! cmp -s -- "$ep_scratch/settled" "$1" || return 0
	[ -z "${3:-}" ] || would "$3" || return 0
	ep_new=${1%/*}/.${1##*/}.new
	if ! { cp -p -- "$1" "$ep_new" && cat -- "$ep_scratch/settled" >"$ep_new" &&
		touch -r "$1" -- "$ep_new" && mv -f -- "$ep_new" "$1"; }; then
		rm -f -- "$ep_new"
		fail "can't write $1"
	fi
	case $1 in /etc/systemd/*) systemctl daemon-reload || fail "systemctl daemon-reload failed" ;; esac
}

# launch_spawn TITLE PID SINCE SECONDS BASE LOG USER GROUP CONFIG: starts the
# program of BASE.run in the background, after the end of the process PID (may
# be empty). Tells what is known of it.
launch_spawn() {
	would "$1" || return 0
	[ -z "$2" ] || launch_end "$2" "$3" "$4"
	launch_log "$6" "$7${8:+:$8}"
	launch_home "$7"
	EP_BASE=$5 EP_LOG=$6 EP_CONFIG=$9 EP_HOME=$ep_home EP_USER=${7:-$(id -un)}
	# The child first tells who it is, then becomes the program: so a start that
	# is cut off in the middle is either not made or known.
	# shellcheck disable=SC2016,SC2089 # expanded by the child
	EP_CHILD='
		read -r stat </proc/$$/stat
		set -- ${stat##*") "}
		printf "%s\n%s %s\n" "$$" "${20}" "$EP_CONFIG" >"$EP_BASE.pid.new" && mv -f -- "$EP_BASE.pid.new" "$EP_BASE.pid" || exit 125
		exec env -i HOME="$EP_HOME" USER="$EP_USER" LOGNAME="$EP_USER" SHELL=/bin/sh PATH="$PATH" sh "$EP_BASE.run"'
	# shellcheck disable=SC2090
	export EP_BASE EP_LOG EP_CONFIG EP_HOME EP_USER EP_CHILD
	# shellcheck disable=SC2016 # expanded by the parent
	ep_parent='
		exec 3>&1 >>"$EP_LOG" 2>&1 || exit 1
		trap "" HUP
		if command -v setsid >/dev/null; then
			setsid sh -c "$EP_CHILD" 3>&- &
		else
			set -m
			sh -c "$EP_CHILD" 3>&- &
		fi
		pid=$!
		for i in 1 2 3 4 5; do
			stat=
			{ read -r stat </proc/$pid/stat; } 2>/dev/null || :
			case ${stat##*") "} in
			"" | [ZX]*)
				code=0
				wait $pid || code=$?
				echo "$code" >&3
				exit 0
				;;
			esac
			sleep 0.05 2>/dev/null || break
		done'
	ep_code=$(launch_as "$7" "$8" "$ep_parent") || fail "can't start $5.run${7:+ as user $7}" "can ${7:-it} write $6 and $5.pid?"
	[ -z "$ep_code" ] || fact ended "$ep_code"
	if [ -f "$5.pid" ]; then
		fact pid_file "$(cat -- "$5.pid")"
	fi
}

# launch_as USER GROUP TEXT: runs constant shell text as a user, in a folder that
# any user can be in. An empty USER is this one.
launch_as() {
	cd /
	if [ -z "$1$2" ]; then
		sh -c "$3"
		return
	fi
	owner_ids "${1:-$(id -un)}" "$2"
	if [ "$ep_uid" = "$(id -u)" ] && [ "${ep_gid:-$(id -g)}" = "$(id -g)" ]; then
		sh -c "$3"
	elif setpriv --help 2>/dev/null | grep -q -e --reuid; then
		[ -n "$ep_gid" ] || ep_gid=$(id -g "$1")
		setpriv --reuid="$ep_uid" --regid="$ep_gid" --init-groups sh -c "$3"
	elif [ -n "$ep_gid" ] && [ "$ep_gid" != "$(id -g "$1")" ]; then
		echo "this host has no setpriv to give the daemon a group other than its user's" >&2
		return 1
	else
		su -s /bin/sh "$1" -c "$3"
	fi
}

# launch_adopt TITLE BASE PID SINCE CONFIG USER GROUP: from now on BASE.run stands
# for a process that someone else started.
launch_adopt() {
	if would "$1"; then
		printf '%s\n%s %s\n' "$3" "$4" "$5" >"$2.pid" || fail "can't write $2.pid"
		[ -z "$6$7" ] || [ "$(id -u)" != 0 ] || chown -- "$6${7:+:$7}" "$2.pid" || fail "can't give $2.pid to $6"
	fi
}

# launch_retire NAME: ends a unit for good.
launch_retire() {
	if would "stop and disable the systemd unit $1"; then
		systemctl disable -q --now "$1.service" || fail "systemctl disable --now $1 failed"
	fi
}

# launch_drop NAME: ends a unit for good and takes its file away, for a
# daemon that from now on runs without systemd.
launch_drop() {
	if would "remove the systemd unit $1"; then
		systemctl disable -q --now "$1.service" || fail "systemctl disable --now $1 failed"
		rm -f -- "/etc/systemd/system/$1.service" || fail "can't remove the unit"
		systemctl daemon-reload || fail "systemctl daemon-reload failed"
	fi
}

# launch_stop TITLE PID SINCE SECONDS NAME BASE: ends a daemon and keeps it ended.
# NAME is empty where systemd does not know it, BASE where there is no run file.
launch_stop() {
	if would "$1"; then
		if [ -n "$5" ]; then
			systemctl stop "$5.service" || fail "systemctl stop $5 failed"
		fi
		[ -z "$2" ] || launch_end "$2" "$3" "$4"
		[ -z "$6" ] || rm -f -- "$6.pid"
	fi
}

# launch_tail LOG NAME: prints the end of a daemon's log, from the file LOG or
# the journal of the unit NAME.
launch_tail() {
	if [ -n "$1" ] && [ -s "$1" ]; then
		tail -n 20 -- "$1" 2>/dev/null || :
	elif [ -n "$2" ] && have journalctl; then
		journalctl -q -u "$2.service" -n 20 --no-pager -o cat 2>/dev/null || :
	fi
}

# launch_fit COMMAND DATA ARG...: tells what etcd says of its arguments. DATA can't be
# a data directory: etcd reads and checks all it is told, then stops because of it,
# and has touched nothing. An empty DATA: it only says its version, which is a check of
# the names alone.
launch_fit() {
	ep_data=$2 ep_command=$1
	shift 2
	if [ -z "$ep_data" ]; then
		ep_said=$("$ep_command" "$@" --version 2>&1 >/dev/null) || fact unfit "${ep_said:-exit code $?}"
		return 0
	fi
	ep_code=0 ep_limit='' # it stops by itself; should a version not do so, it must not run on
	! have timeout || ep_limit='timeout 60'
	ep_said=$(cd / && $ep_limit "$ep_command" "$@" --data-dir="$ep_data" --log-outputs=stderr 2>&1 </dev/null) || ep_code=$?
	case $ep_said in *list*"data dir"*) return 0 ;; esac
	fact unfit "${ep_said:-exit code $ep_code}"
}

# launch_config_file FILE: tells what a configuration file says.
launch_config_file() {
	[ ! -f "$1" ] || fact config_file "$(cat -- "$1")"
}

# launch_v2store PROGRAM DIR: tells what the program etcdutl complains of in a data
# directory, which may be in use.
launch_v2store() {
	[ -x "$1" ] && [ -d "$2/member" ] || return 0
	ep_said=$("$1" check v2store --data-dir "$2" 2>&1) || fact v2store "$ep_said"
}

# launch_v2_entries DIR WALDIR: tells the snapshots of the data directory DIR, and
# where in its log there may be entries in the form of etcd 3.5: in each line the
# bytes around one. Nothing, when this host can't look.
launch_v2_entries() {
	ep_mark=$(printf 'PUT\032')
	printf 'x%s' "$ep_mark" | LC_ALL=C grep -abo "$ep_mark" >/dev/null 2>&1 || return 0
	fact snapshots "$(cd "$1/member/snap" 2>/dev/null && ls -- *.snap 2>/dev/null)"
	fact v2_entries "$(
		for ep_file in "$2"/*.wal; do
			[ -f "$ep_file" ] || continue
			LC_ALL=C grep -abo "$ep_mark" "$ep_file" | tail -n 16 | while read -r ep_at; do
				ep_at=${ep_at%%:*} # OFFSET:TEXT
				ep_from=$((ep_at > 64 ? ep_at - 64 : 0))
				dd if="$ep_file" bs=1 skip="$ep_from" count=$((ep_at - ep_from)) 2>/dev/null | od -An -v -tx1 | tr -d ' \n'
				echo
			done
		done
	)"
}
