#!/bin/sh
# A host with no firewall service at all.
set -eu
dpkg --purge firewalld ufw >/dev/null
