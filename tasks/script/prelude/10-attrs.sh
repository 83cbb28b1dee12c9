# shellcheck shell=sh
# Paths, owners and modes. Verbs give their results in variables: inside $(…) the
# records of fail and warn would be lost.
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

# clean_at_exit: from now on $ep_scratch and $ep_beside are removed when the script
# ends, however it ends: ep_done sees to it, but for a subshell's own.
clean_at_exit() {
	read -r ep_me _ 2>/dev/null </proc/self/stat || return 0
	[ "$ep_me" != "$ep_self" ] || return 0
	trap 'rm -rf -- "${ep_scratch:-}" "${ep_beside:-}" 2>/dev/null' EXIT
	trap 'exit 143' HUP INT TERM
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

# my_uid: sets $ep_my_uid to the number of the user that the script runs as.
my_uid() {
	[ -z "${ep_my_uid:-}" ] || return 0
	while read -r ep_key _ ep_my_uid _; do
		[ "$ep_key" != Uid: ] || return 0
	done 2>/dev/null </proc/self/status || :
	ep_my_uid=$(id -u)
}

# entry DB NAME: sets $ep_line to the line of a name in passwd or group, from
# wherever the host looks them up. Until the script changes something, it looks
# each name up once.
entry() {
	if [ -n "${ep_changed:-}" ]; then
		look_up "$1" "$2"
		return
	fi
	case ${ep_entries:-} in
	*"
$1 $2 "*)
		ep_line=${ep_entries#*"
$1 $2 "}
		ep_line=${ep_line%%"
"*}
		;;
	*)
		look_up "$1" "$2" || ep_line=
		ep_entries="
$1 $2 $ep_line
${ep_entries:-}"
		;;
	esac
	[ -n "$ep_line" ]
}

# look_up DB NAME: as entry, afresh.
look_up() {
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
	if [ "$1:$2" = "${ep_ids_of:-}" ]; then
		ep_uid=${ep_ids%:*} ep_gid=${ep_ids#*:}
		return
	fi
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
	ep_ids_of=$1:$2 ep_ids=$ep_uid:$ep_gid
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
	*)
		ep_mode=$3
		while :; do case $ep_mode in 0?*) ep_mode=${ep_mode#0} ;; *) break ;; esac; done
		;;
	esac
}

# stat_of PATH...: sets $ep_now to "LINKS SIZE UID GID MODE OWNER:GROUP" of the first,
# and not of what it may lead to. The others are looked at with it: as long as the
# script changes nothing, none of them is looked at again right after.
stat_of() {
	if [ -z "${ep_changed:-}" ]; then
		case ${ep_stats:-} in *"
$1
"*)
			ep_now=${ep_stats#*"
$1
"}
			ep_now=${ep_now%%"
"*}
			return 0
			;;
		esac
	fi
	ep_all=$(stat -c '%h %s %u %g %a %U:%G' -- "$@") || fail "can't read the attributes of $*"
	ep_now=${ep_all%%"
"*} ep_stats="
"
	while IFS= read -r ep_each_stat; do
		ep_stats="$ep_stats$1
$ep_each_stat
"
		shift
	done <<-EP
		$ep_all
	EP
}

# attrs_of PATH: sets $ep_now_uid, $ep_now_gid and $ep_now_mode, and the names
# $ep_now_owner and $ep_now_group; follows links.
attrs_of() {
	if [ -L "$1" ]; then
		ep_now=$(stat -L -c '%u %g %a %U:%G' -- "$1") || fail "can't read the attributes of $1"
	else
		stat_of "$1"
		ep_now=${ep_now#* } ep_now=${ep_now#* }
	fi
	ep_now_uid=${ep_now%% *} ep_now=${ep_now#* }
	ep_now_gid=${ep_now%% *} ep_now=${ep_now#* }
	ep_now_mode=${ep_now%% *} ep_now=${ep_now#* } # names may hold spaces
	ep_now_owner=${ep_now%%:*} ep_now_group=${ep_now#*:}
}

# ensure_attrs PATH OWNER GROUP MODE: brings owner, group and mode of what
# exists to what is given; follows links.
ensure_attrs() {
	[ -n "$2$3$4" ] || return 0
	full_path "$1"
	attrs_of "$ep_full"
	case ${2:-$ep_now_owner}:${3:-$ep_now_group} in
	*UNKNOWN* | [0-9]* | *:[0-9]*) owner_ids "$2" "$3" ;;
	"$ep_now_owner:$ep_now_group") ep_uid='' ep_gid='' ;; # stat has looked the names up
	*) owner_ids "$2" "$3" ;;
	esac
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

# ensure_attrs_tree PATH OWNER GROUP MODE: ensure_attrs for a directory and all
# that is in it; links get an owner only.
ensure_attrs_tree() {
	full_path "$1"
	scratch
	ep_top=$ep_full
	find "$ep_top" -print >"$ep_scratch/found" || fail "can't read all of $ep_top"
	sort "$ep_scratch/found" >"$ep_scratch/tree"
	while IFS= read -r ep_each; do
		if [ -L "$ep_each" ]; then
			ensure_link_owner "$ep_each" "$2" "$3"
		else
			ensure_attrs "$ep_each" "$2" "$3" "$4"
		fi
	done <"$ep_scratch/tree"
}
