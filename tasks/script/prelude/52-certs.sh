# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# Certificates. DIR holds a folder for each version (ca.crt, member.crt,
# member.key and our mark .etcdplay, the checksum of the key) and a link, current,
# that is switched from one to the next in one step: a certificate and its key
# always change together. A server that runs as another user can read the key,
# and write nothing.

# certs_look DIR OWNER GROUP MODE: tells what is there, and brings the key's
# owner and mode to what they should be.
certs_look() {
	full_path "$1"
	certs_dir=$ep_full
	fact dir "$certs_dir"
	fact tools "$(! have openssl || echo openssl) $(! have ssh-keygen || echo ssh-keygen)"
	[ -L "$certs_dir/current" ] || [ ! -e "$certs_dir/current" ] ||
		fail "$certs_dir/current is no link" "etcdplay makes a link there to the certificate in use: move what is there away, or choose another dir"
	for ep_each in ca.crt member.crt member.key .etcdplay; do
		[ -r "$certs_dir/current/$ep_each" ] || return 0
	done
	fact ca "$(cat -- "$certs_dir/current/ca.crt")"
	fact cert "$(cat -- "$certs_dir/current/member.crt")"
	sum_of sha256 "$certs_dir/current/member.key"
	fact key_sum "$ep_sum"
	ep_line=
	read -r ep_line <"$certs_dir/current/.etcdplay" || :
	fact made_sum "$ep_line"
	ensure_attrs "$certs_dir/current/member.key" "$2" "$3" "$4"
}

# certs_begin DIR TOOLS: makes DIR and, if one of TOOLS is to make it, a private
# key in a new folder in it. Tells the folder, and the request to be signed.
certs_begin() {
	full_path "$1"
	certs_dir=$ep_full
	ensure_dir "$certs_dir" "" "" 0755
	if [ -n "$2" ] && would "make a private key in $certs_dir"; then
		certs_new=$(mktemp -d "$certs_dir/.new.XXXXXX") || fail "can't write to $certs_dir" "is the disk full or read-only?"
		certs_request "$2" || {
			rm -rf -- "$certs_new"
			fail "this host can't make a private key with any of: $2" "keys: controller makes the keys on the controller"
		}
		fact new "$certs_new"
		fact request "$certs_request"
	fi
}

# certs_request TOOLS: makes $certs_new/member.key and sets $certs_request.
certs_request() {
	umask 077
	for ep_each in $1; do
		rm -f -- "$certs_new/member.key"
		"certs_key_${ep_each%-keygen}" && [ -n "$certs_request" ] && return 0
	done
	return 1
}

# certs_key_openssl: with a certificate request, which proves that the key is there.
certs_key_openssl() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$certs_new/member.key" || return 1
	# the system's own settings may be missing, and ask for what is not needed
	printf '[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = member\n' >"$certs_new/request.cnf" || return 1
	certs_request=$(openssl req -new -sha256 -key "$certs_new/member.key" -config "$certs_new/request.cnf") || return 1
	rm -f -- "$certs_new/request.cnf"
}

# certs_key_ssh: with the public key alone; the login proves whose it is.
certs_key_ssh() {
	ssh-keygen -q -t ecdsa -b 256 -m PEM -N '' -C member -f "$certs_new/member.key" </dev/null >&2 || return 1
	rm -f -- "$certs_new/member.key.pub"
	certs_request=$(ssh-keygen -e -m PKCS8 -f "$certs_new/member.key" </dev/null)
}

# certs_put DIR NEW VERSION OWNER GROUP MODE CHANGE: makes DIR/VERSION of the
# folder NEW (or of a new one), with $CERTS_CA, $CERTS_CERT and $CERTS_KEY (the
# key may be in NEW; without either it is the present one), and makes it current.
certs_put() {
	full_path "$1"
	certs_dir=$ep_full
	would "$7" || return 0
	certs_new=$2
	[ -n "$certs_new" ] || certs_new=$(mktemp -d "$certs_dir/.new.XXXXXX") ||
		fail "can't write to $certs_dir" "is the disk full or read-only?"
	[ -d "$certs_new" ] || fail "$certs_new is gone" "another run may have removed it: run again"
	(
		umask 077
		if [ -n "$CERTS_KEY" ]; then
			printf '%s' "$CERTS_KEY" >"$certs_new/member.key"
		elif [ ! -f "$certs_new/member.key" ]; then
			cat -- "$certs_dir/current/member.key" >"$certs_new/member.key"
		fi &&
			printf '%s' "$CERTS_CA" >"$certs_new/ca.crt" &&
			printf '%s' "$CERTS_CERT" >"$certs_new/member.crt"
	) || fail "can't write to $certs_new" "is the disk full?"
	sum_of sha256 "$certs_new/member.key"
	printf '%s\n' "$ep_sum" >"$certs_new/.etcdplay" || fail "can't write to $certs_new" "is the disk full?"
	new_attrs f "" "" 0644 "$certs_new/ca.crt"
	new_attrs f "" "" 0644 "$certs_new/member.crt"
	new_attrs f "" "" 0644 "$certs_new/.etcdplay"
	new_attrs f "$4" "$5" "$6" "$certs_new/member.key"
	new_attrs d "" "" 0755 "$certs_new"
	certs_version=$3
	while [ -e "$certs_dir/$certs_version" ]; do # of a run that was killed
		certs_version=$certs_version.1
	done
	sync -- "$certs_new"/* 2>/dev/null || sync
	certs_before=$(readlink -- "$certs_dir/current" 2>/dev/null) || certs_before=
	mv -- "$certs_new" "$certs_dir/$certs_version" || fail "can't make $certs_dir/$certs_version"
	! have restorecon || restorecon -R "$certs_dir" 2>/dev/null || :
	certs_switch
	certs_tidy
	fact version "$certs_version"
}

# certs_switch: $certs_version becomes the current one, in one step where mv can.
certs_switch() {
	rm -f -- "$certs_dir/.current.new"
	ln -s -- "$certs_version" "$certs_dir/.current.new" || fail "can't make a link in $certs_dir"
	mv -fT -- "$certs_dir/.current.new" "$certs_dir/current" 2>/dev/null || {
		rm -f -- "$certs_dir/.current.new"
		ln -sfn -- "$certs_version" "$certs_dir/current" || fail "can't make the link $certs_dir/current"
	}
}

# certs_tidy: removes what killed runs left, and our versions but the last two.
certs_tidy() {
	rm -rf -- "$certs_dir"/.new.*
	for ep_each in "$certs_dir"/*/.etcdplay; do
		ep_each=${ep_each%/.etcdplay}
		case ${ep_each##*/} in
		"$certs_version" | "$certs_before" | current | '*') ;;
		*) rm -rf -- "$ep_each" ;;
		esac
	done
}
