# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# Settings of the kernel.

# ensure_sysctl NAME VALUE FILE SET RELOAD IGNORE: the setting stands in FILE, once;
# with an empty VALUE not at all. SET: the kernel has it too. RELOAD: after a change
# of the file it gets all of that. IGNORE: what the kernel does not take is a warning.
# The last three are 1 or 0.
ensure_sysctl() {
	sysctl_ignore=$6
	# a name whose first separator is a slash is a path already
	case $1 in
	*/*) case ${1%%/*} in *.*) sysctl_path=$(printf '%s' "$1" | tr ./ /.) ;; *) sysctl_path=$1 ;; esac ;;
	*) sysctl_path=$(printf '%s' "$1" | tr . /) ;;
	esac
	real_path "$3"
	set -- "$1" "$2" "$ep_full" "$4" "$5"
	if [ -n "$2" ]; then
		if [ "$4$5" != 00 ] && [ ! -e "/proc/sys/$sysctl_path" ]; then
			sysctl_no "this kernel has no setting $1" "is a module missing that brings it?"
			set -- "$1" "$2" "$3" 0 0
		fi
		[ "$4" = 0 ] || sysctl_live "$1" "$2"
	fi
	scratch
	ep_old=$3
	[ -f "$3" ] || ep_old=/dev/null
	SYSCTL_PATH=$sysctl_path SYSCTL_LINE=$1=$2 SYSCTL_VALUE=$2 awk '
		function path(name, first) {
			sub(/^-/, "", name)
			match(name, /[.\/]/)
			if (substr(name, RSTART, 1) == "/") return name
			gsub(/\//, "\001", name); gsub(/\./, "/", name); gsub(/\001/, ".", name)
			return name
		}
		function trimmed(text) {
			gsub(/[ \t]+/, " ", text); sub(/^ /, "", text); sub(/ $/, "", text)
			return text
		}
		{
			at = index($0, "=")
			if ($0 ~ /^[ \t]*[#;]/ || at == 0 || path(trimmed(substr($0, 1, at - 1))) != ENVIRON["SYSCTL_PATH"]) {
				print
				next
			}
			if (ENVIRON["SYSCTL_VALUE"] == "" || seen++) next
			if (trimmed(substr($0, at + 1)) == ENVIRON["SYSCTL_VALUE"]) print
			else print ENVIRON["SYSCTL_LINE"]
		}
		END { if (ENVIRON["SYSCTL_VALUE"] != "" && !seen) print ENVIRON["SYSCTL_LINE"] }
	' "$ep_old" >"$ep_scratch/sysctl" || fail "can't read $3"
	if [ ! -e "$3" ] && [ ! -s "$ep_scratch/sysctl" ] || cmp -s -- "$ep_scratch/sysctl" "$3"; then
		return 0
	fi
	put_file "$ep_scratch/sysctl" "$3" "" "" ""
	[ "$5" = 1 ] && [ "$EP_CHECK" = 0 ] || return 0
	if have sysctl; then
		ep_said=$(sysctl -p "$3" 2>&1) || sysctl_no "the kernel does not take all of $3: $ep_said" "the file is written; it is tried again at the next boot"
	elif [ -n "$2" ] && [ "$4" = 0 ]; then
		sysctl_write "$1" "$2"
	fi
}

# sysctl_live NAME VALUE: the kernel has the value.
sysctl_live() {
	{ ep_now=$(tr -s ' \t' ' ' <"/proc/sys/$sysctl_path") || ep_now=; } 2>/dev/null
	ep_now=${ep_now% }
	[ "${ep_now# }" != "$2" ] || return 0
	! would "set $1 to $2 (was ${ep_now:-unknown})" || sysctl_write "$1" "$2"
}

# sysctl_write NAME VALUE: tells the kernel. No record; part of another change.
sysctl_write() {
	printf '%s\n' "$2" 2>/dev/null >"/proc/sys/$sysctl_path" ||
		sysctl_no "the kernel does not take $2 for $1" "only root may, and in a container often nobody"
}

# sysctl_no TEXT HINT: fails, or warns where that is wanted.
sysctl_no() {
	[ "$sysctl_ignore" = 1 ] || fail "$1" "$2"
	warn "$1"
}
