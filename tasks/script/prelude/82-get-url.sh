# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of other files
# Downloads by the host itself. GET_ variables say what:
#   URL DEST FORCE ALGORITHM SUM   SECONDS  the server's silence that is borne
#   OWNER GROUP MODE               CURLRC, WGETRC  the request as a configuration

# get_url NAME: NAME is that of the file, for a DEST that is a directory. The fact
# "need" says that the controller must download.
get_url() {
	full_path "$GET_DEST"
	ep_keep=1
	# as in Ansible: what is put into a directory is looked at each time
	[ ! -d "$ep_full" ] || ep_keep=0
	case $ep_full in */) ep_keep=0 ;; esac
	copy_place "$GET_DEST" "$1" 0 ""
	get_url_have
	if [ "$ep_have" = 1 ]; then
		ensure_attrs "$copy_dest" "$GET_OWNER" "$GET_GROUP" "$GET_MODE"
		fact status_code 304
		get_url_tell
		return
	fi
	if [ "$EP_CHECK" = 1 ] && [ ! -f "$copy_dest" ]; then
		owner_ids "$GET_OWNER" "$GET_GROUP"
		would "create $copy_dest" || :
		return
	fi
	if [ "$EP_CHECK" = 1 ] && [ -n "$GET_SUM" ]; then
		ensure_attrs "$copy_dest" "$GET_OWNER" "$GET_GROUP" "$GET_MODE"
		would "update $copy_dest" || :
		return
	fi
	scratch
	get_url_download "$ep_scratch/download" || return 0
	if [ -n "$GET_SUM" ]; then
		sum_of "$GET_ALGORITHM" "$ep_scratch/download"
		[ "$ep_sum" = "$GET_SUM" ] || fail "the $GET_ALGORITHM of $GET_URL is $ep_sum, not $GET_SUM" "nothing was changed"
	fi
	sum_of sha1 "$ep_scratch/download"
	fact checksum_src "$ep_sum"
	put_file "$ep_scratch/download" "$copy_dest" "$GET_OWNER" "$GET_GROUP" "$GET_MODE"
	get_url_tell
}

# get_url_have: sets $ep_have to 1 if what is there will do.
get_url_have() {
	ep_have=0
	[ -f "$copy_dest" ] || return 0
	if [ -n "$GET_SUM" ]; then
		sum_of "$GET_ALGORITHM" "$copy_dest"
		[ "$ep_sum" != "$GET_SUM" ] || ep_have=1
	elif [ "$GET_FORCE" = 0 ]; then
		ep_have=$ep_keep
	fi
	sum_of sha1 "$copy_dest"
	fact checksum_dest "$ep_sum"
}

get_url_tell() {
	[ ! -e "$copy_dest" ] || tell_file "" "$copy_dest"
}

# get_url_download FILE: by curl or GNU wget, from a configuration file, so that
# no URL, header or password is seen by others. BusyBox's wget checks no
# certificates and takes all in its arguments: there the controller must do it.
get_url_download() {
	progress "downloading $GET_URL"
	ep_code=0
	if have curl; then
		printf '%s' "$GET_CURLRC" >"$ep_scratch/request"
		ep_status=$(curl -fsSL -K "$ep_scratch/request" -o "$1" -w '%{http_code}' --connect-timeout "$GET_SECONDS" \
			--speed-limit 1 --speed-time "$GET_SECONDS" 2>"$ep_scratch/said") || ep_code=$?
		fact status_code "$ep_status"
	elif have wget && wget --version 2>/dev/null | grep -q 'GNU Wget'; then
		printf '%s' "$GET_WGETRC" >"$ep_scratch/request"
		printf '%s\n' "$GET_URL" >"$ep_scratch/url"
		WGETRC=$ep_scratch/request wget -nv -t 1 -T "$GET_SECONDS" -O "$1" -i "$ep_scratch/url" >"$ep_scratch/said" 2>&1 || ep_code=$?
		[ "$ep_code" != 0 ] || fact status_code 200
	else
		fact need download
		return 1
	fi
	[ "$ep_code" != 0 ] || [ -f "$1" ] || : >"$1"
	[ "$ep_code" = 0 ] || {
		cat "$ep_scratch/said" >&2
		fail "Request failed: $GET_URL can't be downloaded" "from this host: does it reach the server?"
	}
}
