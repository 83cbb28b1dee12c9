# shellcheck shell=sh
# Plain iptables, for IPv4 and, where it filters too, IPv6: the rule goes to the
# top of INPUT, and into the file from which the host restores its rules.

# iptables_active: sets $fw_tables to those of iptables and ip6tables whose INPUT
# keeps anything out.
iptables_active() {
	fw_tables=
	for ep_each in iptables ip6tables; do
		have $ep_each || continue
		if $ep_each -S INPUT 2>/dev/null | grep -qE '^-P INPUT (DROP|REJECT)|^-A INPUT .*-[jg] (DROP|REJECT|[^A ])'; then
			fw_tables="$fw_tables $ep_each"
		fi
	done
	[ -n "$fw_tables" ]
}

iptables_ready() {
	for ep_each in $fw_tables; do
		ipt_file "$ep_each"
		if [ -z "$ep_file" ]; then
			warn "this host has no file from which $ep_each is restored at boot: what is opened lasts until then"
		fi
	done
}

# ipt_file PROGRAM: sets $ep_file to where its rules are kept, or to nothing.
ipt_file() {
	case $1 in
	iptables) set -- /etc/sysconfig/iptables /etc/iptables/rules.v4 /etc/iptables/rules-save ;;
	*) set -- /etc/sysconfig/ip6tables /etc/iptables/rules.v6 /etc/iptables/rules6-save ;;
	esac
	for ep_file in "$@" ''; do
		[ ! -f "$ep_file" ] || break
	done
}

# ipt_each VERB: runs it for each program that the rule concerns, with
# $fw_program; fails if one fails.
ipt_each() {
	for fw_program in $fw_tables; do
		case $fw_program:$fw_family in iptables:ipv6 | ip6tables:ipv4) continue ;; esac
		"$1" || return 1
	done
}

# ipt_rule: the rule as iptables-save prints it, without the chain.
ipt_rule() {
	case $fw_source in
	'') ;;
	*/*) printf '%s %s ' -s "$fw_source" ;;
	*:*) printf '%s %s/128 ' -s "$fw_source" ;;
	*) printf '%s %s/32 ' -s "$fw_source" ;;
	esac
	printf '%s %s -m %s --dport %s -j ACCEPT' -p "$fw_proto" "$fw_proto" "$(printf '%s' "$fw_port" | tr - :)"
}

# The rules are words without spaces, made by ipt_rule.
# shellcheck disable=SC2046
ipt_has() {
	$fw_program -C INPUT $(ipt_rule) 2>/dev/null
}

ipt_lacks() {
	! ipt_has
}

# shellcheck disable=SC2046
ipt_add() {
	ipt_has || $fw_program -I INPUT 1 $(ipt_rule)
}

# shellcheck disable=SC2046
ipt_delete() {
	while ipt_has; do
		$fw_program -D INPUT $(ipt_rule) || return 1
	done
}

iptables_now() {
	if [ "$fw_state" = present ]; then ipt_each ipt_has; else ! ipt_each ipt_lacks; fi
}

iptables_set_now() {
	if [ "$fw_state" = present ]; then ipt_each ipt_add; else ipt_each ipt_delete; fi
}

# ipt_file_has: no file counts as done.
ipt_file_has() {
	ipt_file "$fw_program"
	[ -z "$ep_file" ] || has_line "$ep_file" "-A INPUT $(ipt_rule)"
}

ipt_file_lacks() {
	ipt_file "$fw_program"
	[ -z "$ep_file" ] || ! has_line "$ep_file" "-A INPUT $(ipt_rule)"
}

ipt_file_add() {
	ipt_file_has || ipt_insert
}

# ipt_insert: before the first rule of INPUT; without one, at the end of the
# table filter.
ipt_insert() {
	scratch
	ep_table='' ep_done=0
	grep -q '^-A INPUT ' "$ep_file" && ep_before='-A INPUT ' || ep_before=COMMIT
	while IFS= read -r ep_line || [ -n "$ep_line" ]; do
		case $ep_line in '*'*) ep_table=$ep_line ;; esac
		case "$ep_done$ep_table $ep_line" in "0*filter $ep_before"*)
			printf '%s\n' "-A INPUT $(ipt_rule)"
			ep_done=1
			;;
		esac
		printf '%s\n' "$ep_line"
	done <"$ep_file" >"$ep_scratch/lines"
	[ $ep_done = 1 ] || fail "$ep_file has no table filter to put a rule into"
	replace_lines "$ep_file"
}

ipt_file_delete() {
	ipt_file_lacks || delete_line "$ep_file" "-A INPUT $(ipt_rule)"
}

iptables_kept() {
	if [ "$fw_state" = present ]; then ipt_each ipt_file_has; else ! ipt_each ipt_file_lacks; fi
}

iptables_set_kept() {
	if [ "$fw_state" = present ]; then ipt_each ipt_file_add; else ipt_each ipt_file_delete; fi
}
