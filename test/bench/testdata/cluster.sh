# A member of an etcd cluster, written by hand. Above this stand mirror,
# version, members and names.
# shellcheck disable=SC2154
set -eu
echo "$names" | while read -r entry; do
	grep -qxF "$entry" /etc/hosts || echo "$entry" >>/etc/hosts
done
getent group etcd >/dev/null || groupadd etcd
getent passwd etcd >/dev/null || useradd -g etcd -m -d /home/etcd -s /bin/sh etcd
name=$(hostname)
address=$(echo "$names" | sed -n "s/ $name\$//p")
open=$(busctl --json=short call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1.zone getPorts s public)
case $open in
*2379*2380* | *2380*2379*) ;;
*)
	for how in "" --permanent; do
		firewall-cmd -q --zone=public --add-port=2379/tcp --add-port=2380/tcp $how
	done
	;;
esac
[ -d /home/etcd/data ] || { mkdir /home/etcd/data && chown etcd:etcd /home/etcd/data && chmod 700 /home/etcd/data; }
release=etcd-v$version-linux-$(dpkg --print-architecture)
if [ ! -x "/opt/etcd/$release/etcd" ]; then
	mkdir -p /opt/etcd && cd /opt/etcd
	curl -fsSO "$mirror/v$version/$release.tar.gz"
	curl -fsS "$mirror/v$version/SHA256SUMS" | grep " $release.tar.gz\$" | sha256sum -c --quiet
	tar -xzf "$release.tar.gz" --no-same-owner && rm "$release.tar.gz"
fi
want="[Unit]
After=network-online.target
Wants=network-online.target
[Service]
Type=notify
User=etcd
Restart=always
LimitNOFILE=65536
ExecStart=/opt/etcd/$release/etcd --name=$name --data-dir=/home/etcd/data --initial-advertise-peer-urls=http://$address:2380 --listen-peer-urls=http://$address:2380 --advertise-client-urls=http://$address:2379 --listen-client-urls=http://$address:2379 --initial-cluster=$members --initial-cluster-token=etcdcluster01
[Install]
WantedBy=multi-user.target"
unit=/etc/systemd/system/etcd.service
if [ ! -f $unit ] || [ "$(cat $unit)" != "$want" ]; then
	echo "$want" >$unit
	systemctl daemon-reload
fi
systemctl is-enabled --quiet etcd || systemctl enable --quiet etcd
systemctl is-active --quiet etcd || systemctl start --no-block etcd
n=0
until curl -fs "http://$address:2379/health" | grep -q '"health":"true"'; do
	n=$((n + 1))
	[ $n -lt 600 ] || exit 1
	sleep .05
done
