#!/bin/sh
# assemble.sh BUSYBOX DEBIAN ROOT: makes the root of a host that has busybox for
# its userland and init, and the Debian root's dropbear for its SSH server.
set -eu
busybox=$1 debian=$2 root=$3

mkdir -p "$root"
cd "$root"
mkdir -p bin sbin usr/bin usr/sbin lib lib64 etc/init.d etc/dropbear dev proc sys run tmp opt srv home \
	var/lib var/log var/cache var/spool/cron/crontabs usr/local/bin
mkdir -m 700 root
mkdir -m 1777 var/tmp
chmod 1777 tmp
ln -s ../run var/run

cp "$busybox" bin/busybox
chroot . /bin/busybox --install -s

cp "$debian/usr/sbin/dropbear" usr/sbin/
chroot "$debian" ldd /usr/sbin/dropbear | grep -o '/lib[^ ]*' | while read -r library; do
	mkdir -p ".${library%/*}"
	cp -L "$debian$library" ".$library"
done

cat >etc/os-release <<'END'
ID=busybox
NAME="busybox and dropbear"
PRETTY_NAME="busybox and dropbear"
END
cat >etc/passwd <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
nobody:x:65534:65534:nobody:/:/bin/false
END
cat >etc/group <<'END'
root:x:0:
daemon:x:1:
adm:x:4:
tty:x:5:
nogroup:x:65534:
END
printf 'root:*:20000:0:99999:7:::\n' >etc/shadow
chmod 600 etc/shadow
printf '/bin/sh\n' >etc/shells
printf 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n' >etc/profile

cat >etc/inittab <<'END'
::sysinit:/etc/init.d/rcS
::respawn:/sbin/syslogd -n
::respawn:/usr/sbin/dropbear -F -E -s -r /etc/dropbear/dropbear_ed25519_host_key
::shutdown:/etc/init.d/rcK
END
cat >etc/init.d/rcS <<'END'
#!/bin/sh
# Sets up the network, then starts the services S?? in order.
ip link set lo up
while read -r address dev; do
	ip addr add "$address" dev "$dev"
	ip link set "$dev" up
done </etc/network.addresses
for service in /etc/init.d/S??*; do
	[ -x "$service" ] && "$service" start
done
END
cat >etc/init.d/rcK <<'END'
#!/bin/sh
# Stops the services S?? in reverse order.
for service in $(ls -r /etc/init.d/S??* 2>/dev/null); do
	[ -x "$service" ] && "$service" stop
done
END
chmod 755 etc/init.d/rcS etc/init.d/rcK
