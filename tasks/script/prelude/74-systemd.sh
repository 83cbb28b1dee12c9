# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# Units of systemd. What one is to be stands in variables:
#   UNIT_NAME      the unit, or empty        UNIT_STATE   started, stopped, restarted, reloaded or empty
#   UNIT_ENABLED   1, 0 or empty             UNIT_MASKED  1, 0 or empty
#   UNIT_RELOAD    1: daemon-reload first    UNIT_REEXEC  1: daemon-reexec first
#   UNIT_SCOPE     system, user or global    UNIT_NO_BLOCK, UNIT_FORCE   1 or 0

# unit_ctl VERB ARGUMENT...: systemctl in the scope.
unit_ctl() {
	case $UNIT_SCOPE in
	system) systemctl "$@" ;;
	*) systemctl "--$UNIT_SCOPE" "$@" ;;
	esac
}

ensure_unit() {
	have systemctl || fail "this host has no systemctl" "the service task works with other managers, too"
	if [ "$UNIT_SCOPE" = user ] && [ -z "${XDG_RUNTIME_DIR:-}" ]; then
		XDG_RUNTIME_DIR=/run/user/$(id -u)
		export XDG_RUNTIME_DIR
	fi
	# neither changes what is declared on the host
	if [ "$EP_CHECK" = 0 ]; then
		[ "$UNIT_REEXEC" = 0 ] || unit_ctl daemon-reexec || fail "systemctl daemon-reexec failed"
		[ "$UNIT_RELOAD" = 0 ] || unit_ctl daemon-reload || fail "systemctl daemon-reload failed"
	fi
	[ -n "$UNIT_NAME" ] || return 0
	unit_look
	unit_masked
	unit_enabled
	unit_state
}

# unit_look: sets $ep_load, $ep_active and $ep_boot, and tells all properties.
unit_look() {
	ep_load=loaded ep_active=inactive ep_boot=
	if [ "$UNIT_SCOPE" != global ]; then
		if ep_props=$(unit_ctl show -- "$UNIT_NAME" 2>/dev/null); then
			fact status "$ep_props"
			while IFS='=' read -r ep_key ep_value; do
				case $ep_key in
				LoadState) ep_load=$ep_value ;;
				ActiveState) ep_active=$ep_value ;;
				esac
			done <<-EOF
				$ep_props
			EOF
		elif [ -n "$UNIT_STATE" ]; then
			unit_ctl show -- "$UNIT_NAME" >/dev/null || :
			fail "systemd does not run here, so $UNIT_NAME can't be ${UNIT_STATE}" "enabled and masked work without it"
		fi
	fi
	if [ -n "$UNIT_ENABLED$UNIT_MASKED" ]; then
		ep_boot=$(unit_ctl is-enabled -- "$UNIT_NAME" 2>/dev/null) || :
		ep_boot=${ep_boot%%"
"*}
		case $ep_boot in masked*) ep_load=masked ;; esac
	fi
	if [ "$ep_load" = not-found ] && [ -z "$ep_boot" ] && [ "$UNIT_MASKED" != 1 ]; then
		[ "$EP_CHECK" = 1 ] || fail "there is no unit $UNIT_NAME" "install it first, set daemon_reload: true if its file is new, or correct the name"
		warn "there is no unit $UNIT_NAME yet: what becomes of it is decided at run time"
	fi
}

unit_masked() {
	if [ "$UNIT_MASKED" = 1 ] && [ "$ep_load" != masked ]; then
		ep_load=masked
		! would "mask $UNIT_NAME" || unit_do mask
	elif [ "$UNIT_MASKED" = 0 ] && [ "$ep_load" = masked ]; then
		ep_load=loaded
		unit_unmasked
		! would "unmask $UNIT_NAME" || unit_do unmask
	fi
}

# unit_unmasked: sets $ep_boot to what is-enabled will say once the unit is no
# longer masked.
unit_unmasked() {
	case $UNIT_NAME in *.*) ep_file=$UNIT_NAME ;; *) ep_file=$UNIT_NAME.service ;; esac
	ep_boot=static
	for ep_each in "/lib/systemd/system/$ep_file" "/usr/lib/systemd/system/$ep_file" "/run/systemd/system/$ep_file"; do
		if [ -f "$ep_each" ] && grep -q '^\[Install\]' "$ep_each"; then ep_boot=disabled; fi
	done
	for ep_each in /etc/systemd/system/*/"$ep_file"; do
		if [ -L "$ep_each" ]; then ep_boot=enabled; fi
	done
}

unit_enabled() {
	case $UNIT_ENABLED,$ep_boot in
	1,enabled | 1,static | 1,generated | 1,transient | 1,alias) ;;
	1,masked*)
		if [ "$ep_load" = masked ]; then
			fail "$UNIT_NAME is masked, so it can't be enabled" "masked: false unmasks it"
		fi
		! would "enable $UNIT_NAME" || unit_do enable
		;;
	1,*) ! would "enable $UNIT_NAME" || unit_do enable ;;
	0,enabled | 0,enabled-runtime | 0,alias) ! would "disable $UNIT_NAME" || unit_do disable ;;
	esac
}

unit_state() {
	case $UNIT_STATE,$ep_load in
	started,masked | restarted,masked | reloaded,masked) fail "$UNIT_NAME is masked, so it can't be started" "masked: false unmasks it" ;;
	esac
	case $UNIT_STATE,$ep_active in
	started,active | started,activating | started,reloading | stopped,inactive | stopped,failed) ;;
	started,* | restarted,inactive | restarted,failed | reloaded,inactive | reloaded,failed)
		! would "start $UNIT_NAME" || unit_do start
		;;
	stopped,*) ! would "stop $UNIT_NAME" || unit_do stop ;;
	restarted,*) ! would "restart $UNIT_NAME" || unit_do restart ;;
	reloaded,*) ! would "reload $UNIT_NAME" || unit_do reload ;;
	esac
}

# unit_do VERB: no record. A start that fails comes with the end of the log.
unit_do() {
	ep_flag=
	case $1,$UNIT_NO_BLOCK,$UNIT_FORCE in
	*able,?,1 | *mask,?,1) ep_flag=--force ;;
	*able,* | *mask,*) ;;
	*,1,?) ep_flag=--no-block ;;
	esac
	unit_ctl "$1" ${ep_flag:+"$ep_flag"} -- "$UNIT_NAME" || {
		case $1,$UNIT_SCOPE in
		*able,* | *mask,*) ;;
		*,system) journalctl -q --no-pager -n 15 -o cat -u "$UNIT_NAME" >&2 2>/dev/null || : ;;
		esac
		fail "systemctl $1 $UNIT_NAME failed" "more is in: journalctl -u $UNIT_NAME"
	}
}
