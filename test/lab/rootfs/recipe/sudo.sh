#!/bin/sh
# A firewalld host that lets no root in: one logs in as deploy (UID 1000) and
# needs deploy's password for sudo. The password is hosts.SudoPassword.
set -eu
useradd --create-home --shell /bin/bash --groups sudo deploy
echo 'deploy:correct horse' | chpasswd
printf 'PermitRootLogin no\nPasswordAuthentication no\n' >/etc/ssh/sshd_config.d/lab.conf
