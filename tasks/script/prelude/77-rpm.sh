# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of other files
# Packages of Red Hat, SUSE and their kin. DNF_FLAGS holds further options of dnf
# or yum; DNF_AUTOREMOVE is 1 or 0, and so is DNF_UPDATE_ONLY.

# dnf_any ARGUMENT...: whichever of its generations the host has.
dnf_any() {
	if have dnf5; then
		dnf5 "$@"
	elif have dnf; then
		dnf "$@"
	else
		yum "$@"
	fi
}

pkg_dnf_stamp() {
	for ep_each in /var/cache/dnf/*.solv /var/cache/libdnf5/*/solv/*.solv /var/cache/yum/*/*/*/repomd.xml; do pkg_mtime "$ep_each"; done
}

pkg_dnf_update() {
	dnf_any -y makecache
}

pkg_dnf() {
	have dnf5 || have dnf || have yum || fail "this host has neither dnf nor yum" "the package task works with other managers, too"
	set -f # DNF_FLAGS may hold an exclude with a *
	case $PKG_STATE in
	absent)
		rpm_keep installed "$@"
		[ -z "$ep_specs" ] || dnf_do remove "$ep_specs"
		;;
	present)
		rpm_keep missing "$@"
		[ -z "$ep_specs" ] || dnf_do install "$ep_specs"
		;;
	latest)
		# dnf upgrades only what is there, and installs only what is not
		rpm_keep missing "$@"
		[ -z "$ep_specs" ] || [ "$DNF_UPDATE_ONLY" = 1 ] || dnf_do install "$ep_specs"
		rpm_keep installed "$@"
		[ -z "$ep_specs" ] || dnf_do upgrade "$ep_specs"
		;;
	esac
	[ "$DNF_AUTOREMOVE" = 0 ] || dnf_do autoremove ''
}

# rpm_keep installed|missing SPEC...: sets $ep_specs to those, a line each. The
# spec * counts as installed.
rpm_keep() {
	ep_which=$1 ep_specs=
	shift
	for ep_spec in "$@"; do
		# dnf writes versions otherwise than the package task
		case $ep_manager,$ep_spec in dnf,*" "* | dnf,*[\<\>]*) ;; dnf,*=*) ep_spec=${ep_spec%%=*}-${ep_spec#*=} ;; esac
		ep_is=missing
		if [ "$ep_spec" = '*' ] || rpm_has "$ep_spec"; then ep_is=installed; fi
		[ "$ep_is" != "$ep_which" ] || ep_specs="$ep_specs$ep_spec
"
	done
}

# rpm_has SPEC: NAME, NAME-VERSION, a capability, a path, @GROUP, or a package
# file or its URL.
rpm_has() {
	case $1 in
	@*) dnf_group "${1#@}" ;;
	*.rpm)
		case $1 in *://*) ep_name=$(rpm -qp --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}' -- "$1" 2>/dev/null) || return 1 ;;
		*)
			full_path "$1"
			ep_name=$(rpm -qp --nosignature --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}' -- "$ep_full" 2>/dev/null) || return 1
			;;
		esac
		rpm -q -- "$ep_name" >/dev/null 2>&1
		;;
	*[!\<\>]=*) rpm -q -- "${1%%=*}-${1#*=}" >/dev/null 2>&1 ;;
	*) rpm -q -- "$1" >/dev/null 2>&1 || rpm -q --whatprovides -- "$1" >/dev/null 2>&1 ;;
	esac
}

dnf_group() {
	dnf_any -q group list --installed 2>/dev/null | grep -qiF -e "$1"
}

# dnf_do VERB SPECS: plans, and does it. SPECS are lines; * means no argument.
dnf_do() {
	ep_verb=$1
	ep_rest=$2
	set --
	while [ -n "$ep_rest" ]; do
		ep_spec=${ep_rest%%
*}
		ep_rest=${ep_rest#*
}
		[ "$ep_spec" = '*' ] || set -- "$@" "$ep_spec"
	done
	# it ends with 1 both when it obeys --assumeno and when it fails
	# shellcheck disable=SC2086 # options without white space
	dnf_any --assumeno $DNF_FLAGS "$ep_verb" "$@" >"$ep_scratch/said" 2>&1 || :
	dnf_plan
	if [ ! -s "$ep_scratch/plan" ] && grep -q '^Error:\|^Failed\|^No match for argument\|^No package .* available' "$ep_scratch/said"; then
		pkg_unknown "$@"
		return 0
	fi
	# shellcheck disable=SC2086
	pkg_apply dnf_any -y $DNF_FLAGS "$ep_verb" "$@"
}

# dnf_plan: makes the plan of the table that dnf shows before it asks. Names that
# are too long for their column have a line of their own.
dnf_plan() {
	awk '
		/^[^ ].*:$/ {
			verb = ""; carry = ""
			if (/^(Installing|Reinstalling)/) verb = "install"
			if (/^(Upgrading|Updating)/) verb = "upgrade"
			if (/^Downgrading/) verb = "downgrade"
			if (/^(Removing|Erasing)/) verb = "remove"
			next
		}
		/^Transaction Summary/ { verb = "" }
		verb == "" || !/^ / || $1 == "replacing" { next }
		NF == 1 { carry = $1; next }
		{
			if (carry != "") $0 = carry " " $0
			carry = ""
			if (NF >= 4) print verb " " $1 (verb == "install" || verb == "remove" ? " " : " to ") $3
		}
	' "$ep_scratch/said" >"$ep_scratch/plan"
}

pkg_zypper_stamp() {
	for ep_each in /var/cache/zypp/solv/*/solv; do pkg_mtime "$ep_each"; done
}

