# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # variables of other files
# Packages. First the manager is asked what it would do, with all that this draws
# in: those are the changes. Then it does it. PKG_ variables say how:
#   STATE    present, latest or absent     UPDATE   1: the lists of packages first
#   VALID    … unless younger than so many seconds
#   WAIT     seconds to wait for a lock    ALONE    1: nothing is asked for but UPDATE
# and more for each manager, in its file.
# A manager is a verb pkg_NAME PACKAGE... that plans and applies, with a verb
# pkg_NAME_update and a verb pkg_NAME_stamp, which sets $ep_stamp to the age of the lists.

# ensure_packages VERB PACKAGE...: VERB is the manager's. It is named in full, since
# a shell reads only those files of the prelude whose verbs are named.
ensure_packages() {
	ep_manager=${1#pkg_}
	shift
	fact manager "$ep_manager"
	scratch
	: >"$ep_scratch/plan"
	: >"$ep_scratch/said"
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	if [ "$PKG_UPDATE" = 1 ]; then pkg_update; fi
	"pkg_$ep_manager" "$@"
}

# pkg_update: brings the lists of packages up to date unless they are young
# enough. It counts as a change only where nothing else is asked for.
pkg_update() {
	fact cache_updated False
	ep_stamp=
	"pkg_${ep_manager}_stamp"
	if [ "$PKG_VALID" -gt 0 ] && [ -n "$ep_stamp" ] && [ $(($(date +%s) - ep_stamp)) -lt "$PKG_VALID" ]; then return 0; fi
	if [ "$PKG_ALONE" = 1 ]; then would "update the lists of packages" || return 0; fi
	[ "$EP_CHECK" = 0 ] || return 0
	progress "updating the lists of packages"
	"pkg_${ep_manager}_update" >"$ep_scratch/said" 2>&1 || {
		pkg_said
		fail "the lists of packages can't be updated" "does the host reach its mirror?"
	}
	fact cache_updated True
}

# pkg_mtime FILE: sets $ep_stamp to when it was changed, if it is there and newer.
pkg_mtime() {
	[ -e "$1" ] || return 0
	ep_time=$(stat -L -c %Y -- "$1")
	if [ -z "$ep_stamp" ] || [ "$ep_time" -gt "$ep_stamp" ]; then ep_stamp=$ep_time; fi
}

# pkg_unknown PACKAGE...: the manager can't make a plan. In check mode, where the
# lists were to be updated first, that is no failure yet.
pkg_unknown() {
	if [ "$EP_CHECK$PKG_UPDATE$PKG_STATE" = 11present ] || [ "$EP_CHECK$PKG_UPDATE$PKG_STATE" = 11latest ]; then
		warn "$ep_manager can't tell yet what it would install, since the lists of packages are to be updated first: that is decided at run time"
		for ep_each in "$@"; do would "install $ep_each" || :; done
		return 0
	fi
	pkg_said
	fail "$ep_manager can't make $* $PKG_STATE"
}

# pkg_said: shows what the manager said.
pkg_said() {
	tail -c 8192 "$ep_scratch/said" >&2
}

# pkg_apply COMMAND ARGUMENT...: records the plan, and does it if there is one.
pkg_apply() {
	[ -s "$ep_scratch/plan" ] || return 0
	while IFS= read -r ep_line; do
		would "$ep_line" || :
	done <"$ep_scratch/plan"
	[ "$EP_CHECK" = 0 ] || return 0
	progress "$(head -n 1 "$ep_scratch/plan") ($(wc -l <"$ep_scratch/plan" | tr -d ' ') in all)"
	"$@" >"$ep_scratch/said" 2>&1 || {
		pkg_said
		fail "$ep_manager failed to $(head -n 1 "$ep_scratch/plan")"
	}
	fact stdout "$(tail -c 65536 "$ep_scratch/said")"
}
