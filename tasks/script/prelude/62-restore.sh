# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# An etcd member's data directory gets other data, from a snapshot. All happens
# within the directory, so that it may be a mount point: .etcdplay-restore is
# where the new data grow, and member.before-TOKEN what the old ones become.
#   token         which restore is under way
#   snapshot.db   what is restored
#   new/member    the new data; once it has moved to its place, new is empty
# What is over is noted beside it, in .etcdplay-restored.

# restore_look DIR ETCDUTL: tells how far a restore is, and changes nothing.
restore_look() {
	ep_work=$1/.etcdplay-restore
	[ -z "$(ls -A -- "$1/member" 2>/dev/null)" ] || fact data yes
	[ ! -x "$2" ] || fact etcdutl yes
	fact free "$(df -Pk -- "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')"
	[ ! -f "$1/.etcdplay-restored" ] || fact note "$(cat -- "$1/.etcdplay-restored")"
	if [ ! -f "$ep_work/token" ]; then
		[ ! -e "$ep_work" ] || fact left yes
		return 0
	fi
	fact mark "$(cat -- "$ep_work/token")"
	[ ! -f "$ep_work/snapshot.db" ] || fact staged yes
	[ -d "$ep_work/new" ] || return 0
	if [ -e "$ep_work/new/member" ]; then
		fact restored yes
	elif [ -e "$1/member" ]; then
		fact switched yes
	fi
}

# restore_begin TITLE DIR MARK: from now on the restore that MARK tells of is
# under way on this host. One that was given up is moved aside.
restore_begin() {
	would "$1" || return 0
	ep_work=$2/.etcdplay-restore
	restore_aside
	[ -d "$2" ] || mkdir -p -- "$2" || fail "can't make $2"
	mkdir -m 0700 -- "$ep_work" || fail "can't make $ep_work"
	printf '%s\n' "$3" >"$ep_work/.token" && mv -- "$ep_work/.token" "$ep_work/token" || fail "can't write $ep_work/token"
}

# restore_give_up TITLE DIR: moves aside what a restore was at.
restore_give_up() {
	would "$1" || return 0
	ep_work=$2/.etcdplay-restore
	restore_aside
}

# restore_aside: $ep_work, if there is one.
restore_aside() {
	[ -e "$ep_work" ] || return 0
	free_name "$ep_work.given-up"
	mv -- "$ep_work" "$ep_free" || fail "can't move $ep_work aside"
}

# free_name NAME: sets $ep_free to it, or to it with a number where it is taken.
free_name() {
	ep_free=$1
	ep_n=2
	while [ -e "$ep_free" ]; do
		ep_free=$1.$ep_n
		ep_n=$((ep_n + 1))
	done
}

# restore_data TITLE DIR ETCDUTL USER GROUP ARG...: makes the new data.
restore_data() {
	would "$1" || return 0
	ep_dir=$2 ep_etcdutl=$3 ep_owner=$4${5:+:$5}
	shift 5
	ep_work=$ep_dir/.etcdplay-restore
	rm -rf -- "$ep_work/part" || fail "can't clear $ep_work"
	progress "restoring the snapshot"
	"$ep_etcdutl" snapshot restore "$ep_work/snapshot.db" --data-dir "$ep_work/part" "$@" >&2 ||
		fail "etcdutl could not restore the snapshot"
	[ -z "$ep_owner" ] || [ "$(id -u)" != 0 ] || chown -R -- "$ep_owner" "$ep_work/part" || fail "can't give the data to $ep_owner"
	! have restorecon || restorecon -R "$ep_work/part" 2>/dev/null || :
	sync
	# In one step: an empty folder named new would say that the data are in place.
	mv -- "$ep_work/part" "$ep_work/new" || fail "can't move the new data"
}

# restore_switch TITLE DIR TOKEN: puts the new data in place of the old ones.
restore_switch() {
	would "$1" || return 0
	ep_work=$2/.etcdplay-restore
	if [ ! -e "$ep_work/new/member" ] && [ -e "$2/member" ]; then
		return 0 # it was done, though nobody heard of it
	fi
	if [ -e "$2/member" ]; then
		free_name "$2/member.before-$3"
		mv -- "$2/member" "$ep_free" || fail "can't move $2/member aside"
	fi
	mv -- "$ep_work/new/member" "$2/member" || fail "can't put the new data in place"
	sync
}

# restore_finish TITLE DIR NOTE: notes what was restored, and clears away what that
# needed. The old data stay.
restore_finish() {
	would "$1" || return 0
	ep_work=$2/.etcdplay-restore
	if [ -f "$ep_work/token" ]; then
		printf '%s\n' "$3" >"$ep_work/note" && mv -- "$ep_work/note" "$2/.etcdplay-restored" || fail "can't write $2/.etcdplay-restored"
		sync
	fi
	restore_remove
}

# restore_clear TITLE DIR: what is left of a restore that is over.
restore_clear() {
	would "$1" || return 0
	ep_work=$2/.etcdplay-restore
	restore_remove
}

# restore_remove: $ep_work; first what says that a restore is under way.
restore_remove() {
	rm -f -- "$ep_work/token" && rm -rf -- "$ep_work" || fail "can't remove $ep_work"
}
