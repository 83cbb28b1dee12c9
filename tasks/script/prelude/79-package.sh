# shellcheck shell=sh
# The host's own package manager.

# ensure_host_packages PACKAGE...
ensure_host_packages() {
	if have apt-get; then
		ensure_packages pkg_apt "$@"
	elif have dnf5 || have dnf || have yum; then
		ensure_packages pkg_dnf "$@"
	elif have zypper; then
		ensure_packages pkg_zypper "$@"
	elif have apk; then
		ensure_packages pkg_apk "$@"
	elif have pacman; then
		ensure_packages pkg_pacman "$@"
	else
		fail "this host has no package manager that is known here" "known are apt, dnf, yum, zypper, apk and pacman"
	fi
}