pkg_zypper_update() {
	zypper --non-interactive refresh
}

pkg_zypper() {
	have zypper || fail "this host has no zypper"
	case $PKG_STATE in
	absent)
		rpm_keep installed "$@"
		[ -z "$ep_specs" ] || zypper_do remove "$ep_specs"
		;;
	present)
		rpm_keep missing "$@"
		[ -z "$ep_specs" ] || zypper_do install "$ep_specs"
		;;
	latest)
		case "$*" in
		'*') zypper_do update '' ;;
		*)
			ep_specs=
			for ep_spec in "$@"; do
				ep_specs="$ep_specs$ep_spec
"
			done
			zypper_do install "$ep_specs"
			;;
		esac
		;;
	esac
}

zypper_do() {
	ep_verb=$1
	ep_rest=$2
	set --
	while [ -n "$ep_rest" ]; do
		set -- "$@" "${ep_rest%%
*}"
		ep_rest=${ep_rest#*
}
	done
	ep_old=
	# a version that is asked for may be an older one
	case $ep_verb,$* in install,*=*) ep_old=--oldpackage ;; esac
	zypper_run --xmlout "$ep_verb" --dry-run ${ep_old:+"$ep_old"} ${1:+--} "$@" >"$ep_scratch/said" 2>&1 || {
		pkg_unknown "$@"
		return 0
	}
	tr '>' '\n' <"$ep_scratch/said" | awk '
		function attr(name) {
			if (!match($0, " " name "=\"[^\"]*\"")) return ""
			return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
		}
		/<to-install/ { verb = "install" } /<to-upgrade/ { verb = "upgrade" }
		/<to-downgrade/ { verb = "downgrade" } /<to-remove/ { verb = "remove" } /<to-reinstall/ { verb = "install" }
		/<\/to-/ { verb = "" }
		/<solvable / && verb != "" { print verb " " attr("name") (verb == "install" || verb == "remove" ? " " : " to ") attr("edition") }
	' >"$ep_scratch/plan"
	pkg_apply zypper_run "$ep_verb" ${ep_old:+"$ep_old"} ${1:+--} "$@"
}

# zypper_run ARGUMENT...: some of its exit codes only tell that there is more to
# do: updates are waiting, or the host should be booted.
zypper_run() {
	ep_code=0
	zypper --non-interactive "$@" || ep_code=$?
	case $ep_code in 0 | 100 | 101 | 102 | 103 | 106) return 0 ;; esac
	return "$ep_code"
}
