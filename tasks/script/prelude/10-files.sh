# shellcheck shell=sh
# Files, directories, links, and who owns them. Verbs give their results in
# variables: inside $(…) the records of fail and warn would be lost.
#
# Every PATH may begin with ~ or ~USER. OWNER and GROUP are names or numbers,
# MODE is octal or symbolic as for chmod; an empty one is left alone.

# scratch: makes $ep_scratch, a folder for temporary files that goes away when
# the script ends.
scratch() {
	[ -z "${ep_scratch:-}" ] || return 0
	ep_scratch=$(mktemp -d "${TMPDIR:-/tmp}/.etcdplay.XXXXXX") ||
		fail "can't make a temporary folder in ${TMPDIR:-/tmp}" "is the disk full or read-only?"
	clean_at_exit
}

# clean_at_exit: from now on removes $ep_scratch and $ep_beside when the script
# ends, however it ends.
clean_at_exit() {
	trap 'rm -rf -- "${ep_scratch:-}" "${ep_beside:-}" 2>/dev/null' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# full_path PATH: sets $ep_full to it, with ~ replaced.
full_path() {
	ep_full=$1
	# shellcheck disable=SC2088 # a literal tilde is what is looked for
	case $1 in
	"~" | "~/"*)
		[ -n "${HOME:-}" ] || fail "HOME is not set, so $1 means nothing"
		ep_full=${HOME%/}${1#"~"}
		;;
	"~"*)
		ep_name=${1#"~"}
		ep_name=${ep_name%%/*}
		entry passwd "$ep_name" || fail "there is no user $ep_name whose home ~$ep_name could be"
		ep_line=${ep_line%:*}
		ep_full=${ep_line##*:}${1#"~$ep_name"}
		;;
	esac
}

# entry DB NAME: sets $ep_line to the line of a name in passwd or group, from
# wherever the host looks them up.
entry() {
	if have getent; then
		# a number would be looked up as an id
		case $2 in '' | *[!0-9]*) ;; *) return 1 ;; esac
		ep_line=$(getent "$1" "$2") && [ -n "$ep_line" ]
		return
	fi
	local_entry "/etc/$1" "$2"
}

# local_entry FILE NAME: sets $ep_line to the line of a name in a file like
# /etc/passwd.
local_entry() {
	while IFS= read -r ep_line || [ -n "$ep_line" ]; do
		case $ep_line in "$2":*) return 0 ;; esac
	done <"$1"
	return 1
}

# owner_ids OWNER GROUP: sets $ep_uid and $ep_gid to their numbers. A name that
# does not exist fails; in check mode an earlier task may be going to make it:
# the name itself then stands for the number.
owner_ids() {
	[ "$1:$2" != "${ep_ids_of:-}" ] || return 0
	ep_uid=$1 ep_gid=$2
	case $1 in
	*[!0-9]*)
		if entry passwd "$1"; then
			ep_line=${ep_line#*:*:}
			ep_uid=${ep_line%%:*}
		elif [ "$EP_CHECK" = 0 ]; then
			fail "there is no user $1" "make it first, with the user task"
		fi
		;;
	esac
	case $2 in
	*[!0-9]*)
		if entry group "$2"; then
			ep_line=${ep_line#*:*:}
			ep_gid=${ep_line%%:*}
		elif [ "$EP_CHECK" = 0 ]; then
			fail "there is no group $2" "make it first, with the group task"
		fi
		;;
	esac
	ep_ids_of=$1:$2
}

# wanted_mode d|f NOW MODE: sets $ep_mode to the octal digits that MODE makes of
# the mode NOW (octal) of a directory or file, without leading zeros.
wanted_mode() {
	case $3 in
	'') ep_mode=$2 ;;
	*[!0-7]*)
		scratch
		rm -rf -- "$ep_scratch/mode"
		if [ "$1" = d ]; then mkdir "$ep_scratch/mode"; else : >"$ep_scratch/mode"; fi
		# five digits: with fewer GNU chmod keeps the setgid bit of directories
		chmod "$(printf '%05o' "0$2")" "$ep_scratch/mode"
		chmod -- "$3" "$ep_scratch/mode" || fail "$3 is no mode that chmod understands"
		ep_mode=$(stat -c %a "$ep_scratch/mode")
		;;
	*) ep_mode=$(printf '%o' "0$3") ;;
	esac
}

# attrs_of PATH: sets $ep_now_uid, $ep_now_gid and $ep_now_mode; follows links.
attrs_of() {
	ep_now=$(stat -L -c '%u %g %a' -- "$1") || fail "can't read the attributes of $1"
	ep_now_mode=${ep_now##* }
	ep_now=${ep_now% *}
	ep_now_uid=${ep_now% *} ep_now_gid=${ep_now#* }
}

# ensure_attrs PATH OWNER GROUP MODE: brings owner, group and mode of what
# exists to what is given; follows links.
ensure_attrs() {
	[ -n "$2$3$4" ] || return 0
	full_path "$1"
	attrs_of "$ep_full"
	owner_ids "$2" "$3"
	if [ -d "$ep_full" ]; then ep_kind=d; else ep_kind=f; fi
	wanted_mode $ep_kind "$ep_now_mode" "$4"
	ep_chown=
	[ "${ep_uid:-$ep_now_uid}" = "$ep_now_uid" ] || ep_chown=$ep_uid
	[ "${ep_gid:-$ep_now_gid}" = "$ep_now_gid" ] || ep_chown=$ep_chown:$ep_gid
	if [ -n "$ep_chown" ] && would "chown $2${3:+:$3} $ep_full"; then
		chown -- "$ep_chown" "$ep_full" ||
			fail "can't change the owner of $ep_full" "only root may: is become set?"
		# chown takes the setuid and setgid bits away
		[ "$ep_mode" != "$ep_now_mode" ] || set_mode "$ep_mode" "$ep_full"
	fi
	if [ "$ep_mode" != "$ep_now_mode" ] && would "chmod $4 $ep_full"; then
		set_mode "$ep_mode" "$ep_full"
	fi
}

# set_mode OCTAL PATH: no record; part of another change.
set_mode() {
	chmod "$(printf '%05o' "0$1")" "$2" || fail "can't change the mode of $2"
}

# new_attrs d|f OWNER GROUP MODE PATH: gives what was just made its owner, group
# and mode; no record. Without a MODE a file gets what the umask leaves.
new_attrs() {
	owner_ids "$2" "$3"
	if [ -n "$2$3" ]; then
		chown -- "$ep_uid${ep_gid:+:$ep_gid}" "$5" ||
			fail "can't give $5 to $2${3:+:$3}" "only root may: is become set?"
	fi
	# a directory keeps what its parent made it inherit, unless told
	[ "$1$4" != d ] || return 0
	ep_new_mode=$((0777 & ~0$(umask)))
	[ "$1" = d ] || ep_new_mode=$((ep_new_mode & 0666))
	wanted_mode "$1" "$(printf '%o' $ep_new_mode)" "$4"
	set_mode "$ep_mode" "$5"
}

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

make_dir() {
	if [ -e "$1" ] || [ -L "$1" ]; then
		what_is "$1"
		fail "can't make the directory $ep_dir: $1 is $ep_what" "nothing was removed; move it away, or choose another path"
	fi
	if would "create directory $1"; then
		mkdir ${4:+-m 0700} -- "$1" || fail "can't make the directory $1"
		new_attrs d "$2" "$3" "$4" "$1"
	else
		owner_ids "$2" "$3"
	fi
}

# ensure_content PATH TEXT OWNER GROUP MODE: a file with exactly this text.
ensure_content() {
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
# "exists" whether it is there. At most 4 MiB.
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
	[ "$(wc -c <"$ep_full")" -le 4194304 ] || fail "$ep_full is too large to be edited (over 4 MiB)"
	fact exists yes
	cat -- "$ep_full" || fail "can't read $ep_full"
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

# ensure_symlink TARGET PATH FORCE: a symbolic link. What is in the way is a
# failure, or with FORCE 1 replaced; a directory only if it is empty.
ensure_symlink() {
	full_path "$2"
	if [ -L "$ep_full" ]; then
		[ "$(readlink -- "$ep_full")" != "$1" ] || return 0
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

# ensure_attrs_tree PATH OWNER GROUP MODE: ensure_attrs for a directory and all
# that is in it; links get an owner only.
ensure_attrs_tree() {
	full_path "$1"
	scratch
	ep_top=$ep_full
	find "$ep_top" -print >"$ep_scratch/tree" || fail "can't read all of $ep_top"
	while IFS= read -r ep_each; do
		if [ -L "$ep_each" ]; then
			ensure_link_owner "$ep_each" "$2" "$3"
		else
			ensure_attrs "$ep_each" "$2" "$3" "$4"
		fi
	done <"$ep_scratch/tree"
}
