# shellcheck shell=sh
# Plain nftables. In nftables a packet must pass every chain on its way, so a
# table of our own could open nothing: the rule goes to the top of each chain
# that filters input. It is kept in a file of our own that the host's ruleset
# file includes.

nft_kept=/etc/nftables/etcdplay.nft

# nftables_active: sets $fw_chains to the input chains that drop or reject
# something, one a line: FAMILY TABLE CHAIN.
nftables_active() {
	have nft || return 1
	fw_chains='' ep_table='' ep_chain=''
	ep_all=$(nft list chains 2>/dev/null) || return 1
	# a here-document and no pipe: its loop would run in a subshell
	# shellcheck disable=SC2034 # ep_5 is the word priority
	while read -r ep_1 ep_2 ep_3 ep_4 ep_5 ep_6; do
		case $ep_1 in
		table) ep_table="$ep_2 $ep_3" ;;
		chain) ep_chain=$ep_2 ;;
		type)
			case "$ep_2 $ep_3 $ep_4" in "filter hook input") ;; *) continue ;; esac
			case $ep_table in
			*" firewalld") continue ;;
			"ip filter" | "ip6 filter") [ "$ep_chain" != INPUT ] || ! have iptables || continue ;;
			"inet "* | "ip "* | "ip6 "*) ;;
			*) continue ;;
			esac
			nft_filters "$ep_6" || continue
			fw_chains="$fw_chains$ep_table $ep_chain
"
			;;
		esac
	done <<-EP
		$ep_all
	EP
	[ -n "$fw_chains" ]
}

# nft_filters POLICY: does the chain $ep_table $ep_chain keep anything out?
nft_filters() {
	case $1 in *"policy drop"*) return 0 ;; esac
	# shellcheck disable=SC2086 # family and table
	nft list chain $ep_table "$ep_chain" | grep -qE '(^|[[:space:]])(drop|reject|jump|goto)([[:space:]]|$)'
}

nftables_ready() {
	nft_conf=
	for ep_each in /etc/sysconfig/nftables.conf /etc/nftables.conf /etc/nftables.nft; do
		if [ -f "$ep_each" ]; then
			nft_conf=$ep_each
			break
		fi
	done
	if [ -z "$nft_conf" ]; then
		warn "this host has no file from which nftables is loaded at boot: what is opened lasts until then"
	elif have systemctl && ! systemctl -q is-enabled nftables 2>/dev/null; then
		warn "nftables.service is not enabled: whatever loads the rules at boot must load $nft_kept too"
	fi
}

# nft_rule: the rule as nft prints it.
nft_rule() {
	case $fw_family in
	ipv4) printf 'ip saddr %s ' "$fw_source" ;;
	ipv6) printf 'ip6 saddr %s ' "$fw_source" ;;
	esac
	printf '%s dport %s accept' "$fw_proto" "$fw_port"
}

# nft_each VERB: runs it for each chain that the rule belongs in, with $fw_chain;
# fails if one fails.
nft_each() {
	while read -r fw_chain; do
		case $fw_chain:$fw_family in :* | "ip "*:ipv6 | "ip6 "*:ipv4) continue ;; esac
		"$1" || return 1
	done <<-EP
		$fw_chains
	EP
}

# nft_handles: prints the handles of the rule in $fw_chain.
nft_handles() {
	ep_rule=$(nft_rule)
	# shellcheck disable=SC2086 # family, table and chain
	nft -a -nn list chain $fw_chain | while read -r ep_line; do
		ep_text=${ep_line%" # handle "*}
		case $ep_text in "$ep_rule" | "$ep_rule comment \""*) printf '%s\n' "${ep_line##* }" ;; esac
	done
}

nft_has() {
	[ -n "$(nft_handles)" ]
}

nft_add() {
	# shellcheck disable=SC2046,SC2086 # words
	nft_has || nft insert rule $fw_chain $(nft_rule) comment '"etcdplay"'
}

nft_delete() {
	for ep_each in $(nft_handles); do
		# shellcheck disable=SC2086 # family, table and chain
		nft delete rule $fw_chain handle "$ep_each" || return 1
	done
}

nftables_now() {
	if [ "$fw_state" = present ]; then
		nft_each nft_has
	else
		! nft_each nft_lacks
	fi
}

nft_lacks() {
	! nft_has
}

nftables_set_now() {
	if [ "$fw_state" = present ]; then nft_each nft_add; else nft_each nft_delete; fi
}

# nft_line: how the rule stands in our file. The first two commands make it load
# also where the chain is not there (any more).
nft_line() {
	# shellcheck disable=SC2086 # family, table and chain
	set -- $fw_chain
	printf 'add table %s %s; add chain %s; insert rule %s %s comment "etcdplay"' \
		"$1" "$2" "$fw_chain" "$fw_chain" "$(nft_rule)"
}

nft_file_has() {
	has_line "$nft_kept" "$(nft_line)"
}

nft_file_lacks() {
	! nft_file_has
}

nft_include="include \"/etc/nftables/etcdplay*.nft\""

nftables_kept() {
	if [ -z "$nft_conf" ]; then
		[ "$fw_state" = present ] # nothing to do, one way or the other
	elif [ "$fw_state" = present ]; then
		nft_each nft_file_has && has_line "$nft_conf" "$nft_include"
	else
		! nft_each nft_file_lacks
	fi
}

nft_file_add() {
	! nft_file_has || return 0
	append_line "$nft_kept" "$(nft_line)"
}

nft_file_delete() {
	! nft_file_has || delete_line "$nft_kept" "$(nft_line)"
}

nftables_set_kept() {
	if [ "$fw_state" = absent ]; then
		nft_each nft_file_delete
		return
	fi
	if [ ! -f "$nft_kept" ]; then
		[ -d /etc/nftables ] || mkdir -m 0755 /etc/nftables || return 1
		scratch
		printf '# Ports that etcdplay opened; included by %s.\n' "$nft_conf" >"$ep_scratch/nft"
		replace_file "$ep_scratch/nft" "$nft_kept" 0 0 0644
	fi
	nft_each nft_file_add
	has_line "$nft_conf" "$nft_include" || append_line "$nft_conf" "$nft_include"
}
