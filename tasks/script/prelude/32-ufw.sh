# shellcheck shell=sh
# ufw keeps every rule that it takes, so there is one state for now and later.

ufw_active() {
	have ufw || return 1
	case $(ufw status 2>/dev/null) in
	"Status: active"*) return 0 ;;
	esac
	fw_why="${fw_why:+$fw_why; }ufw is installed but not active"
	return 1
}

ufw_ready() {
	fw_rules=$(ufw show added) || fail "can't read ufw's rules"
}

# ufw_rule: the rule in ufw's own words, as `ufw show added` prints it.
ufw_rule() {
	ep_port=$(printf '%s' "$fw_port" | tr - :)
	if [ -z "$fw_source" ]; then
		printf 'allow %s/%s' "$ep_port" "$fw_proto"
	else
		printf 'allow from %s to any port %s proto %s' "$fw_source" "$ep_port" "$fw_proto"
	fi
}

ufw_now() {
	printf '%s\n' "$fw_rules" | grep -qxF -e "ufw $(ufw_rule)"
}

ufw_kept() {
	ufw_now
}

ufw_set_now() {
	case $fw_proto in tcp | udp) ;; *) fail "ufw knows no ports of $fw_proto" ;; esac
	if [ "$fw_state" = present ]; then
		# shellcheck disable=SC2046 # words without spaces, made by ufw_rule
		ufw $(ufw_rule) >/dev/null
	else
		# shellcheck disable=SC2046
		ufw --force delete $(ufw_rule) >/dev/null
	fi
}

ufw_set_kept() {
	true # done by ufw_set_now
}
