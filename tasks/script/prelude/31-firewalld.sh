# shellcheck shell=sh
# firewalld, through its D-Bus interface where busctl is there (8 ms a call),
# else through firewall-cmd (240 ms). See firewalld.dbus(5).

firewalld_active() {
	fw_why=
	have firewall-cmd || have firewalld || return 1
	if have busctl && [ -S /run/dbus/system_bus_socket ]; then
		# without auto-start: asking must not start a firewall
		fw_bus=1 fw_zones=
		if fw_open_now=$(fw_call "" zone getPorts s "$fw_zone" 2>/dev/null) ||
			fw_zones=$(fw_call "" zone getZones 2>/dev/null); then
			return 0
		fi
	elif have firewall-cmd && firewall-cmd --state >/dev/null 2>&1; then
		fw_bus=0
		return 0
	fi
	fw_why="firewalld is installed but not running"
	return 1
}

firewalld_ready() {
	fact zone "$fw_zone"
	if [ "$fw_bus" = 1 ]; then
		if [ -n "$fw_zones" ]; then
			# as 3 "block" "dmz" "drop"
			fw_zones=$(printf '%s' "${fw_zones#as * }" | tr -d '"')
			fail "firewalld has no zone $fw_zone" "its zones are: ${fw_zones% }"
		fi
		fw_config=
		firewalld_file || firewalld_config
		if ! firewalld_default && [ "$(fw_call "" "" getDefaultZone)" != "s \"$fw_zone\"" ]; then
			fw_active=$(fw_call "" zone getActiveZones) || fw_active=
			case $fw_active in *"\"$fw_zone\""*) ;; *) firewalld_idle ;; esac
		fi
	else
		fw_zones=$(firewall-cmd --get-zones) || fail "firewalld does not answer"
		case " $fw_zones " in *" $fw_zone "*) ;; *)
			fail "firewalld has no zone $fw_zone" "its zones are: ${fw_zones% }"
			;;
		esac
		[ "$(firewall-cmd --get-default-zone)" = "$fw_zone" ] ||
			firewall-cmd --get-active-zones | grep -q "^$fw_zone\( \|\$\)" || firewalld_idle
	fi
}

