# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# SSH keys: a user's own pair, whose keys may log in as the user, and which host
# keys the user's ssh trusts.

# keygen_user USER: sets $ep_user, $ep_gid and $ep_ssh, the user's .ssh folder.
# In check mode the user may not exist yet: then $ep_ssh is empty.
keygen_user() {
	ep_user=${1:-$(id -un)}
	ep_ssh='' ep_gid='' ep_home=''
	if ! entry passwd "$ep_user"; then
		[ "$EP_CHECK" = 1 ] || fail "there is no user $ep_user" "make it first, with the user task"
		return 0
	fi
	ep_gid=${ep_line#*:*:*:}
	ep_gid=${ep_gid%%:*}
	ep_line=${ep_line%:*}
	ep_home=${ep_line##*:}
	if [ ! -d "$ep_home/" ]; then
		[ "$EP_CHECK" = 1 ] || fail "the home of $ep_user, $ep_home, does not exist" "give the user one: create_home: true"
		return 0
	fi
	ep_ssh=${ep_home%/}/.ssh
	# root must not be led by a user's links to where the user may not write
	for ep_each in "$ep_ssh" "$ep_ssh/authorized_keys" "$ep_ssh/known_hosts"; do
		[ ! -L "$ep_each" ] || fail "$ep_each is a link, and not followed" "put the real thing there"
	done
}

# keygen_pair USER TYPE BITS COMMENT: the user has a key pair; one that is there
# is never replaced. Tells its public half, and the host's own public keys.
keygen_pair() {
	keygen_user "$1"
	keygen_server
	ep_tool=ssh-keygen ep_key=id_$2
	if ! have ssh-keygen; then
		ep_tool=dropbearkey ep_key=id_dropbear
	fi
	if [ -d "$ep_ssh" ]; then
		[ ! -f "$ep_ssh/$ep_key" ] || stat_of "$ep_home/" "$ep_ssh" "$ep_ssh/$ep_key"
		ensure_attrs "$ep_ssh" "$ep_user" "$ep_gid" 0700
	elif would "create ~$ep_user/.ssh"; then
		mkdir -m 0700 -- "$ep_ssh" || fail "can't make $ep_ssh"
		new_attrs d "$ep_user" "$ep_gid" 0700 "$ep_ssh"
	fi
	fact private_key "$ep_ssh/$ep_key"
	if [ -n "$ep_ssh" ] && [ -f "$ep_ssh/$ep_key" ]; then
		ensure_attrs "$ep_ssh/$ep_key" "$ep_user" "$ep_gid" 0600
		keygen_existing "$ep_ssh/$ep_key"
	elif [ -n "$ep_ssh" ] && [ -e "$ep_ssh/$ep_key.pub" ]; then
		fail "$ep_ssh/$ep_key.pub is there without its private key" "move it away"
	elif ! have "$ep_tool"; then
		# such hosts have no SSH client either; the others can log in to them
		fact no_client yes
		warn "this host has no SSH client (neither ssh-keygen nor dropbearkey), so $ep_user can't log in from it"
	elif would "generate ~$ep_user/.ssh/$ep_key"; then
		keygen_new "$ep_ssh/$ep_key" "$2" "$3" "$4"
	fi
	keygen_unlock
	fact public_key "${ep_public:-}"
	fact host_keys "$(keygen_host_keys)"
	keygen_warn
}

# keygen_existing KEY: sets $ep_public; writes KEY.pub if it lacks.
keygen_existing() {
	ep_public=
	if [ -f "$1.pub" ]; then
		IFS= read -r ep_public <"$1.pub" || [ -n "$ep_public" ] || fail "there is no key in $1.pub" "remove it: it is made anew"
	elif [ "$ep_tool" = dropbearkey ]; then
		ep_public=$(dropbearkey -y -f "$1" | grep -e '^ssh-' -e '^ecdsa-') || fail "can't read the key $1"
	else
		ep_public=$(ssh-keygen -y -P '' -f "$1" </dev/null) || fail "can't read the key $1" "if it has a passphrase, put its public half at $1.pub"
	fi
	if [ ! -f "$1.pub" ] && would "write ~$ep_user/.ssh/${1##*/}.pub"; then
		scratch
		printf '%s\n' "$ep_public" >"$ep_scratch/public"
		replace_file "$ep_scratch/public" "$1.pub" "$ep_user" "$ep_gid" 0644
	fi
}

# keygen_new KEY TYPE BITS COMMENT: makes a key pair; sets $ep_public.
keygen_new() {
	clean_at_exit
	ep_beside=$(mktemp -d "$ep_ssh/.etcdplay.XXXXXX") || fail "can't write to $ep_ssh"
	if [ "$ep_tool" = dropbearkey ]; then
		dropbearkey -t "$2" ${3:+-s "$3"} -f "$ep_beside/key" >"$ep_beside/out" || fail "dropbearkey made no key"
		grep -e '^ssh-' -e '^ecdsa-' "$ep_beside/out" | cut -d' ' -f1,2 | sed "s/\$/ ${4}/" >"$ep_beside/key.pub"
	else
		ssh-keygen -q -t "$2" ${3:+-b "$3"} -N '' -C "$4" -f "$ep_beside/key" </dev/null >&2 || fail "ssh-keygen made no key"
	fi
	new_attrs f "$ep_user" "$ep_gid" 0600 "$ep_beside/key"
	new_attrs f "$ep_user" "$ep_gid" 0644 "$ep_beside/key.pub"
	ep_public=$(cat "$ep_beside/key.pub")
	# ln never replaces anything; the public half can be made again
	ln "$ep_beside/key" "$1" || fail "can't make $1"
	mv -f "$ep_beside/key.pub" "$1.pub" || fail "can't make $1.pub"
	rm -rf -- "$ep_beside"
	ep_beside=
	keygen_label
}

keygen_label() {
	! have restorecon || restorecon -R "$ep_ssh" 2>/dev/null || :
}

# keygen_server: sets $ep_sshd to sshd's settings that matter here, as sshd -T
# prints them, or "" if they can't be had. Asking sshd takes longer than all else.
keygen_server() {
	ep_sshd=
	keygen_config /etc/ssh/sshd_config || ep_sshd=$(sshd -T 2>/dev/null) || ep_sshd=
}

# keygen_config FILE: sets $ep_sshd if the settings say nothing but usual things;
# else fails, and sshd knows better.
keygen_config() {
	have sshd && [ -r "$1" ] || return 1
	ep_pam=
	while read -r ep_key ep_value || [ -n "$ep_key" ]; do
		case $ep_key in
		[Uu][Ss][Ee][Pp][Aa][Mm])
			[ "$ep_pam:$ep_value" = :yes ] || return 1
			ep_pam=yes
			;;
		[Ii][Nn][Cc][Ll][Uu][Dd][Ee])
			[ "$ep_value" = "/etc/ssh/sshd_config.d/*.conf" ] || return 1
			for ep_each in /etc/ssh/sshd_config.d/*.conf; do
				[ ! -e "$ep_each" ] || return 1
			done
			;;
		[Hh][Oo][Ss][Tt][Kk][Ee][Yy]* | [Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Ee][Dd]* | [Mm][Aa][Tt][Cc][Hh]* | *[=\"]*) return 1 ;;
		esac
	done <"$1"
	[ -n "$ep_pam" ] || return 1
	ep_sshd="usepam yes
hostkey /etc/ssh/ssh_host_rsa_key
hostkey /etc/ssh/ssh_host_ecdsa_key
hostkey /etc/ssh/ssh_host_ed25519_key
authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2"
}

# keygen_host_keys: prints the host's public keys, "TYPE KEY" a line: of sshd
# those that it offers.
keygen_host_keys() {
	keygen_key_files | while IFS= read -r ep_file; do
		if [ -r "$ep_file.pub" ]; then
			keygen_types <"$ep_file.pub"
		elif [ -r "$ep_file" ] && have ssh-keygen; then
			ssh-keygen -y -P '' -f "$ep_file" </dev/null 2>/dev/null | keygen_types
		fi
	done
	for ep_file in /etc/dropbear/dropbear_*_host_key; do
		if [ ! -r "$ep_file" ]; then
			continue
		elif have dropbearkey; then
			dropbearkey -y -f "$ep_file" 2>/dev/null | awk '/^(ssh|ecdsa)-/ { print $1, $2 }'
		elif have base64 && [ "$(head -c 15 "$ep_file" | tail -c 11)" = ssh-ed25519 ]; then
			# its file ends in the public half; see RFC 8709 for what goes before it
			printf 'ssh-ed25519 %s\n' "$({
				printf '\000\000\000\013ssh-ed25519\000\000\000\040'
				tail -c 32 "$ep_file"
			} | base64 | tr -d '\n')"
		fi
	done
}

# keygen_key_files: prints the names of sshd's private keys.
keygen_key_files() {
	case $ep_sshd in
	*"hostkey /"*)
		while read -r ep_key ep_file; do
			[ "$ep_key" != hostkey ] || printf '%s\n' "$ep_file"
		done <<-EP
			$ep_sshd
		EP
		;;
	*) for ep_file in /etc/ssh/ssh_host_*_key.pub; do printf '%s\n' "${ep_file%.pub}"; done ;;
	esac
}

# keygen_types: leaves of public keys on standard input the type and the key.
keygen_types() {
	while read -r ep_type ep_key _ || [ -n "${ep_type:-}" ]; do
		[ -z "$ep_key" ] || printf '%s %s\n' "$ep_type" "$ep_key"
	done
}

# keygen_unlock: an sshd without PAM refuses keys, too, of users whose password
# is "!", as useradd and adduser leave it; "*" is no password either. Whom an
# administrator has locked ("!" before a password) stays so.
keygen_unlock() {
	case $ep_sshd in '' | *"usepam yes"*) return 0 ;; esac
	ep_word='!' # what a user who is still to be made will have
	if [ -n "$ep_home" ]; then
		[ -r /etc/shadow ] && local_entry /etc/shadow "$ep_user" || return 0
		ep_word=${ep_line#*:}
		ep_word=${ep_word%%:*}
	fi
	case $ep_word in
	'!' | '!!' | '*LK*') ;;
	'!'*)
		warn "the account $ep_user is locked, so this host's sshd refuses its keys: unlock it with the user task, or let sshd use PAM"
		return 0
		;;
	*) return 0 ;;
	esac
	if would "let $ep_user log in with keys (its password was locked, and is now none)"; then
		if have usermod; then
			usermod -p '*' "$ep_user" || fail "usermod -p '*' $ep_user failed"
		else
			scratch
			awk -F: -v OFS=: -v user="$ep_user" '$1 == user { $2 = "*" } { print }' /etc/shadow >"$ep_scratch/shadow"
			attrs_of /etc/shadow
			replace_file "$ep_scratch/shadow" /etc/shadow "$ep_now_uid" "$ep_now_gid" "$ep_now_mode"
		fi
	fi
}

# keygen_warn: of what makes sshd refuse keys that are all right.
keygen_warn() {
	case $ep_sshd in
	*"authorizedkeysfile "*)
		ep_where=${ep_sshd##*authorizedkeysfile }
		ep_where=${ep_where%%"
"*}
		case $ep_where in
		*.ssh/authorized_keys*) ;;
		*) warn "this host's sshd does not read ~/.ssh/authorized_keys, but $ep_where" ;;
		esac
		;;
	esac
	[ -n "$ep_ssh" ] || return 0
	stat_of "$ep_home/"
	ep_now=${ep_now#* * * * } # its mode and owner
	case ${ep_now%% *} in
	*[2367]? | *[2367]) warn "others than $ep_user may write to $ep_home, so sshd refuses its keys: chmod go-w $ep_home" ;;
	esac
}

# keygen_exchange USER: whose keys may log in, and which host keys are trusted.
# KEYGEN_KEYS has a line "MARK TYPE KEY" for each key that may log in as the user
# (KEY is - where check mode can't know it), KEYGEN_HOSTS a line
# "PEER NAMES TYPE KEY" for each host key. Our lines end in etcdplay:MARK;
# no others are touched.
keygen_exchange() {
	keygen_user "$1"
	if keygen_settled; then
		stat_of "$ep_ssh/authorized_keys" "$ep_ssh/known_hosts"
		ensure_attrs "$ep_ssh/authorized_keys" "$ep_user" "$ep_gid" 0600
		ensure_attrs "$ep_ssh/known_hosts" "$ep_user" "$ep_gid" ""
		return
	fi
	scratch
	printf '%s\n' "$KEYGEN_KEYS" >"$ep_scratch/wanted"
	keygen_current authorized_keys
	awk -v changes="$ep_scratch/changes" -v user="$ep_user" '
		NR == FNR {
			if (NF == 3) { mark[++n] = $1; type[n] = $2; key[n] = $3; number["etcdplay:" $1] = n; wanted[$3] = 1 }
			next
		}
		$NF in number {
			i = number[$NF]
			if (index($0, " " key[i] " ") == 0) { stale[i] = 1; next }
		}
		!/^[ \t]*#/ { for (f = 1; f <= NF; f++) if ($f in wanted) have[$f] = 1 }
		{ print }
		END {
			for (i = 1; i <= n; i++) {
				if (key[i] in have) {
					if (i in stale) print "remove the old key of " mark[i] " for " user >changes
					continue
				}
				print type[i], key[i], "etcdplay:" mark[i]
				print (i in stale ? "replace" : "authorise") " the key of " mark[i] " for " user >changes
			}
		}' "$ep_scratch/wanted" "$ep_now_file" >"$ep_scratch/new"
	keygen_put authorized_keys 0600

	printf '%s\n' "$KEYGEN_HOSTS" >"$ep_scratch/wanted"
	keygen_current known_hosts
	awk -v changes="$ep_scratch/changes" -v user="$ep_user" '
		NR == FNR {
			if (NF == 4) {
				line[++n] = $2 " " $3 " " $4 " etcdplay:" $1
				of[n] = $1; number[line[n]] = n; peers["etcdplay:" $1] = $1
			}
			next
		}
		$NF in peers {
			if (!($0 in number)) { stale[peers[$NF]] = 1; next }
			if ($0 in have) next
			have[$0] = 1
		}
		{ print }
		END {
			for (i = 1; i <= n; i++) {
				if (!(line[i] in have)) { print line[i]; lacks[of[i]] = 1 }
			}
			for (i = 1; i <= n; i++) {
				p = of[i]
				if ((p in lacks || p in stale) && !(p in told)) {
					told[p] = 1
					print (p in stale ? "renew" : "trust") " the host keys of " p " for " user >changes
				}
			}
		}' "$ep_scratch/wanted" "$ep_now_file" >"$ep_scratch/new"
	keygen_put known_hosts 0644
}

# keygen_settled: are both files surely as they are to be?
keygen_settled() {
	[ -n "$ep_ssh" ] && [ -f "$ep_ssh/authorized_keys" ] && [ -f "$ep_ssh/known_hosts" ] || return 1
	ep_wanted=
	while read -r ep_mark ep_type ep_key; do
		[ -z "$ep_key" ] || ep_wanted="$ep_wanted$ep_type $ep_key etcdplay:$ep_mark
"
	done <<-EP
		$KEYGEN_KEYS
	EP
	keygen_lines "$ep_ssh/authorized_keys" || return 1
	ep_wanted=
	while read -r ep_mark ep_each; do
		[ -z "$ep_each" ] || ep_wanted="$ep_wanted$ep_each etcdplay:$ep_mark
"
	done <<-EP
		$KEYGEN_HOSTS
	EP
	keygen_lines "$ep_ssh/known_hosts"
}

# keygen_lines FILE: are all lines of $ep_wanted in it, and no others with their
# marks?
keygen_lines() {
	ep_missing="
$ep_wanted"
	while IFS= read -r ep_line || [ -n "$ep_line" ]; do
		case $ep_line in *" etcdplay:"*) ;; *) continue ;; esac
		case $ep_missing in
		*"
$ep_line
"*) ep_missing="${ep_missing%%"
$ep_line
"*}
${ep_missing#*"
$ep_line
"}" ;;
		*) case $ep_wanted in *" ${ep_line##* }
"*) return 1 ;; esac ;;
		esac
	done <"$1"
	[ "$ep_missing" = "
" ]
}

# keygen_current FILE: sets $ep_now_file to it, or to an empty one.
keygen_current() {
	: >"$ep_scratch/changes"
	ep_now_file=/dev/null
	if [ -n "$ep_ssh" ] && [ -f "$ep_ssh/$1" ]; then
		ep_now_file=$ep_ssh/$1
	fi
}

# keygen_put FILE MODE: tells the changes, and makes them.
keygen_put() {
	ep_go=0
	while IFS= read -r ep_each; do
		! would "$ep_each" || ep_go=1
	done <"$ep_scratch/changes"
	if [ "$ep_now_file" != /dev/null ]; then
		ep_mode_wanted=
		[ "$1" = known_hosts ] || ep_mode_wanted=$2
		ensure_attrs "$ep_now_file" "$ep_user" "$ep_gid" "$ep_mode_wanted"
	fi
	if [ $ep_go = 1 ]; then
		show_diff "$ep_ssh/$1" "$ep_now_file" "$ep_scratch/new"
		if [ "$ep_now_file" = /dev/null ]; then
			replace_file "$ep_scratch/new" "$ep_ssh/$1" "$ep_user" "$ep_gid" "$2"
		else
			attrs_of "$ep_now_file"
			replace_file "$ep_scratch/new" "$ep_ssh/$1" "$ep_now_uid" "$ep_now_gid" "$ep_now_mode"
		fi
		keygen_label
	fi
}
