#!/bin/sh
# All tests: installs what they need (Debian, as root), then lint and fences,
# unit tests and the scripts under dash, bash and busybox, and end to end in
# the lab. What can't run here is said, loudly, and counted.
set -eu
cd "$(dirname "$0")/.."
part=${1:-all}
left_out=

say() { printf '\n== %s\n' "$*"; }
leave_out() {
	left_out="$left_out
  $1"
	printf '\n!! LEFT OUT: %s\n' "$1"
}

need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || missing="$missing $2"
}
missing=
need busybox busybox-static
need dash dash
need shellcheck shellcheck
need sshd openssh-server
need ssh openssh-client
need sudo sudo
need git git
need openssl openssl
need patch patch
if [ -n "$missing" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		say "installing$missing"
		apt-get update -qq
		# shellcheck disable=SC2086 # a list of packages
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
	else
		leave_out "tests that need$missing (not root on Debian: install them and run again)"
	fi
fi

if [ "$part" = all ]; then
	say "lint and fences"
	sh test/lint.sh
	say "unit tests"
	# shellcheck disable=SC2046 # a list of packages
	go test -timeout 40m $(go list ./... | grep -v -e /test/lab -e /test/e2e)
fi

say "end to end, on real hosts"
if [ "$(uname)" != Linux ] || [ "$(id -u)" != 0 ]; then
	leave_out "the lab and everything end to end: it needs root on Linux"
else
	go test -p 1 -timeout 80m ./test/lab/... ./test/e2e/...
fi

if [ -n "$left_out" ]; then
	printf '\n!! NOT EVERYTHING WAS TESTED:%s\n' "$left_out"
else
	printf '\nall tests passed\n'
fi
