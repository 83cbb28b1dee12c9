# shellcheck shell=sh
# What is told of files, for register and for diffs of their state.

# tell_file PREFIX PATH: the facts PREFIX… of a path: state (absent, file,
# directory, link, hard), mode (four digits or more), uid, gid, owner, group,
# size. A link is told of itself.
tell_file() {
	full_path "$2"
	fact "${1}path" "$ep_full"
	if [ ! -e "$ep_full" ] && [ ! -L "$ep_full" ]; then
		fact "${1}state" absent
		return
	fi
	stat_of "$ep_full"
	read -r ep_links ep_size ep_uid ep_gid ep_mode ep_owner <<-EP
		$ep_now
	EP
	ep_group=${ep_owner#*:} ep_owner=${ep_owner%%:*}
	if [ -L "$ep_full" ]; then
		fact "${1}state" link
		link_of "$ep_full"
		fact "${1}src" "$ep_link"
	elif [ -d "$ep_full" ]; then
		fact "${1}state" directory
	elif [ "$ep_links" -gt 1 ]; then
		fact "${1}state" hard
	else
		fact "${1}state" file
	fi
	while [ ${#ep_mode} -lt 4 ]; do
		ep_mode=0$ep_mode
	done
	fact "${1}mode" "$ep_mode"
	fact "${1}uid" "$ep_uid"
	fact "${1}gid" "$ep_gid"
	fact "${1}size" "$ep_size"
	fact "${1}owner" "$ep_owner"
	fact "${1}group" "$ep_group"
}

# tell_stat PATH FOLLOW ALGORITHM: all that the stat task knows. An empty
# ALGORITHM leaves the checksum out.
tell_stat() {
	full_path "$1"
	fact path "$ep_full"
	if [ "$2" = 1 ]; then ep_follow=-L; else ep_follow=; fi
	if [ ! -e "$ep_full" ] && { [ ! -L "$ep_full" ] || [ -n "$ep_follow" ]; }; then
		fact exists no
		return
	fi
	fact exists yes
	fact stat "$(stat $ep_follow -c '%a %u %g %s %i %d %h %X %Y %Z %f %b %t %T %U %G' -- "$ep_full")"
	if [ -L "$ep_full" ] && [ -z "$ep_follow" ]; then
		fact lnk_target "$(readlink -- "$ep_full")"
		fact lnk_source "$(readlink -f -- "$ep_full" 2>/dev/null || readlink -- "$ep_full")"
	fi
	[ ! -r "$ep_full" ] || fact readable yes
	[ ! -w "$ep_full" ] || fact writeable yes
	[ ! -x "$ep_full" ] || fact executable yes
	if [ -n "$3" ] && [ -f "$ep_full" ] && [ -r "$ep_full" ] && { [ ! -L "$ep_full" ] || [ -n "$ep_follow" ]; }; then
		sum_of "$3" "$ep_full"
		fact checksum "$ep_sum"
	fi
}

# sum_of ALGORITHM FILE: sets $ep_sum to its checksum in hex. ALGORITHM is md5,
# sha1, sha224, sha256, sha384 or sha512.
sum_of() {
	if have "${1}sum"; then
		ep_sum=$("${1}sum" <"$2")
	elif have openssl; then
		ep_sum=$(openssl dgst "-$1" -r <"$2")
	elif have "$1"; then
		ep_sum=$("$1" -q <"$2")
	else
		fail "this host has no program for $1 checksums (${1}sum, openssl)"
	fi
	ep_sum=${ep_sum%% *}
}
