# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# A lock on a host against a second controller. It is held by the long-lived shell
# that takes it, and is worth nothing once that has ended, as it does at once when
# its controller is gone.

# lock_take NAME OWNER RUN FROM: tells whether the lock is taken, else whose it is,
# of which run, and since how many seconds. It is taken from the run FROM, or from
# anybody with *. What another shell of the same RUN holds is taken too: a host may
# stand twice in an inventory.
lock_take() {
	lock_file "$1"
	# in /tmp somebody else may have been first
	[ -d "${ep_lock%/*}" ] || (umask 077 && mkdir -p -- "${ep_lock%/*}") || fail "can't make ${ep_lock%/*} for the lock"
	# shellcheck disable=SC3067 # dash, bash and busybox have it
	[ -O "${ep_lock%/*}" ] && [ ! -h "${ep_lock%/*}" ] ||
		fail "${ep_lock%/*} belongs to somebody else" "remove it"
	launch_since $$ || fail "this host tells nothing of its processes in /proc"
	ep_mine="$$ $ep_since"
	printf '%s\n%s\n%s\n' "$ep_mine" "$2" "$3" >"$ep_lock.$$" || fail "can't write $ep_lock.$$"
	ep_got=held
	for ep_try in 1 2 3 4 5; do
		if [ ! -e "$ep_lock" ] && ln -- "$ep_lock.$$" "$ep_lock" 2>/dev/null; then
			ep_got=taken
			break
		fi
		ep_held='' ep_owner='' ep_run=''
		# An older etcdplay wrote less into it, a full disk nothing; gone, it was just released.
		{ read -r ep_held; read -r ep_owner; read -r ep_run; } 2>/dev/null <"$ep_lock" || [ -e "$ep_lock" ] || continue
		ep_runs=0
		[ -z "$ep_held" ] || ! launch_runs "${ep_held% *}" "${ep_held#* }" || ep_runs=1
		if [ "$ep_held" = "$ep_mine" ] || [ "$ep_run" = "$3" ] && [ "$ep_runs" = 1 ]; then
			ep_got=taken
			break
		fi
		if [ "$ep_runs" = 1 ] && [ "$4" != "*" ] && [ "${4:-none}" != "$ep_run" ]; then
			fact lock.owner "$ep_owner"
			fact lock.run "$ep_run"
			fact lock.age "$(($(date +%s) - $(stat -c %Y -- "$ep_lock" 2>/dev/null || date +%s)))"
			break
		fi
		# Two may find the same lock dead: who finds another in its place gives it back.
		mv -- "$ep_lock" "$ep_lock.dead.$$" 2>/dev/null || continue
		ep_moved=
		read -r ep_moved <"$ep_lock.dead.$$" || : # without a newline it is read all the same
		[ "$ep_moved" = "$ep_held" ] || ln -- "$ep_lock.dead.$$" "$ep_lock" 2>/dev/null || :
	done
	rm -f -- "$ep_lock.$$" "$ep_lock.dead.$$"
	fact lock "$ep_got"
	fact lock.file "$ep_lock"
}

# lock_keep FILE RUN: ends the script if another run has taken the lock over. One
# that is gone, as after a reboot, or can't be read is nobody else's. It starts no
# program: every script begins with it.
lock_keep() {
	ep_owner='' ep_run=''
	{ read -r ep_run && read -r ep_owner && read -r ep_run; } 2>/dev/null <"$1" || return 0
	[ "$ep_run" = "$2" ] || fail "$ep_owner has taken over from this run, which stops here" \
		"what was done stays; when that one has ended, run this again"
}

# lock_drop NAME: gives the lock back, if this shell holds it.
lock_drop() {
	lock_file "$1"
	launch_since $$ || return 0
	ep_held=
	{ read -r ep_held; } 2>/dev/null <"$ep_lock" || return 0
	[ "$ep_held" != "$$ $ep_since" ] || rm -f -- "$ep_lock"
}

# lock_file NAME: sets $ep_lock to where the lock is.
lock_file() {
	ep_lock=/run
	[ -d /run ] || ep_lock=/tmp
	my_uid
	if [ "$ep_my_uid" = 0 ]; then
		ep_lock=$ep_lock/etcdplay/$1.lock
	else
		ep_lock=/tmp/etcdplay-$ep_my_uid/$1.lock
	fi
}
