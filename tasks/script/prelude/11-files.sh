# shellcheck shell=sh
# Directories and files: made, replaced, removed.

# what_is PATH: sets $ep_what to what kind of thing it is, in words.
what_is() {
	if [ -L "$1" ] && [ ! -e "$1" ]; then
		ep_what="a dangling link"
	elif [ -d "$1" ]; then
		ep_what="a directory"
	elif [ -f "$1" ]; then
		ep_what="a file"
	else
		ep_what="a device, socket or pipe"
	fi
}

# ensure_dir PATH OWNER GROUP MODE: a directory with these attributes. Parents
# that lack are made with the same; those that exist are left alone.
ensure_dir() {
	full_path "$1"
	ep_dir=$ep_full
	if [ -d "$ep_dir" ]; then
		ensure_attrs "$ep_dir" "$2" "$3" "$4"
		return
	fi
	ep_foreseen=${ep_foreseen:-
}
	# from the top down, so that each parent is a directory when it is used
	ep_rest=$ep_dir ep_sofar=
	while [ -n "$ep_rest" ]; do
		ep_part=${ep_rest%%/*}
		ep_sofar=$ep_sofar$ep_part
		case $ep_rest in */*) ep_rest=${ep_rest#*/} ;; *) ep_rest= ;; esac
		if [ -n "$ep_part" ] && [ ! -d "$ep_sofar" ]; then
			make_dir "$ep_sofar" "$2" "$3" "$4"
		fi
		ep_sofar=$ep_sofar/
	done
}

# make_dir PATH OWNER GROUP MODE: one level. In check mode it is recorded once,
# however many directories below it are made.
make_dir() {
	case $ep_foreseen in *"
$1
"*) return 0 ;; esac
	if [ -e "$1" ] || [ -L "$1" ]; then
		what_is "$1"
		fail "can't make the directory $ep_dir: $1 is $ep_what" "nothing was removed; move it away, or choose another path"
	fi
	if would "create directory $1"; then
		# its mode from the first moment: a parent that was made before the power failed is left alone
		ep_mode=
		[ -z "$4" ] || wanted_mode d "$(printf '%o' $((0777 & ~0$(umask))))" "$4"
		mkdir ${ep_mode:+-m "$(printf '%04o' "0$ep_mode")"} -- "$1" || fail "can't make the directory $1"
		new_attrs d "$2" "$3" "$4" "$1"
		policy_label "$1"
	else
		ep_foreseen="$ep_foreseen$1
"
		owner_ids "$2" "$3"
	fi
}

# ensure_content PATH TEXT OWNER GROUP MODE: a file with exactly this text.
ensure_content() {
	full_path "$1"
	if [ -f "$ep_full" ] && [ ! -L "$ep_full" ] && printf '%s' "$2" | cmp -s - "$ep_full"; then
		ensure_attrs "$ep_full" "$3" "$4" "$5"
		return
	fi
	scratch
	printf '%s' "$2" >"$ep_scratch/content" || fail "can't write to $ep_scratch"
	put_file "$ep_scratch/content" "$1" "$3" "$4" "$5"
}

# put_file NEW PATH OWNER GROUP MODE: a file at PATH with the contents of the
# file NEW, which is left alone. PATH is replaced in one step; where it can't be
# (a bind mount, a read-only folder) it is written in place. A link at PATH is
# replaced: use real_path to write through it. Obeys $FILE_BACKUP (1: keep a
# copy of the old file), $FILE_VALIDATE (a command with %s for the new file) and
# $FILE_EXPECT (the text that the old file must still have).
put_file() {
	full_path "$2"
	set -- "$1" "$ep_full" "$3" "$4" "$5"
	if [ -d "$2" ] && [ ! -L "$2" ]; then
		fail "$2 is a directory, not a file"
	elif [ -L "$2" ] || [ ! -e "$2" ]; then
		put_new_file "$@"
	elif [ ! -f "$2" ]; then
		what_is "$2"
		fail "$2 is $ep_what, not a file"
	else
		# first the attributes: new contents may be more secret than the old
		ensure_attrs "$2" "$3" "$4" "$5"
		if ! cmp -s -- "$1" "$2"; then
			validate_file "$1"
			expect_file "$2"
			show_diff "$2" "$2" "$1"
			if would "update $2"; then
				backup_file "$2"
				attrs_of "$2"
				replace_file "$1" "$2" "$ep_now_uid" "$ep_now_gid" "$ep_now_mode"
			fi
		fi
	fi
}

put_new_file() {
	validate_file "$1"
	ep_verb=create
	[ ! -L "$2" ] || ep_verb="replace the link"
	show_diff "$2" /dev/null "$1"
	if would "$ep_verb $2"; then
		case $2 in */*) ep_dir=${2%/*}/ ;; *) ep_dir=. ;; esac
		[ -d "$ep_dir" ] || fail "there is no directory ${ep_dir%/}" "make it first, with the mkdir task"
		replace_file "$1" "$2" "$3" "$4" "$5"
		policy_label "$2"
	else
		owner_ids "$3" "$4"
	fi
}

# replace_file NEW PATH OWNER GROUP MODE: no record; part of another change.
replace_file() {
	case $2 in */*) ep_base=${2##*/} ep_dir=${2%/*}/ ;; *) ep_base=$2 ep_dir=./ ;; esac
	clean_at_exit
	ep_moved=0
	if ep_beside=$(mktemp "$ep_dir.$ep_base.XXXXXX" 2>/dev/null); then
		cat -- "$1" >"$ep_beside" || fail "can't write $2" "is the disk full?"
		# who may write the file but not give a new one to its owner writes in place
		if [ -L "$2" ] || [ ! -f "$2" ] || chown -- "$3:$4" "$ep_beside" 2>/dev/null; then
			new_attrs f "$3" "$4" "$5" "$ep_beside"
			keep_label "$2" "$ep_beside"
			# the target is no directory: put_file has seen to it
			! mv -f -- "$ep_beside" "$2" 2>/dev/null || ep_moved=1
		fi
		rm -f -- "$ep_beside"
	fi
	ep_beside=
	[ $ep_moved = 1 ] || write_in_place "$@"
}

# write_in_place NEW PATH OWNER GROUP MODE: for where a rename can't be done. If
# the disk fills up the old contents come back.
write_in_place() {
	scratch
	if [ -e "$2" ]; then
		cat -- "$2" >"$ep_scratch/old" || fail "can't read $2"
	fi
	if ! cat -- "$1" >"$2"; then
		[ ! -e "$ep_scratch/old" ] || cat -- "$ep_scratch/old" >"$2" || :
		fail "can't write $2" "is the disk full or read-only?"
	fi
	[ -e "$ep_scratch/old" ] || new_attrs f "$3" "$4" "$5" "$2"
}

# keep_label OLD NEW: gives NEW the SELinux label of OLD.
keep_label() {
	if [ -e "$1" ] && [ -e /sys/fs/selinux/enforce ] && have chcon; then
		chcon --reference="$1" -- "$2" 2>/dev/null || :
	fi
}

# policy_label PATH: gives what was just made the SELinux label that the host's policy
# has for the path; by itself it has its folder's. Costs nothing without SELinux.
policy_label() {
	[ -e /sys/fs/selinux/enforce ] && have restorecon || return 0
	restorecon "$1" 2>/dev/null || :
}

# validate_file NEW: runs $FILE_VALIDATE on it, before anything changes.
validate_file() {
	[ -n "${FILE_VALIDATE:-}" ] || return 0
	case $FILE_VALIDATE in *%s*) ;; *) fail "validate must contain %s, which stands for the file: $FILE_VALIDATE" ;; esac
	ep_out=$(
		ep_new=$1
		set -f --
		for ep_word in $FILE_VALIDATE; do
			case $ep_word in *%s*) ep_word=${ep_word%%"%s"*}$ep_new${ep_word#*"%s"} ;; esac
			set -- "$@" "$ep_word"
		done
		"$@" 2>&1
	) || {
		printf '%s\n' "$ep_out" >&2
		fail "the new file did not pass: $FILE_VALIDATE"
	}
}

