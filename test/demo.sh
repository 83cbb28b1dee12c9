#!/bin/sh
# The main job on three real hosts of this machine: site.yml, unmodified, from
# bare hosts to a verified etcd cluster. The hosts stay up to look around in.
set -eu
cd "$(dirname "$0")/.."

if [ "$(uname)" != Linux ] || [ "$(id -u)" != 0 ]; then
	echo "the demo makes hosts with systemd in namespaces of their own: it needs root on Linux" >&2
	echo "without root, try a cluster on this machine:  bin/etcdplay run local.yml" >&2
	exit 1
fi
go build -o bin/lab ./test/lab

echo "== three bare hosts (the first time this builds their root file system and etcd: some minutes)"
bin/lab --name demo up --fresh --hosts 3
bin/lab --name demo status >bin/demo.status

# The lab's inventory, and where its releases are: it has no way to the internet.
sed -n 's/^inventory  *//p' bin/demo.status | xargs cat >bin/demo.ini
printf "\n[etcd:vars]\netcd_mirrors=['%s']\n" "$(sed -n 's/^releases  *//p' bin/demo.status)" >>bin/demo.ini

echo
echo "== etcdplay run site.yml -i bin/demo.ini"
bin/lab --name demo run bin/etcdplay run site.yml -i bin/demo.ini

cat <<TEXT

The cluster runs. Look around:

  bin/lab --name demo status                                    the hosts
  bin/lab --name demo exec peer1 'systemctl status etcd'        a command on one of them
  bin/lab --name demo run bin/etcdplay run site.yml -i bin/demo.ini
                                                                again: nothing changes
  bin/lab --name demo run bin/etcdplay run restart.yml -i bin/demo.ini --prove
                                                                while a load writes: nothing is lost
  bin/lab --name demo kill peer3                                pull a plug; boot peer3 to put it back

and clean up:  make demo-down
TEXT