# firewalld_file: sets $fw_open_kept to the ports in the zone's own file, as
# getPorts would give them; fails if there is none, or one with rules or comments,
# in which a port means something else. What is in this file, a reboot brings.
firewalld_file() {
	fw_open_kept=
	[ -r "/etc/firewalld/zones/$fw_zone.xml" ] || return 1
	while read -r ep_line || [ -n "$ep_line" ]; do
		case $ep_line in
		*"<!--"* | *"<rule"*) return 1 ;;
		'<port port="'*'" protocol="'*'"/>')
			ep_line=${ep_line#*\"}
			fw_open_kept="$fw_open_kept\"${ep_line%%\"*}\" "
			ep_line=${ep_line%\"*}
			fw_open_kept="$fw_open_kept\"${ep_line##*\"}\" "
			;;
		esac
	done <"/etc/firewalld/zones/$fw_zone.xml"
}

# firewalld_config: sets $fw_config to the path of the zone's permanent
# configuration, and $fw_open_kept to its ports.
firewalld_config() {
	fw_config=$(fw_call /config config getZoneByName s "$fw_zone") ||
		fail "firewalld has the zone $fw_zone at run time only" "make it permanent first"
	fw_config=${fw_config#*/org/fedoraproject/FirewallD1}
	fw_config=${fw_config%\"}
	fw_open_kept=$(fw_call "$fw_config" config.zone getPorts) || fw_open_kept=
}

# firewalld_default: do its settings say that the zone is the default one? Who
# sets it while firewalld runs sets it there, too.
firewalld_default() {
	[ -r /etc/firewalld/firewalld.conf ] || return 1
	while IFS='=' read -r ep_key ep_value; do
		[ "$ep_key=$ep_value" != "DefaultZone=$fw_zone" ] || return 0
	done </etc/firewalld/firewalld.conf
	return 1
}

firewalld_idle() {
	warn "no interface or source is in firewalld's zone $fw_zone, so what is open there has no effect"
}

# fw_call PATH INTERFACE METHOD [SIGNATURE ARGUMENT…]
fw_call() {
	ep_path=/org/fedoraproject/FirewallD1$1 ep_iface=org.fedoraproject.FirewallD1${2:+.$2}
	shift 2
	busctl --auto-start=no call org.fedoraproject.FirewallD1 "$ep_path" "$ep_iface" "$@"
}

# fw_rich: the rule that opens a port to one source only.
fw_rich() {
	printf 'rule family="%s" source address="%s" port port="%s" protocol="%s" accept' \
		"$fw_family" "$fw_source" "$fw_port" "$fw_proto"
}

# fw_lists PORTS: is the port in what getPorts gave? A range that holds it has to
# be asked for.
fw_lists() {
	case $1 in *"\"$fw_port\" \"$fw_proto\""*) ;; *) return 1 ;; esac
}

firewalld_now() {
	if [ "$fw_bus" = 0 ] && [ -z "$fw_source" ]; then
		firewall-cmd --zone="$fw_zone" --query-port="$fw_port/$fw_proto" >/dev/null 2>&1
	elif [ "$fw_bus" = 0 ]; then
		firewall-cmd --zone="$fw_zone" --query-rich-rule="$(fw_rich)" >/dev/null 2>&1
	elif [ -z "$fw_source" ] && fw_lists "$fw_open_now"; then
		:
	elif [ -z "$fw_source" ]; then
		[ "$(fw_call "" zone queryPort sss "$fw_zone" "$fw_port" "$fw_proto")" = "b true" ]
	else
		[ "$(fw_call "" zone queryRichRule ss "$fw_zone" "$(fw_rich)")" = "b true" ]
	fi
}

firewalld_kept() {
	if [ "$fw_bus" = 1 ] && [ -z "$fw_config" ]; then
		[ -n "$fw_source" ] || ! fw_lists "$fw_open_kept" || return 0
		firewalld_config
	fi
	if [ "$fw_bus" = 0 ] && [ -z "$fw_source" ]; then
		firewall-cmd --permanent --zone="$fw_zone" --query-port="$fw_port/$fw_proto" >/dev/null 2>&1
	elif [ "$fw_bus" = 0 ]; then
		firewall-cmd --permanent --zone="$fw_zone" --query-rich-rule="$(fw_rich)" >/dev/null 2>&1
	elif [ -z "$fw_source" ] && fw_lists "$fw_open_kept"; then
		:
	elif [ -z "$fw_source" ]; then
		[ "$(fw_call "$fw_config" config.zone queryPort ss "$fw_port" "$fw_proto")" = "b true" ]
	else
		[ "$(fw_call "$fw_config" config.zone queryRichRule s "$(fw_rich)")" = "b true" ]
	fi
}

firewalld_set_now() {
	fw_open_now=
	if [ "$fw_state" = present ]; then ep_verb=add; else ep_verb=remove; fi
	if [ "$fw_bus" = 0 ] && [ -z "$fw_source" ]; then
		firewall-cmd -q --zone="$fw_zone" --$ep_verb-port="$fw_port/$fw_proto"
	elif [ "$fw_bus" = 0 ]; then
		firewall-cmd -q --zone="$fw_zone" --$ep_verb-rich-rule="$(fw_rich)"
	elif [ "$fw_state:$fw_source" = present: ]; then
		fw_call "" zone addPort sssi "$fw_zone" "$fw_port" "$fw_proto" 0 >/dev/null
	elif [ -z "$fw_source" ]; then
		fw_call "" zone removePort sss "$fw_zone" "$fw_port" "$fw_proto" >/dev/null
	elif [ "$fw_state" = present ]; then
		fw_call "" zone addRichRule ssi "$fw_zone" "$(fw_rich)" 0 >/dev/null
	else
		fw_call "" zone removeRichRule ss "$fw_zone" "$(fw_rich)" >/dev/null
	fi
}

firewalld_set_kept() {
	[ "$fw_bus" = 0 ] || [ -n "$fw_config" ] || firewalld_config
	fw_open_kept=
	if [ "$fw_state" = present ]; then ep_verb=add; else ep_verb=remove; fi
	if [ "$fw_bus" = 0 ] && [ -z "$fw_source" ]; then
		firewall-cmd -q --permanent --zone="$fw_zone" --$ep_verb-port="$fw_port/$fw_proto"
	elif [ "$fw_bus" = 0 ]; then
		firewall-cmd -q --permanent --zone="$fw_zone" --$ep_verb-rich-rule="$(fw_rich)"
	elif [ -z "$fw_source" ]; then
		fw_call "$fw_config" config.zone ${ep_verb}Port ss "$fw_port" "$fw_proto" >/dev/null
	else
		fw_call "$fw_config" config.zone ${ep_verb}RichRule s "$(fw_rich)" >/dev/null
	fi
}
