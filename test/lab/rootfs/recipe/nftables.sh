#!/bin/sh
# A host whose firewall is a hand-written nftables ruleset, closed but for SSH.
set -eu
dpkg --purge firewalld ufw >/dev/null
cat >/etc/nftables.conf <<'RULES'
#!/usr/sbin/nft -f

flush ruleset

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif lo accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport 22 accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
	chain output {
		type filter hook output priority filter; policy accept;
	}
}
RULES
systemctl -q enable nftables.service
