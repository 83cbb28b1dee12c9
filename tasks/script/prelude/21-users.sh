# shellcheck shell=sh
# Users: with shadow-utils (useradd…) where the host has them, else with busybox
# (adduser…), which can't change a user: there /etc/passwd and its neighbours are
# edited.

# ensure_user NAME: a user as the variables USER_… say; an empty one leaves its
# side alone, or to the host's defaults. UID, GROUP (name or number; a missing
# named one is created), GROUPS_SET (1: GROUPS counts), GROUPS (names with
# commas), APPEND, HOME, CREATE_HOME, MOVE_HOME, SHELL, COMMENT_SET, COMMENT,
# SYSTEM, NON_UNIQUE, SKELETON, PASSWORD (a hash), UPDATE_PASSWORD,
# EXPIRES_SET, EXPIRES (days since 1970, empty: never), LOCK (1, 0).
ensure_user() {
	ep_user=$1
	if [ -n "$USER_GROUP" ] && ! group_of "$USER_GROUP"; then
		case $USER_GROUP in
		*[!0-9]*) ensure_group "$USER_GROUP" "" "$USER_SYSTEM" 0 ;;
		*) fail "there is no group with the number $USER_GROUP" ;;
		esac
	fi
	wanted_groups
	if ! entry passwd "$ep_user"; then
		if would "create user $ep_user"; then
			create_user
			set_password "$USER_PASSWORD"
			[ "$USER_LOCK" != 1 ] || lock_user
		fi
	else
		read_user
		change_ids
		change_groups
		change_account
		change_secrets
		ensure_home
	fi
	if entry passwd "$ep_user"; then
		read_user
		fact uid "$ep_user_uid"
		fact group "$ep_user_gid"
		fact home "$ep_home"
		fact shell "$ep_shell"
		fact comment "$ep_comment"
	fi
}

# read_user: takes $ep_line, a line of passwd, apart.
read_user() {
	IFS=: read -r ep_x ep_x ep_user_uid ep_user_gid ep_comment ep_home ep_shell <<-EP
		$ep_line
	EP
}

# wanted_groups: sets $ep_wanted to the names of USER_GROUPS, with a comma before
# and after each.
wanted_groups() {
	ep_wanted=,
	# shellcheck disable=SC2153 # USER_GROUP is another
	each_of "$USER_GROUPS"
	for ep_each in $ep_list; do
		if group_of "$ep_each"; then
			ep_each=$ep_group
		elif [ "$EP_CHECK" = 0 ]; then
			fail "there is no group $ep_each for user $ep_user" "make it first, with the group task"
		fi
		ep_wanted=$ep_wanted$ep_each,
	done
}

# each_of A,B,C: sets $ep_list to the words, for an unquoted for loop: names of
# users and groups hold no spaces or wildcards.
each_of() {
	ep_list=$1
	while :; do
		case $ep_list in *,*) ep_list="${ep_list%%,*} ${ep_list#*,}" ;; *) return ;; esac
	done
}

