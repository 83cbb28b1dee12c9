# shellcheck shell=sh
# Open ports, at run time and after a reboot, in whichever firewall the host
# has. A backend NAME has the verbs NAME_active, NAME_ready (may fail with what
# is wrong), NAME_now and NAME_kept (is the port open now, after a reboot?), and
# NAME_set_now and NAME_set_kept (open or close it; no harm where it is). These see
#
#   $fw_port    2379 or 7000-7010
#   $fw_proto   tcp, udp, sctp, dccp
#   $fw_source  an address or network that alone may come in; empty: everybody
#   $fw_family  ipv4 or ipv6, of the source; empty without one
#   $fw_zone    firewalld's zone
#   $fw_state   present, absent

# use_firewall BACKEND ZONE STATE: finds the firewall, sets $fw_backends. That is
# one word, except where iptables and nftables both have rules that filter.
use_firewall() {
	fw_zone=$2 fw_state=$3 fw_backends=
	my_uid
	[ "$ep_my_uid" = 0 ] || fail "only root may look at the firewall" "become: true"
	if [ "$1" != auto ]; then
		"${1}_active" || fail "$1 is not active on this host" "${fw_why:-backend: auto finds the one that is}"
		fw_backends=$1
	elif firewalld_active; then
		fw_backends=firewalld
	elif ufw_active; then
		fw_backends=ufw
	else
		! iptables_active || fw_backends=iptables
		! nftables_active || fw_backends=$fw_backends${fw_backends:+ }nftables
	fi
	fact backend "${fw_backends:-none}"
	[ -n "$fw_backends" ] || warn "no firewall is active on this host, so its ports are open already${fw_why:+; $fw_why}"
	for fw_backend in $fw_backends; do
		"${fw_backend}_ready"
	done
}

# firewall_port PORT PROTO SOURCE FAMILY: one port, open or closed as the state
# says.
firewall_port() {
	fw_port=$1 fw_proto=$2 fw_source=$3 fw_family=$4
	fw_now=0 fw_kept=0
	for fw_backend in $fw_backends; do
		if "${fw_backend}_now"; then fw_is=present; else fw_is=absent; fi
		[ "$fw_is" = "$fw_state" ] || fw_now=1
		if "${fw_backend}_kept"; then fw_is=present; else fw_is=absent; fi
		[ "$fw_is" = "$fw_state" ] || fw_kept=1
	done
	fw_what="open $fw_port/$fw_proto"
	[ "$fw_state" = present ] || fw_what="close $fw_port/$fw_proto"
	[ -z "$fw_source" ] || fw_what="$fw_what to $fw_source"
	[ "$fw_backends" != firewalld ] || fw_what="$fw_what in zone $fw_zone"
	case $fw_now$fw_kept in
	00) return 0 ;;
	10) fw_what="$fw_what at run time" ;;
	01) fw_what="$fw_what permanently" ;;
	esac
	if would "$fw_what"; then
		# what is kept first: if it fails nothing is open that a reboot would close
		for fw_backend in $fw_backends; do
			[ $fw_kept = 0 ] || "${fw_backend}_set_kept" || fail "can't $fw_what"
			[ $fw_now = 0 ] || "${fw_backend}_set_now" || fail "can't $fw_what"
		done
	fi
}

# append_line FILE LINE: puts a line at the end; no record, part of another
# change.
append_line() {
	scratch
	while IFS= read -r ep_line || [ -n "$ep_line" ]; do
		printf '%s\n' "$ep_line"
	done <"$1" >"$ep_scratch/lines"
	printf '%s\n' "$2" >>"$ep_scratch/lines"
	replace_lines "$1"
}

# delete_line FILE LINE: takes all lines out that are exactly this; no record.
delete_line() {
	scratch
	while IFS= read -r ep_line || [ -n "$ep_line" ]; do
		[ "$ep_line" = "$2" ] || printf '%s\n' "$ep_line"
	done <"$1" >"$ep_scratch/lines"
	replace_lines "$1"
}

replace_lines() {
	attrs_of "$1"
	replace_file "$ep_scratch/lines" "$1" "$ep_now_uid" "$ep_now_gid" "$ep_now_mode"
}

# has_line FILE LINE: is there a line that is exactly this?
has_line() {
	[ -f "$1" ] && grep -qxF -e "$2" -- "$1"
}
