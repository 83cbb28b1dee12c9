# What fleet.yml says, written by hand.
set -eu
folder() {
	[ -d "$1" ] || mkdir "$1"
	[ "$(stat -c '%U:%G %a' "$1")" = "service:service $2" ] || { chown service:service "$1" && chmod "$2" "$1"; }
}
line() {
	grep -qxF "$3" "$1" && return
	if grep -q "$2" "$1"; then sed -i "s/$2.*/$3/" "$1"; else echo "$3" >>"$1"; fi
}
getent group service >/dev/null || groupadd service
getent passwd service >/dev/null || useradd -g service -d /srv/service -M -s /bin/sh service
folder /srv/service 755
folder /srv/service/data 700
folder /srv/service/log 750
want='# The settings of the service
listen = 0.0.0.0:8080
data = /srv/service/data'
[ -f /etc/service.conf ] && [ "$(cat /etc/service.conf)" = "$want" ] || echo "$want" >/etc/service.conf
[ "$(stat -c '%U:%G %a' /etc/service.conf)" = "root:service 640" ] || { chown root:service /etc/service.conf && chmod 640 /etc/service.conf; }
line /etc/sysctl.conf '^vm.swappiness' 'vm.swappiness = 1'
line /etc/sysctl.conf '^fs.file-max' 'fs.file-max = 1000000'
uname -r >/dev/null
stat /etc/service.conf >/dev/null
