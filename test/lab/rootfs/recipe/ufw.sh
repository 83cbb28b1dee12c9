#!/bin/sh
# A host whose firewall is ufw, closed but for SSH.
set -eu
dpkg --purge firewalld >/dev/null
ufw allow 22/tcp >/dev/null
sed -i 's/^ENABLED=.*/ENABLED=yes/' /etc/ufw/ufw.conf
systemctl -q enable ufw.service
