# shellcheck shell=sh
# The file task: a path and what it is to be.

# file_state PATH STATE SRC OWNER GROUP MODE, with $FILE_RECURSE, $FILE_FORCE,
# $FILE_FOLLOW, $FILE_ATIME and $FILE_MTIME.
file_state() {
	full_path "$1"
	file_path=$ep_full
	case $2 in
	absent) ensure_absent "$file_path" ;;
	directory)
		ensure_dir "$file_path" "$4" "$5" "$6"
		if [ "$FILE_RECURSE" = 1 ] && [ -d "$file_path" ]; then
			ensure_attrs_tree "$file_path/." "$4" "$5" "$6"
		fi
		;;
	link)
		file_link "$3"
		if [ "$FILE_FOLLOW" = 0 ]; then
			ensure_link_owner "$file_path" "$4" "$5"
		elif [ -e "$file_path" ]; then
			ensure_attrs "$file_path" "$4" "$5" "$6"
		fi
		;;
	hard)
		ensure_hardlink "$3" "$file_path" "$FILE_FORCE"
		[ ! -e "$file_path" ] || ensure_attrs "$file_path" "$4" "$5" "$6"
		;;
	touch) file_touch "$4" "$5" "$6" ;;
	*)
		if [ ! -e "$file_path" ] && [ ! -L "$file_path" ]; then
			fail "$file_path is absent, cannot continue" "state: touch makes an empty file, state: directory a directory"
		elif [ "$2" = file ] && [ -d "$file_path" ]; then
			fail "$file_path is a directory, cannot continue"
		elif [ -L "$file_path" ] && [ "$FILE_FOLLOW" = 0 ]; then
			ensure_link_owner "$file_path" "$4" "$5"
		else
			ensure_attrs "$file_path" "$4" "$5" "$6"
		fi
		;;
	esac
}

# file_link SRC: a link; without SRC the one that is there stays.
file_link() {
	if [ -z "$1" ]; then
		[ -L "$file_path" ] || fail "src is required for a new link"
		return
	fi
	case $1 in /*) ep_to=$1 ;; *) ep_to=${file_path%/*}/$1 ;; esac
	if [ ! -e "$ep_to" ] && [ "$FILE_FORCE" = 0 ] && [ "$EP_CHECK" = 0 ]; then
		fail "src file does not exist: $ep_to" "force: true makes the link all the same"
	fi
	ensure_symlink "$1" "$file_path" "$FILE_FORCE"
}

# file_touch OWNER GROUP MODE
file_touch() {
	if [ ! -e "$file_path" ]; then
		scratch
		: >"$ep_scratch/empty"
		real_path "$file_path"
		put_file "$ep_scratch/empty" "$ep_full" "$1" "$2" "$3"
		return
	fi
	ensure_attrs "$file_path" "$1" "$2" "$3"
	ep_times=
	[ "$FILE_ATIME" = preserve ] || file_time -a "$FILE_ATIME" %X
	[ "$FILE_MTIME" = preserve ] || file_time -m "$FILE_MTIME" %Y
}

# file_time -a|-m TIME STAT_FORMAT: one of the times; empty and now are now.
file_time() {
	case $2 in
	'' | now)
		# both at once are one change
		if [ "$1" = -m ] && [ "$ep_times" = now ]; then
			[ "$EP_CHECK" = 1 ] || touch -m -- "$file_path" || fail "can't touch $file_path"
		elif would "touch $file_path"; then
			touch "$1" -- "$file_path" || fail "can't touch $file_path"
		fi
		ep_times=now
		;;
	*)
		scratch
		touch -t "$2" -- "$ep_scratch/time" || fail "$2 is no time"
		if [ "$(stat -c %Y "$ep_scratch/time")" != "$(stat -L -c "$3" -- "$file_path")" ] && would "touch $file_path to $2"; then
			touch "$1" -t "$2" -- "$file_path" || fail "can't touch $file_path"
		fi
		;;
	esac
}
