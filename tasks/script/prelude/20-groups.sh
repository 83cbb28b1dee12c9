# shellcheck shell=sh
# Groups, and the files that say who there is: with shadow-utils (groupadd…)
# where the host has them, else with busybox (addgroup…), which can't change a
# group: there /etc/group and its neighbours are edited.

# group_of G: sets $ep_group_id and $ep_group to number and name of a group, which is
# given by either; fails if there is none.
group_of() {
	case $1 in
	*[!0-9]*) entry group "$1" || return 1 ;;
	*) entry_by_id group "$1" || return 1 ;;
	esac
	ep_group=${ep_line%%:*}
	ep_group_id=${ep_line#*:*:}
	ep_group_id=${ep_group_id%%:*}
}

# entry_by_id DB NUMBER: sets $ep_line to the line with this id.
entry_by_id() {
	if have getent; then
		ep_line=$(getent "$1" "$2") && [ -n "$ep_line" ]
		return
	fi
	while IFS= read -r ep_line || [ -n "$ep_line" ]; do
		ep_id=${ep_line#*:*:}
		[ "${ep_id%%:*}" != "$2" ] || return 0
	done <"/etc/$1"
	return 1
}

# entry_by_primary GID: sets $ep_line to the first user with this primary group.
entry_by_primary() {
	while IFS= read -r ep_line || [ -n "$ep_line" ]; do
		ep_id=${ep_line#*:*:*:}
		[ "${ep_id%%:*}" != "$1" ] || return 0
	done </etc/passwd
	return 1
}

# ensure_group NAME GID SYSTEM NON_UNIQUE: a group, with this number unless GID
# is empty.
ensure_group() {
	if ! entry group "$1"; then
		! would "create group $1" || create_group "$@"
	elif group_of "$1" && [ "${2:-$ep_group_id}" != "$ep_group_id" ] && would "change the gid of group $1 from $ep_group_id to $2"; then
		if have groupmod; then
			ep_name=$1 ep_want_gid=$2 ep_shared=$4
			set -- -g "$ep_want_gid"
			[ "$ep_shared" = 0 ] || set -- "$@" -o
			groupmod "$@" "$ep_name" || fail "can't change the gid of group $ep_name"
		else
			set_field /etc/group "$1" 3 "$2"
			ep_old_gid=$ep_group_id
			while entry_by_primary "$ep_old_gid"; do
				set_field /etc/passwd "${ep_line%%:*}" 4 "$2"
			done
		fi
	fi
}

# tell_group NAME: its number, for register.
tell_group() {
	! group_of "$1" || fact gid "$ep_group_id"
}

# create_group NAME GID SYSTEM NON_UNIQUE: no record; part of another change.
create_group() {
	ep_name=$1 ep_want_gid=$2 ep_system=$3 ep_shared=$4
	set --
	[ -z "$ep_want_gid" ] || set -- -g "$ep_want_gid"
	if have groupadd; then
		[ "$ep_system" = 0 ] || set -- "$@" -r
		[ "$ep_shared" = 0 ] || set -- "$@" -o
		groupadd "$@" "$ep_name" || fail "can't create group $ep_name"
	elif have addgroup; then
		[ "$ep_system" = 0 ] || set -- "$@" -S
		addgroup "$@" "$ep_name" || fail "can't create group $ep_name"
	else
		fail "can't create group $ep_name: this host has neither groupadd nor addgroup"
	fi
}

# ensure_no_group NAME
ensure_no_group() {
	entry group "$1" || return 0
	if would "remove group $1"; then
		if have groupdel; then
			groupdel "$1" || fail "can't remove group $1"
		else
			delgroup "$1" || fail "can't remove group $1"
		fi
	fi
}

# set_field FILE NAME NUMBER VALUE: one field of the line of a name in a file
# like /etc/passwd; no record, part of another change.
set_field() {
	scratch
	ep_done=0
	while IFS= read -r ep_line || [ -n "$ep_line" ]; do
		case $ep_line in "$2":*)
			ep_head='' ep_tail=$ep_line ep_n=1
			while [ $ep_n -lt "$3" ]; do
				ep_head=$ep_head${ep_tail%%:*}:
				ep_tail=${ep_tail#*:}
				ep_n=$((ep_n + 1))
			done
			case $ep_tail in *:*) ep_tail=:${ep_tail#*:} ;; *) ep_tail= ;; esac
			ep_line=$ep_head$4$ep_tail ep_done=1
			;;
		esac
		printf '%s\n' "$ep_line"
	done <"$1" >"$ep_scratch/fields" || fail "can't read $1" "only root may: is become set?"
	[ $ep_done = 1 ] || fail "$2 has no line in $1"
	attrs_of "$1"
	replace_file "$ep_scratch/fields" "$1" "$ep_now_uid" "$ep_now_gid" "$ep_now_mode"
}
