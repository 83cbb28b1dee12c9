#!/bin/sh
# compile.sh MIRROR SUITE: leaves a static busybox in the current folder. It is
# Debian's, compiled again with the applets for users and groups, which Debian
# leaves out and other distributions of busybox have.
set -eu
mirror=$1 suite=$2

mkdir -p lists/partial cache
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >sources.list
set -- -q -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=- \
	-o Dir::State::lists="$PWD/lists" -o Dir::Cache::archives="$PWD/cache" -o APT::Sandbox::User=root
apt-get "$@" update
apt-get "$@" source busybox
cd busybox-*/

{
	for option in ADDUSER FEATURE_ADDUSER_TO_GROUP FEATURE_ADDUSER_LONG_OPTIONS FEATURE_CHECK_NAMES \
		ADDGROUP DELUSER DELGROUP FEATURE_DEL_USER_FROM_GROUP CHPASSWD; do
		echo "CONFIG_$option=y"
	done
	echo CONFIG_FIRST_SYSTEM_ID=100
	echo CONFIG_LAST_SYSTEM_ID=999
	echo CONFIG_LAST_ID=60000
	cat debian/config/pkg/static
} | awk '{ option = $0; gsub(/^# |=.*| is not set$/, "", option) }
	!/CONFIG_/ || !seen[option]++' >.config # the first mention wins
yes '' | make oldconfig
nice make -j2
cp busybox ..
