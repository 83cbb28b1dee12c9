# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# Services, whichever program minds them. What one is to be stands in variables:
#   SERVICE_NAME     SERVICE_STATE     started, stopped, restarted, reloaded or empty
#   SERVICE_ENABLED  1, 0 or empty     SERVICE_PATTERN   text in the process list that shows it runs
#   SERVICE_SLEEP    seconds between stop and start of a restart
#   SERVICE_LEVEL    OpenRC's runlevel SERVICE_USE       systemd, openrc, sysvinit, auto
# The arguments of ensure_service go to the service's script after the verb.

# ensure_service ARGUMENT...
ensure_service() {
	service_manager
	fact manager "$ep_manager"
	case $ep_manager in
	systemd)
		UNIT_NAME=$SERVICE_NAME UNIT_STATE=$SERVICE_STATE UNIT_ENABLED=$SERVICE_ENABLED
		UNIT_MASKED='' UNIT_RELOAD=0 UNIT_REEXEC=0 UNIT_SCOPE=system UNIT_NO_BLOCK=0 UNIT_FORCE=0
		ensure_unit
		return
		;;
	openrc) ep_init=/etc/init.d/$SERVICE_NAME ;;
	sysvinit) sysv_script ;;
	esac
	if [ ! -x "$ep_init" ]; then
		service_missing "there is no /etc/init.d/$SERVICE_NAME"
		ep_running=no ep_boot=no
	else
		"${ep_manager}_boot"
		service_running
	fi
	service_enabled
	service_state "$@"
}

# service_manager: sets $ep_manager.
service_manager() {
	ep_manager=$SERVICE_USE
	[ "$ep_manager" = auto ] || return 0
	if [ -d /run/systemd/system ] && have systemctl; then
		ep_manager=systemd
	elif have rc-service; then
		ep_manager=openrc
	else
		ep_manager=sysvinit
	fi
}

# service_missing WHY: a failure, or in check mode, where an earlier task may be
# going to bring the service, a warning.
service_missing() {
	[ "$EP_CHECK" = 1 ] || fail "there is no service $SERVICE_NAME: $1" "install it first, or correct the name"
	warn "there is no service $SERVICE_NAME yet: what becomes of it is decided at run time"
}

# service_enabled: from $ep_boot, yes or no, to $SERVICE_ENABLED.
service_enabled() {
	case $SERVICE_ENABLED,$ep_boot in
	1,no)
		! would "enable $SERVICE_NAME" || "${ep_manager}_enable"
		;;
	0,yes)
		! would "disable $SERVICE_NAME" || "${ep_manager}_disable"
		;;
	esac
}

# service_state ARGUMENT...: from $ep_running, yes or no, to $SERVICE_STATE.
service_state() {
	case $SERVICE_STATE,$ep_running in
	started,no | reloaded,no) ! would "start $SERVICE_NAME" || service_do start "$@" ;;
	stopped,yes) ! would "stop $SERVICE_NAME" || service_do stop "$@" ;;
	restarted,no) ! would "start $SERVICE_NAME" || service_do start "$@" ;;
	restarted,yes)
		if would "restart $SERVICE_NAME"; then
			if [ "$SERVICE_SLEEP" != 0 ]; then
				service_do stop "$@"
				sleep "$SERVICE_SLEEP"
				service_do start "$@"
			else
				service_do restart "$@"
			fi
		fi
		;;
	reloaded,yes) ! would "reload $SERVICE_NAME" || service_do reload "$@" ;;
	esac
}

# service_do VERB ARGUMENT...: what the daemon says must not go to our output,
# which it would hold open.
service_do() {
	scratch
	"$ep_init" "$@" >"$ep_scratch/service" 2>&1 || {
		cat "$ep_scratch/service" >&2
		fail "$ep_init $1 failed"
	}
}

