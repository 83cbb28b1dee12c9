# shellcheck shell=sh
# Files, directories, and who owns them.

# owner_ids OWNER GROUP: prints "UID:GID" as numbers, each empty where not
# given; a name that does not exist (yet) is printed as it is.
owner_ids() {
	ep_uid=$1 ep_gid=$2
	case $1 in '' | *[!0-9]*) [ -z "$1" ] || ep_uid=$(id -u "$1" 2>/dev/null) || ep_uid=$1 ;; esac
	case $2 in '' | *[!0-9]*) [ -z "$2" ] || ep_gid=$(group_id "$2") || ep_gid=$2 ;; esac
	printf '%s:%s' "$ep_uid" "$ep_gid"
}

# group_id NAME: prints a group's number, or fails.
group_id() {
	ep_line=$(getent group "$1" 2>/dev/null || grep "^$1:" /etc/group) || return 1
	ep_line=${ep_line#*:*:}
	printf '%s' "${ep_line%%:*}"
}

# ensure_attrs PATH OWNER GROUP MODE: brings owner, group and mode (octal, or
# symbolic as chmod takes it) of an existing path to what is given; an empty
# one is left alone.
ensure_attrs() {
	[ -n "$2$3$4" ] || return 0
	ep_now=$(stat -c '%u:%g %a' -- "$1") || fail "can't read the attributes of $1"
	ep_ids=$(owner_ids "$2" "$3")
	ep_now_ids=${ep_now% *}
	ep_want_ids=${ep_ids%:*} && [ -n "$ep_want_ids" ] || ep_want_ids=${ep_now_ids%:*}
	ep_want_gid=${ep_ids#*:} && [ -n "$ep_want_gid" ] || ep_want_gid=${ep_now_ids#*:}
	ep_want_ids=$ep_want_ids:$ep_want_gid
	if [ "$ep_now_ids" != "$ep_want_ids" ] && would "chown ${2:-}${3:+:$3} $1"; then
		chown -h -- "$ep_want_ids" "$1" || fail "can't change the owner of $1"
	fi
	[ -n "$4" ] || return 0
	ep_mode=$(wanted_mode "$1" "${ep_now#* }" "$4")
	if [ "${ep_now#* }" != "$ep_mode" ] && would "chmod $4 $1"; then
		chmod -- "$4" "$1" || fail "can't change the mode of $1"
	fi
}
