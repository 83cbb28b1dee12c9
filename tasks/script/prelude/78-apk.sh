# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of other files
# Packages of Alpine and of Arch. APK_FLAGS holds further options of apk,
# APK_UPGRADE is 1 or 0.

pkg_apk_stamp() {
	for ep_each in /var/cache/apk/APKINDEX.* /etc/apk/cache/APKINDEX.* /lib/apk/db/installed; do
		case $ep_each in */APKINDEX.*) pkg_mtime "$ep_each" ;; esac
	done
}

pkg_apk_update() {
	apk update --no-progress --wait "$PKG_WAIT"
}

pkg_apk() {
	have apk || fail "this host has no apk" "the package task works with other managers, too"
	[ "$APK_UPGRADE" = 0 ] || apk_do upgrade
	[ $# != 0 ] || return 0
	case $PKG_STATE in
	latest)
		apk_do add -u "$@"
		return
		;;
	esac
	ep_n=$#
	while [ "$ep_n" -gt 0 ]; do
		ep_spec=$1
		shift
		ep_n=$((ep_n - 1))
		ep_is=present
		# a virtual package of the host's own begins with a dot
		apk info -e "$ep_spec" >/dev/null 2>&1 || ep_is=absent
		[ "$ep_is" = "$PKG_STATE" ] || set -- "$@" "$ep_spec"
	done
	[ $# != 0 ] || return 0
	if [ "$PKG_STATE" = absent ]; then apk_do del "$@"; else apk_do add "$@"; fi
}

# apk_do VERB ARGUMENT...: plans by simulation, and does it.
apk_do() {
	ep_verb=$1
	shift
	# shellcheck disable=SC2086 # options without white space
	apk "$ep_verb" -s --no-progress --wait "$PKG_WAIT" $APK_FLAGS "$@" >"$ep_scratch/said" 2>&1 || {
		pkg_unknown "$@"
		return 0
	}
	awk '
		function bare(s) { gsub(/[()]/, "", s); return s }
		$1 !~ /^\([0-9]+\/[0-9]+\)$/ { next }
		$2 == "Installing" { print "install " $3 " " bare($4) }
		$2 == "Upgrading" { print "upgrade " $3 " from " bare($4) " to " bare($6) }
		$2 == "Downgrading" { print "downgrade " $3 " from " bare($4) " to " bare($6) }
		$2 == "Purging" { print "remove " $3 " " bare($4) }
		$2 == "Replacing" || $2 == "Reinstalling" { print "replace " $3 " " bare($4) }
	' "$ep_scratch/said" >"$ep_scratch/plan"
	# shellcheck disable=SC2086
	pkg_apply apk "$ep_verb" --no-progress --wait "$PKG_WAIT" $APK_FLAGS "$@"
}

pkg_pacman_stamp() {
	for ep_each in /var/lib/pacman/sync/*.db; do pkg_mtime "$ep_each"; done
}

pkg_pacman_update() {
	pacman -Sy --noconfirm
}

pkg_pacman() {
	have pacman || fail "this host has no pacman"
	[ $# != 0 ] || return 0
	ep_n=$#
	while [ "$ep_n" -gt 0 ]; do
		ep_spec=$1
		shift
		ep_n=$((ep_n - 1))
		ep_is=present
		if [ "$PKG_STATE" = absent ]; then
			pacman -Q -- "$ep_spec" >/dev/null 2>&1 || ep_is=absent
		else
			# -T prints what is not satisfied, provides and groups among it
			[ -z "$(pacman -T -- "$ep_spec" 2>/dev/null)" ] || ep_is=absent
		fi
		[ "$ep_is" = "$PKG_STATE" ] || set -- "$@" "$ep_spec"
	done
	[ $# != 0 ] || return 0
	ep_verb=-S
	[ "$PKG_STATE" != absent ] || ep_verb=-Rs
	ep_needed=--needed
	[ "$PKG_STATE" != absent ] || ep_needed=
	pacman $ep_verb ${ep_needed:+"$ep_needed"} -p --print-format '%n %v' -- "$@" >"$ep_scratch/said" 2>"$ep_scratch/errors" || {
		cat "$ep_scratch/errors" >>"$ep_scratch/said"
		pkg_unknown "$@"
		return 0
	}
	while read -r ep_name ep_version; do
		case $ep_name in '' | *:* | *[!A-Za-z0-9@._+-]*) continue ;; esac
		if [ "$PKG_STATE" = absent ]; then
			echo "remove $ep_name $ep_version"
		elif ep_has=$(pacman -Q -- "$ep_name" 2>/dev/null); then
			echo "upgrade $ep_name from ${ep_has#* } to $ep_version"
		else
			echo "install $ep_name $ep_version"
		fi
	done <"$ep_scratch/said" >"$ep_scratch/plan"
	pkg_apply pacman $ep_verb ${ep_needed:+"$ep_needed"} --noconfirm --noprogressbar -- "$@"
}