# expect_file PATH: fails if it does not hold the text $FILE_EXPECT, from which
# the controller made the new one.
expect_file() {
	[ -n "${FILE_EXPECT+set}" ] || return 0
	printf '%s' "$FILE_EXPECT" | cmp -s - "$1" ||
		fail "$1 was changed by someone else while it was being edited" "run again"
}

# backup_file PATH: keeps a copy if $FILE_BACKUP asks for it.
backup_file() {
	[ "${FILE_BACKUP:-0}" = 1 ] || return 0
	ep_backup=$1.$$.$(date +%Y-%m-%d@%H:%M:%S~)
	cp -p -- "$1" "$ep_backup" || fail "can't back $1 up as $ep_backup"
	fact backup_file "$ep_backup"
}

# real_path PATH: sets $ep_full to the file that a link leads to, or the path
# itself.
real_path() {
	full_path "$1"
	[ ! -L "$ep_full" ] || ep_full=$(readlink -f -- "$ep_full") || fail "can't follow the link $1"
}

# read_file PATH: prints a file for the controller to edit; tells by the fact
# "exists" whether it is there. At most 4 MiB, and one byte to tell that it is more.
read_file() {
	real_path "$1"
	fact path "$ep_full"
	if [ ! -e "$ep_full" ]; then
		fact exists no
		return
	elif [ ! -f "$ep_full" ]; then
		what_is "$ep_full"
		fail "$ep_full is $ep_what, not a file"
	fi
	fact exists yes
	head -c 4194305 -- "$ep_full" || fail "can't read $ep_full"
}

# ensure_absent PATH: nothing is there; a directory goes with all that is in it.
ensure_absent() {
	full_path "$1"
	[ -e "$ep_full" ] || [ -L "$ep_full" ] || return 0
	ep_dir=$ep_full
	[ -L "$ep_full" ] || [ ! -d "$ep_full" ] || ep_dir=$(cd -P -- "$ep_full" && pwd)
	case $ep_dir in
	/ | //* | /bin | /boot | /dev | /etc | /home | /lib | /lib64 | /proc | /root | /run | /sbin | /sys | /usr | /var)
		fail "$ep_dir is not removed: the host would not survive it"
		;;
	esac
	if would "remove $ep_full"; then
		rm -rf -- "$ep_full" || fail "can't remove $ep_full"
	fi
}
