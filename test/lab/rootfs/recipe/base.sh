#!/bin/sh
# Runs inside the new root file system, once, after debootstrap.
set -eu

# Each host gets keys, an identity and a network of its own (package hosts).
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
rm -f /etc/resolv.conf /etc/hostname

# Debian enables what it installs. Here everything is installed and only what
# a fresh server would run is enabled: a role under test enables the rest.
systemctl -q disable ufw.service nftables.service redis-server.service redis-sentinel.service
systemctl -q disable e2scrub_reap.service e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer \
	dpkg-db-backup.timer fstrim.timer
systemctl -q mask console-getty.service getty.target systemd-timesyncd.service
systemctl -q enable firewalld.service ssh.service
# A network file that sorts before systemd's own 80-container-host0.network
# comes with each host.
systemctl -q enable systemd-networkd.service

rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /usr/share/doc/* /usr/share/locale/*
