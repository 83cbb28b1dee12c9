# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of other files
# Packages of Debian and its kin. Beside PKG_ variables APT_ variables say how:
#   DEBS      1: the arguments are .deb files      UPGRADE  no, safe or full
#   FLAGS     further options of apt-get           PURGE, AUTOREMOVE, CLEAN, AUTOCLEAN  1 or 0
#   DPKG      dpkg's options, with commas
# APT_RUN are all options of apt-get, none with white space.

pkg_apt_stamp() {
	ep_lists=/var/lib/apt/lists/
	! have apt-config || eval "$(apt-config shell ep_lists Dir::State::lists/d)"
	pkg_mtime "$ep_lists"
	pkg_mtime /var/lib/apt/periodic/update-success-stamp
	fact cache_update_time "${ep_stamp:-0}"
}

pkg_apt_update() {
	apt-get -q -o APT::Update::Error-Mode=any -o "DPkg::Lock::Timeout=$PKG_WAIT" update || return
	touch "$ep_lists"
}

pkg_apt() {
	have apt-get || fail "this host has no apt-get" "the package task works with other managers, too"
	# what dpkg asks about configuration files is answered by its options
	APT_RUN="-y -q -o DPkg::Lock::Timeout=$PKG_WAIT"
	ep_rest=$APT_DPKG,
	while [ -n "${ep_rest%,}" ]; do
		APT_RUN="$APT_RUN -o Dpkg::Options::=--${ep_rest%%,*}"
		ep_rest=${ep_rest#*,}
	done
	APT_RUN="$APT_RUN $APT_FLAGS"
	# in one plan with the rest, which says what becomes superfluous
	[ "$APT_AUTOREMOVE" = 0 ] || APT_RUN="$APT_RUN --auto-remove"
	ep_did=0
	case $APT_UPGRADE in
	safe) apt_do upgrade --with-new-pkgs ;;
	full) apt_do dist-upgrade ;;
	esac
	case $PKG_STATE,$APT_DEBS in
	*,1) apt_debs "$@" ;;
	absent,*) apt_absent "$@" ;;
	*) apt_present "$@" ;;
	esac
	[ "$APT_AUTOREMOVE,$ep_did" != 1,0 ] || apt_do autoremove
	[ "$APT_AUTOCLEAN" = 0 ] || apt_do autoclean
	# what was downloaded and unpacked is no state that anybody declared
	if [ "$APT_CLEAN,$EP_CHECK" = 1,0 ]; then apt-get clean || fail "apt-get clean failed"; fi
}

# apt_do VERB ARGUMENT...: plans by simulation, and does it.
apt_do() {
	ep_did=1
	ep_dry=-s
	# not even caches and logs may change then
	[ "$EP_CHECK" = 0 ] || ep_dry="-s -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Dir::Log::Planner=/dev/null"
	# shellcheck disable=SC2086 # options without white space
	apt-get $ep_dry $APT_RUN "$@" >"$ep_scratch/said" 2>&1 || {
		shift
		pkg_unknown "$@"
		return 0
	}
	apt_plan
	# shellcheck disable=SC2086
	pkg_apply apt-get $APT_RUN "$@"
}

# apt_plan: makes the plan of what a simulation said.
apt_plan() {
	awk '
		function bare(s) { gsub(/[][()]/, "", s); return s }
		$1 == "Inst" && $3 ~ /^\[/ { print "upgrade " $2 " from " bare($3) " to " bare($4); next }
		$1 == "Inst" { print "install " $2 " " bare($3); next }
		$1 == "Remv" { print "remove " $2 " " bare($3); next }
		$1 == "Purg" { print "purge " $2 " " bare($3); next }
		$1 == "Del" { print "remove the download of " $2 " " $3 }
	' "$ep_scratch/said" >"$ep_scratch/plan"
}

# apt_has NAME: sets $ep_has to the version that is installed, else "", and
# $ep_status to dpkg's two letters.
apt_has() {
	ep_has='' ep_status=''
	ep_lines=$(dpkg-query -W -f '${db:Status-Abbrev}|${Version}\n' -- "$1" 2>/dev/null) || :
	while IFS='|' read -r ep_two ep_one; do
		case $ep_two in
		?i*) ep_has=$ep_one ep_status=$ep_two ;;
		*) [ -n "$ep_status" ] || ep_status=$ep_two ;;
		esac
	done <<-EOF
		$ep_lines
	EOF
}

# apt_present SPEC...: NAME, NAME=VERSION (* stands for any text), NAME/RELEASE.
apt_present() {
	[ $# != 0 ] || return 0
	ep_n=$#
	while [ "$ep_n" -gt 0 ]; do
		ep_spec=$1
		shift
		ep_n=$((ep_n - 1))
		apt_has "${ep_spec%%[=/]*}"
		case $PKG_STATE,$ep_spec in
		latest,*=* | present,*=*)
			# shellcheck disable=SC2254 # * is to match
			case $ep_has in ${ep_spec#*=}) continue ;; esac
			;;
		present,*) [ -z "$ep_has" ] || continue ;;
		esac
		set -- "$@" "$ep_spec"
	done
	[ $# = 0 ] || apt_do install "$@"
}

apt_absent() {
	[ $# != 0 ] || return 0
	ep_n=$#
	while [ "$ep_n" -gt 0 ]; do
		ep_spec=$1
		shift
		ep_n=$((ep_n - 1))
		apt_has "${ep_spec%%[=/]*}"
		case $ep_status,$APT_PURGE in
		'',* | ?n*,* | ?c*,0) continue ;;
		esac
		set -- "$@" "${ep_spec%%[=/]*}"
	done
	[ $# != 0 ] || return 0
	if [ "$APT_PURGE" = 1 ]; then apt_do purge "$@"; else apt_do remove "$@"; fi
}

# apt_debs FILE...
apt_debs() {
	ep_n=$#
	while [ "$ep_n" -gt 0 ]; do
		full_path "$1"
		shift
		ep_n=$((ep_n - 1))
		if [ ! -f "$ep_full" ]; then
			[ "$EP_CHECK" = 1 ] || fail "there is no file $ep_full" "bring it there first, with the copy or fetch task"
			warn "there is no file $ep_full yet: what it would bring is decided at run time"
			would "install $ep_full" || :
			continue
		fi
		ep_out=$(dpkg-deb -f "$ep_full" Package Version 2>&1) || fail "$ep_full is no Debian package"
		ep_name=${ep_out#*Package: }
		ep_version=${ep_out#*Version: }
		apt_has "${ep_name%%
*}"
		[ "$ep_has" != "${ep_version%%
*}" ] || continue
		set -- "$@" "$ep_full"
	done
	[ $# = 0 ] || apt_do install "$@"
}
