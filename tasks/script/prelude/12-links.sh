# shellcheck shell=sh
# Symbolic and hard links.

# ensure_symlink TARGET PATH FORCE: a symbolic link. What is in the way is a
# failure, or with FORCE 1 replaced; a directory only if it is empty.
ensure_symlink() {
	full_path "$2"
	if [ -L "$ep_full" ]; then
		link_of "$ep_full"
		[ "$ep_link" != "$1" ] || return 0
	elif [ -d "$ep_full" ]; then
		[ "$3" = 1 ] || fail "$ep_full is a directory, not a link" "force: true replaces it if it is empty"
		[ -z "$(ls -A -- "$ep_full")" ] || fail "the directory $ep_full is not empty, and not replaced by a link"
	elif [ -e "$ep_full" ] && [ "$3" != 1 ]; then
		what_is "$ep_full"
		fail "$ep_full is $ep_what, not a link" "force: true replaces it"
	fi
	if would "link $ep_full to $1"; then
		[ -L "$ep_full" ] || [ ! -d "$ep_full" ] || rmdir -- "$ep_full" || fail "can't remove $ep_full"
		ln -sfn -- "$1" "$ep_full" || fail "can't make the link $ep_full"
	fi
}

# link_of LINK: sets $ep_link to what it holds. As long as the script changes
# nothing it is not asked twice in a row.
link_of() {
	[ -n "${ep_changed:-}" ] || [ "${ep_link_of:-}" != "$1" ] || return 0
	ep_link=$(readlink -- "$1") || fail "can't read the link $1"
	ep_link_of=$1
}

# ensure_hardlink TARGET PATH FORCE: one more name of a file.
ensure_hardlink() {
	full_path "$1"
	ep_target=$ep_full
	full_path "$2"
	if [ -e "$ep_full" ] && [ "$(stat -c %d:%i -- "$ep_full")" = "$(stat -c %d:%i -- "$ep_target")" ]; then
		return 0
	elif [ -e "$ep_full" ] && [ "$3" != 1 ]; then
		fail "$ep_full is another file than $ep_target" "force: true replaces it"
	fi
	if would "link $ep_full to $ep_target"; then
		ln -f -- "$ep_target" "$ep_full" || fail "can't make the link $ep_full"
	fi
}

# ensure_link_owner PATH OWNER GROUP: whose the link itself is.
ensure_link_owner() {
	[ -n "$2$3" ] || return 0
	full_path "$1"
	[ -L "$ep_full" ] || return 0
	ep_now=$(stat -c '%u:%g' -- "$ep_full") || fail "can't read the attributes of $ep_full"
	owner_ids "$2" "$3"
	ep_chown=${ep_uid:-${ep_now%:*}}:${ep_gid:-${ep_now#*:}}
	if [ "$ep_chown" != "$ep_now" ] && would "chown $2${3:+:$3} $ep_full"; then
		chown -h -- "$ep_chown" "$ep_full" || fail "can't change the owner of $ep_full"
	fi
}