# service_running: sets $ep_running to yes or no. Scripts that know no status
# are judged by the PID file or a process of that name.
service_running() {
	ep_running=no
	if [ -n "$SERVICE_PATTERN" ]; then
		! service_seen || ep_running=yes
		return 0
	fi
	ep_code=0
	ep_out=$("$ep_init" status 2>&1) || ep_code=$?
	case $ep_code,$ep_out in
	*[Uu]sage*) ;;
	0,*"not running"* | 0,*"is stopped"* | 0,*"is not active"*) return 0 ;;
	0,* | 8,* | 16,*)
		ep_running=yes
		return 0
		;;
	1,* | 2,* | 3,*) return 0 ;;
	32,*) # OpenRC: crashed, and it would not start what it takes for started
		[ "$ep_manager" != openrc ] || [ "$EP_CHECK" = 1 ] || [ -z "$SERVICE_STATE" ] || "$ep_init" zap >/dev/null 2>&1 || :
		return 0
		;;
	esac
	for ep_each in "/run/$SERVICE_NAME.pid" "/run/$SERVICE_NAME/$SERVICE_NAME.pid" "/var/run/$SERVICE_NAME.pid"; do
		[ -s "$ep_each" ] || continue
		read -r ep_pid _ <"$ep_each" || :
		if [ -d "/proc/${ep_pid:-none}" ]; then ep_running=yes; fi
		return 0
	done
	if cat /proc/[0-9]*/comm 2>/dev/null | grep -qxF -e "$SERVICE_NAME"; then ep_running=yes; fi
}

# service_seen: is $SERVICE_PATTERN in the process list? It must not stand in the
# command line of the program that looks for it.
service_seen() {
	scratch
	printf '%s\n' "$SERVICE_PATTERN" >"$ep_scratch/pattern"
	{ ps -eo args 2>/dev/null || ps -o args; } | grep -qF -f "$ep_scratch/pattern"
}

openrc_boot() {
	ep_boot=no
	if [ -e "/etc/runlevels/$SERVICE_LEVEL/$SERVICE_NAME" ]; then ep_boot=yes; fi
}

openrc_enable() {
	rc-update add "$SERVICE_NAME" "$SERVICE_LEVEL" >/dev/null || fail "rc-update add $SERVICE_NAME $SERVICE_LEVEL failed"
}

openrc_disable() {
	rc-update del "$SERVICE_NAME" "$SERVICE_LEVEL" >/dev/null || fail "rc-update del $SERVICE_NAME $SERVICE_LEVEL failed"
}

# sysv_script: sets $ep_init to the service's script. BusyBox's init starts those
# that are named S??NAME.
sysv_script() {
	for ep_init in "/etc/init.d/$SERVICE_NAME" /etc/init.d/S[0-9][0-9]"$SERVICE_NAME" "/etc/rc.d/init.d/$SERVICE_NAME" "/etc/rc.d/$SERVICE_NAME"; do
		[ ! -x "$ep_init" ] || return 0
	done
	ep_init=
}

sysv_links() {
	for ep_each in /etc/rc[2345S].d/S[0-9][0-9]"$SERVICE_NAME"; do
		[ ! -e "$ep_each" ] || return 0
	done
	return 1
}

sysvinit_boot() {
	ep_boot=no
	case ${ep_init##*/} in
	S[0-9][0-9]"$SERVICE_NAME") ep_boot=yes ;;
	*)
		if sysv_links; then
			ep_boot=yes
		elif ! have update-rc.d && have chkconfig; then
			case $(chkconfig --list "$SERVICE_NAME" 2>/dev/null) in *:on*) ep_boot=yes ;; esac
		fi
		;;
	esac
}

sysvinit_enable() {
	if have update-rc.d; then
		update-rc.d "$SERVICE_NAME" defaults >/dev/null || fail "update-rc.d $SERVICE_NAME defaults failed"
		update-rc.d "$SERVICE_NAME" enable >/dev/null || fail "update-rc.d $SERVICE_NAME enable failed"
	elif have chkconfig; then
		chkconfig --add "$SERVICE_NAME" || fail "chkconfig --add $SERVICE_NAME failed"
		chkconfig "$SERVICE_NAME" on || fail "chkconfig $SERVICE_NAME on failed"
	else
		fail "this host has no program that enables services" "neither update-rc.d nor chkconfig is there"
	fi
}

sysvinit_disable() {
	case ${ep_init##*/} in S[0-9][0-9]*) fail "$SERVICE_NAME can't be disabled: this host's init starts whatever is named like $ep_init" "rename it with the command task" ;; esac
	if have update-rc.d; then
		update-rc.d "$SERVICE_NAME" disable >/dev/null || fail "update-rc.d $SERVICE_NAME disable failed"
	elif have chkconfig; then
		chkconfig "$SERVICE_NAME" off || fail "chkconfig $SERVICE_NAME off failed"
	else
		fail "this host has no program that disables services" "neither update-rc.d nor chkconfig is there"
	fi
}