create_user() {
	ep_skel=${USER_SKELETON:-/etc/skel}
	case $USER_HOME in */*/*)
		if [ "$USER_CREATE_HOME" = 1 ] && [ ! -d "${USER_HOME%/*}" ]; then
			mkdir -p -- "${USER_HOME%/*}" || fail "can't make the directory ${USER_HOME%/*}"
		fi
		;;
	esac
	# a group of the user's name that is there already is meant for the user
	ep_primary=$USER_GROUP
	[ -n "$ep_primary" ] || ! entry group "$ep_user" || ep_primary=$ep_user
	if have useradd; then
		shadow_create
	elif have adduser; then
		busybox_create
	else
		fail "can't create user $ep_user: this host has neither useradd nor adduser"
	fi
	if [ "$USER_EXPIRES_SET" = 1 ]; then
		set_expiry
	fi
}

shadow_create() {
	set --
	[ -z "$USER_UID" ] || set -- "$@" -u "$USER_UID"
	[ "$USER_NON_UNIQUE" = 0 ] || set -- "$@" -o
	[ -z "$ep_primary" ] || set -- "$@" -g "$ep_primary"
	[ "$ep_wanted" = , ] || set -- "$@" -G "$(printf '%s' "$ep_wanted" | sed 's/^,//; s/,$//')"
	[ -z "$USER_HOME" ] || set -- "$@" -d "$USER_HOME"
	[ -z "$USER_SHELL" ] || set -- "$@" -s "$USER_SHELL"
	[ -z "$USER_COMMENT" ] || set -- "$@" -c "$USER_COMMENT"
	[ "$USER_SYSTEM" = 0 ] || set -- "$@" -r
	if [ "$USER_CREATE_HOME" = 1 ]; then
		set -- "$@" -m
		[ -z "$USER_SKELETON" ] || set -- "$@" -k "$USER_SKELETON"
	else
		set -- "$@" -M
	fi
	useradd "$@" "$ep_user" || fail "can't create user $ep_user"
}

busybox_create() {
	[ "$USER_NON_UNIQUE" = 0 ] || fail "can't give user $ep_user a number that is taken: this host's adduser can't" "install shadow-utils there"
	if [ -z "$ep_primary" ] && [ "$USER_SYSTEM" = 1 ]; then
		# else adduser would put it into nogroup
		create_group "$ep_user" "" 1 0
		ep_primary=$ep_user
	fi
	if [ -n "$ep_primary" ] && group_of "$ep_primary"; then
		ep_primary=$ep_group
	fi
	set -- -D
	[ -z "$USER_UID" ] || set -- "$@" -u "$USER_UID"
	[ -z "$ep_primary" ] || set -- "$@" -G "$ep_primary"
	[ -z "$USER_HOME" ] || set -- "$@" -h "$USER_HOME"
	[ -z "$USER_SHELL" ] || set -- "$@" -s "$USER_SHELL"
	[ -z "$USER_COMMENT" ] || set -- "$@" -g "$USER_COMMENT"
	[ "$USER_SYSTEM" = 0 ] || set -- "$@" -S
	[ -z "$USER_SKELETON" ] || set -- "$@" -k "$USER_SKELETON"
	[ "$USER_CREATE_HOME" = 1 ] || set -- "$@" -H
	adduser "$@" "$ep_user" >/dev/null || fail "can't create user $ep_user"
	each_of "$ep_wanted"
	for ep_each in $ep_list; do
		addgroup "$ep_user" "$ep_each" >/dev/null || fail "can't add user $ep_user to group $ep_each"
	done
}

# change_ids: number and primary group.
change_ids() {
	if [ "${USER_UID:-$ep_user_uid}" != "$ep_user_uid" ] && would "change the uid of user $ep_user from $ep_user_uid to $USER_UID"; then
		change_user uid 3 "$USER_UID" -u
		ep_user_uid=$USER_UID
	fi
	[ -n "$USER_GROUP" ] || return 0
	ep_old_gid=$ep_user_gid
	# in check mode a group that an earlier change makes has no number yet
	group_of "$USER_GROUP" || ep_group_id=$USER_GROUP
	ep_user_gid=$ep_group_id
	if [ "$ep_user_gid" != "$ep_old_gid" ] && would "change the primary group of user $ep_user to $USER_GROUP"; then
		change_user "primary group" 4 "$ep_user_gid" -g
	fi
}

# change_groups: the further groups, as /etc/group has them.
change_groups() {
	[ "$USER_GROUPS_SET" = 1 ] || return 0
	ep_primary=
	! entry_by_id group "$ep_user_gid" || ep_primary=${ep_line%%:*}
	ep_now=,
	while IFS=: read -r ep_group ep_x ep_x ep_members || [ -n "$ep_group" ]; do
		case ,$ep_members, in *,"$ep_user",*)
			[ "$ep_group" = "$ep_primary" ] || ep_now=$ep_now$ep_group,
			;;
		esac
		ep_members=
	done </etc/group
	ep_add='' ep_drop='' ep_final=$ep_now
	each_of "$ep_wanted"
	for ep_each in $ep_list; do
		case $ep_final in *,"$ep_each",*) continue ;; esac
		[ "$ep_each" != "$ep_primary" ] || continue
		ep_add=$ep_add${ep_add:+,}$ep_each
		ep_final=$ep_final$ep_each,
	done
	if [ "$USER_APPEND" = 0 ]; then
		each_of "$ep_now"
		for ep_each in $ep_list; do
			case $ep_wanted in *,"$ep_each",*) continue ;; esac
			ep_drop=$ep_drop${ep_drop:+,}$ep_each
			ep_final=${ep_final%%",$ep_each,"*},${ep_final#*",$ep_each,"}
		done
	fi
	[ -n "$ep_add$ep_drop" ] || return 0
	ep_do=0
	[ -z "$ep_add" ] || ! would "add user $ep_user to ${ep_add}" || ep_do=1
	[ -z "$ep_drop" ] || ! would "remove user $ep_user from ${ep_drop}" || ep_do=1
	[ $ep_do = 0 ] || set_groups
}

set_groups() {
	ep_final=${ep_final#,}
	if have usermod; then
		usermod -G "${ep_final%,}" "$ep_user" || fail "can't change the groups of user $ep_user"
		return
	fi
	each_of "$ep_add"
	for ep_each in $ep_list; do
		addgroup "$ep_user" "$ep_each" >/dev/null || fail "can't add user $ep_user to group $ep_each"
	done
	each_of "$ep_drop"
	for ep_each in $ep_list; do
		delgroup "$ep_user" "$ep_each" >/dev/null || fail "can't remove user $ep_user from group $ep_each"
	done
}

# change_account: comment, home and shell.
change_account() {
	if [ "$USER_COMMENT_SET" = 1 ] && [ "$USER_COMMENT" != "$ep_comment" ] && would "change the comment of user $ep_user"; then
		change_user comment 5 "$USER_COMMENT" -c
	fi
	if [ "${USER_SHELL:-$ep_shell}" != "$ep_shell" ] && would "change the shell of user $ep_user to $USER_SHELL"; then
		change_user shell 7 "$USER_SHELL" -s
	fi
	ep_home_moves=0
	[ "${USER_HOME:-$ep_home}" != "$ep_home" ] || return 0
	if [ "$USER_MOVE_HOME" = 0 ] || [ ! -d "$ep_home" ]; then
		! would "change the home of user $ep_user to $USER_HOME" || change_user home 6 "$USER_HOME" -d
	else
		[ ! -e "$USER_HOME" ] || fail "can't move $ep_home to $USER_HOME: it is there already" "without move_home the user gets it as it is"
		ep_home_moves=1
		if would "move the home of user $ep_user from $ep_home to $USER_HOME"; then
			mkdir -p -- "${USER_HOME%/*}/" || fail "can't make the directory ${USER_HOME%/*}"
			if have usermod; then
				usermod -m -d "$USER_HOME" "$ep_user" || fail "can't move the home of user $ep_user"
			else
				mv -- "$ep_home" "$USER_HOME" || fail "can't move $ep_home to $USER_HOME"
				set_field /etc/passwd "$ep_user" 6 "$USER_HOME"
			fi
		fi
	fi
	ep_home=$USER_HOME
}

# change_user WHAT FIELD VALUE OPTION: one field of passwd.
change_user() {
	if have usermod; then
		set -- "$1" "$2" "$3" "$4"
		if [ "$4" = -u ] && [ "$USER_NON_UNIQUE" = 1 ]; then
			usermod -o -u "$3" "$ep_user" || fail "can't change the $1 of user $ep_user"
		else
			usermod "$4" "$3" "$ep_user" || fail "can't change the $1 of user $ep_user"
		fi
	else
		set_field /etc/passwd "$ep_user" "$2" "$3"
		case $4 in -u)
			[ ! -d "$ep_home" ] || find "$ep_home" -xdev -user "$ep_user_uid" -exec chown -h -- "$3" {} + ||
				fail "can't give $ep_home to the new uid"
			;;
		esac
	fi
}

# read_shadow: sets $ep_hash and $ep_expires (days since 1970, empty: never).
read_shadow() {
	ep_hash='' ep_expires=''
	if [ ! -e /etc/shadow ]; then
		! local_entry /etc/passwd "$ep_user" || IFS=: read -r ep_x ep_hash ep_x <<-EP
			$ep_line
		EP
		return 0
	fi
	[ -r /etc/shadow ] || fail "can't read /etc/shadow" "only root may: is become set?"
	! local_entry /etc/shadow "$ep_user" || IFS=: read -r ep_x ep_hash ep_x ep_x ep_x ep_x ep_x ep_expires ep_x <<-EP
		$ep_line
	EP
}

# change_secrets: password, lock and expiry.
change_secrets() {
	[ -n "$USER_PASSWORD$USER_LOCK" ] || [ "$USER_EXPIRES_SET" = 1 ] || return 0
	read_shadow
	ep_lock=$USER_LOCK
	if [ -n "$USER_PASSWORD" ] && [ "$USER_UPDATE_PASSWORD" = always ] && [ "${ep_hash#!}" != "${USER_PASSWORD#!}" ]; then
		if would "change the password of user $ep_user"; then
			set_password "$USER_PASSWORD"
			[ "$USER_LOCK" != 1 ] || lock_user
		fi
		[ "$USER_LOCK" != 1 ] || ep_lock=
		[ "$USER_LOCK" != 0 ] || case $USER_PASSWORD in !*) ;; *) ep_lock= ;; esac
	fi
	case $ep_lock:$ep_hash in
	1:!* | 0:[!!]* | 0: | :*) ;;
	1:*) ! would "lock the password of user $ep_user" || lock_user ;;
	0:*) ! would "unlock the password of user $ep_user" || unlock_user ;;
	esac
	if [ "$USER_EXPIRES_SET" = 1 ] && [ "$USER_EXPIRES" != "$ep_expires" ] && would "change the expiry date of user $ep_user"; then
		set_expiry
	fi
}

# set_password HASH: on standard input, where nobody sees it in the process list.
set_password() {
	[ -n "$1" ] || return 0
	have chpasswd || fail "can't set the password of user $ep_user: this host has no chpasswd"
	printf '%s:%s\n' "$ep_user" "$1" | chpasswd -e >/dev/null || fail "can't set the password of user $ep_user"
}

lock_user() {
	if have usermod; then
		usermod -L "$ep_user" || fail "can't lock the password of user $ep_user"
	else
		read_shadow
		case $ep_hash in !*) ;; *) set_field /etc/shadow "$ep_user" 2 "!$ep_hash" ;; esac
	fi
}

unlock_user() {
	if have usermod; then
		usermod -U "$ep_user" || fail "can't unlock the password of user $ep_user" "give it a password"
	else
		read_shadow
		set_field /etc/shadow "$ep_user" 2 "${ep_hash#!}"
	fi
}

set_expiry() {
	if have chage; then
		chage -E "${USER_EXPIRES:--1}" "$ep_user" || fail "can't change the expiry date of user $ep_user"
	else
		set_field /etc/shadow "$ep_user" 8 "$USER_EXPIRES"
	fi
}

# ensure_home: the home directory of a user who is there already.
ensure_home() {
	[ "$USER_CREATE_HOME" = 1 ] && [ "$ep_home_moves" = 0 ] && [ -n "$ep_home" ] && [ ! -e "$ep_home" ] || return 0
	if would "create the home directory $ep_home"; then
		ep_skel=${USER_SKELETON:-/etc/skel}
		mkdir -p -- "$ep_home" || fail "can't make the directory $ep_home"
		[ ! -d "$ep_skel" ] || cp -R "$ep_skel/." "$ep_home" || fail "can't copy $ep_skel to $ep_home"
		chown -R -h -- "$ep_user_uid:$ep_user_gid" "$ep_home" || fail "can't give $ep_home to user $ep_user"
		login_def HOME_MODE
		if [ -z "$ep_def" ]; then
			login_def UMASK
			ep_def=$(printf '%o' $((0777 & ~0${ep_def:-22})))
		fi
		set_mode "$ep_def" "$ep_home"
	fi
}

# login_def NAME: sets $ep_def to a setting of /etc/login.defs, or to nothing.
login_def() {
	ep_def=
	[ -r /etc/login.defs ] || return 0
	# shellcheck disable=SC2034 # ep_x takes what is left of a line
	while read -r ep_key ep_value ep_x; do
		[ "$ep_key" != "$1" ] || ep_def=$ep_value
	done </etc/login.defs
}

# ensure_no_user NAME REMOVE_HOME FORCE
ensure_no_user() {
	entry passwd "$1" || return 0
	ep_user=$1 ep_force=$3
	ep_what=
	[ "$2" = 0 ] || ep_what=" and the home directory"
	if would "remove user $1$ep_what"; then
		if have userdel; then
			set --
			[ -z "$ep_what" ] || set -- -r
			[ "$ep_force" = 0 ] || set -- "$@" -f
			userdel "$@" "$ep_user" || ep_gone_or_fail
		else
			set --
			[ -z "$ep_what" ] || set -- --remove-home
			deluser "$@" "$ep_user" || ep_gone_or_fail
		fi
	fi
}

ep_gone_or_fail() {
	! entry passwd "$ep_user" || fail "can't remove user $ep_user" "a process of it may still run"
	warn "user $ep_user is gone, but not all that belonged to it"
}
