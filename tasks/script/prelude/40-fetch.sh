# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# Downloads. The verb is fetch; what it is to do stands in FETCH_ variables:
#   URLS      one a line, tried in turn      DEST      the file, or empty
#   CHECKSUM  empty, HEX, or where it stands EXTRACT   the directory, or empty
#   STRIP     leading folders to leave out   CREATES   nothing to do if it exists
#   OWNER GROUP MODE                         ARCHES    "MACHINE=NAME …"
#   SECONDS   for each download              VIA       host, controller, auto
#   FROM      a file that the controller has put here, or empty
#   SUM       the SHA-256 that the controller knows, or empty
# {arch} in URLS, DEST, CHECKSUM, EXTRACT and CREATES is the host's architecture.

# fetch: brings the host to what the variables say. Where only the controller
# can go on, the fact "need" says what it must bring: "sum" (of NAME), or "file".
fetch() {
	fetch_arch
	fetch_fill "$FETCH_URLS" && FETCH_URLS=$ep_filled
	fetch_fill "$FETCH_DEST" && FETCH_DEST=$ep_filled
	fetch_fill "$FETCH_CHECKSUM" && FETCH_CHECKSUM=$ep_filled
	fetch_fill "$FETCH_EXTRACT" && FETCH_EXTRACT=$ep_filled
	fetch_fill "$FETCH_CREATES" && FETCH_CREATES=$ep_filled
	if [ -n "$FETCH_CREATES" ]; then
		full_path "$FETCH_CREATES"
		if [ -e "$ep_full" ]; then skip "$ep_full exists"; fi
	fi
	ep_name=${FETCH_URLS%%"
"*}
	ep_name=${ep_name%%[?#]*}
	FETCH_NAME=${ep_name##*/}
	[ -n "$FETCH_NAME" ] || fail "the URL $ep_name names no file" "give the whole URL of the file"
	fetch_places
	FETCH_LOCKED=0
	fetch_case
}

fetch_case() {
	FETCH_HAVE='' FETCH_WHY='' ep_sum='' ep_why='' ep_code=0
	if [ -n "$FETCH_EXTRACT" ]; then
		fetch_tree
	else
		fetch_file
	fi
}

# fetch_lock: where several hosts of the inventory are one machine, one of them
# downloads; the others wait and then look again. Ends the script in their case.
fetch_lock() {
	[ "$FETCH_LOCKED" = 0 ] && have flock || return 0
	FETCH_LOCKED=1
	exec 9<"$ep_place/" || return 0
	! flock -n 9 || return 0
	progress "waiting for another download to $ep_place"
	flock 9 || return 0
	fetch_case
	exit 0
}

# fetch_arch: sets $ep_arch to what releases call this machine.
fetch_arch() {
	ep_machine=$(uname -m)
	ep_arch=
	for ep_pair in $FETCH_ARCHES; do
		case $ep_pair in "$ep_machine="*) ep_arch=${ep_pair#*=} ;; esac
	done
	fact arch "${ep_arch:-$ep_machine}"
}

# fetch_fill TEXT: sets $ep_filled to it, with {arch} filled in.
fetch_fill() {
	ep_filled='' ep_rest=$1
	while :; do
		case $ep_rest in
		*"{arch}"*)
			[ -n "$ep_arch" ] || fail "there is no word for {arch} on this machine ($ep_machine)" "say it with arch_map: {$ep_machine: WORD}"
			ep_filled=$ep_filled${ep_rest%%"{arch}"*}$ep_arch
			ep_rest=${ep_rest#*"{arch}"}
			;;
		*)
			ep_filled=$ep_filled$ep_rest
			return 0
			;;
		esac
	done
}

# fetch_places: makes the paths whole and sets FETCH_PART, where the download
# grows: beside its place, so that it need not be copied and can be resumed.
fetch_places() {
	ep_place=
	if [ -n "$FETCH_EXTRACT" ]; then
		full_path "$FETCH_EXTRACT"
		FETCH_EXTRACT=${ep_full%/}
		fact extract "$FETCH_EXTRACT"
		ep_place=${FETCH_EXTRACT%/*}
		FETCH_PART=$ep_place/.${FETCH_EXTRACT##*/}.$FETCH_NAME.etcdplay-part
		FETCH_TREE=$ep_place/.${FETCH_EXTRACT##*/}.$FETCH_NAME.etcdplay-tree
	fi
	if [ -n "$FETCH_DEST" ]; then
		full_path "$FETCH_DEST"
		FETCH_DEST=$ep_full
		case $FETCH_DEST in
		*/) FETCH_DEST=$FETCH_DEST$FETCH_NAME ;;
		*) [ ! -d "$FETCH_DEST" ] || FETCH_DEST=$FETCH_DEST/$FETCH_NAME ;;
		esac
		fact dest "$FETCH_DEST"
		ep_place=${FETCH_DEST%/*}
		FETCH_PART=$ep_place/.$FETCH_NAME.etcdplay-part
	fi
	if [ "$EP_CHECK" = 0 ] && [ ! -d "$ep_place/" ]; then
		fail "there is no directory $ep_place" "make it first, with the mkdir task"
	fi
}

# fetch_file: the case without extraction.
fetch_file() {
	if [ -f "$FETCH_DEST" ]; then
		fetch_expect
		if [ -z "$ep_sum" ] || fetch_sum "$FETCH_DEST" "$ep_sum"; then
			ensure_attrs "$FETCH_DEST" "$FETCH_OWNER" "$FETCH_GROUP" "$FETCH_MODE"
			fact checksum "$ep_sum"
			return
		fi
	elif [ -e "$FETCH_DEST" ]; then
		what_is "$FETCH_DEST"
		fail "$FETCH_DEST is $ep_what, not a file"
	fi
	fetch_obtain
	fetch_keep
}

# fetch_keep: puts what was obtained at FETCH_DEST.
fetch_keep() {
	if would "download $FETCH_NAME to $FETCH_DEST"; then
		new_attrs f "$FETCH_OWNER" "$FETCH_GROUP" "$FETCH_MODE" "$FETCH_HAVE"
		mv -f -- "$FETCH_HAVE" "$FETCH_DEST" || fail "can't write $FETCH_DEST"
		! have restorecon || restorecon "$FETCH_DEST" 2>/dev/null || :
		FETCH_HAVE=$FETCH_DEST
	fi
}

# fetch_tree: the case with extraction. What was extracted is noted beside it,
# so the archive need not be kept to see whether the tree is whole.
fetch_tree() {
	fetch_kind
	FETCH_NOTE=$FETCH_EXTRACT/.etcdplay-fetch-$FETCH_NAME
	ep_whole=0 ep_sum=
	fetch_whole && ep_whole=1
	if [ -n "$FETCH_DEST" ]; then
		fetch_expect
		# without a checksum the one that was extracted is as good as any
		[ -n "$ep_sum" ] || [ $ep_whole = 0 ] || ep_sum=$ep_noted_sum
		if [ -f "$FETCH_DEST" ] && { [ -z "$ep_sum" ] || fetch_sum "$FETCH_DEST" "$ep_sum"; }; then
			ensure_attrs "$FETCH_DEST" "$FETCH_OWNER" "$FETCH_GROUP" ''
			FETCH_HAVE=$FETCH_DEST
			[ -n "$ep_sum" ] || fetch_sum "$FETCH_DEST" '' || ep_sum=$ep_got
		else
			fetch_obtain
			fetch_keep
		fi
	fi
	if [ $ep_whole = 1 ]; then
		fetch_tree_attrs
		fetch_tidy
		fact checksum "$ep_noted_sum"
		return
	fi
	[ -n "$FETCH_HAVE" ] || fetch_obtain
	if would "extract $FETCH_NAME to $FETCH_EXTRACT"; then
		fetch_extract
	fi
	fetch_tidy
}

# fetch_tidy: takes away what is no more needed, and what a killed run left.
fetch_tidy() {
	if [ "$EP_CHECK" = 0 ] && { [ -e "$FETCH_PART" ] || [ -e "$FETCH_TREE" ]; }; then
		rm -rf -- "$FETCH_PART" "$FETCH_TREE"
	fi
}

# fetch_kind: sets FETCH_KIND to how the archive is read.
fetch_kind() {
	case $FETCH_NAME in
	*.tar.gz | *.tgz) FETCH_KIND=gzip ;;
	*.tar.xz | *.txz) FETCH_KIND=xz ;;
	*.tar.bz2 | *.tbz2 | *.tbz) FETCH_KIND=bzip2 ;;
	*.tar.zst | *.tzst) FETCH_KIND=zstd ;;
	*.tar) FETCH_KIND=tar ;;
	*.zip) FETCH_KIND=unzip ;;
	*) fail "$FETCH_NAME is no archive that can be extracted" "known are .tar.gz, .tar.xz, .tar.bz2, .tar.zst, .tar and .zip" ;;
	esac
}

# fetch_tools: before a download, can what it brings be extracted?
fetch_tools() {
	for ep_each in "$FETCH_KIND" tar; do
		if ! have "$ep_each" && [ "$FETCH_KIND,$ep_each" != unzip,tar ]; then
			fail "the host has no $ep_each to extract $FETCH_NAME" "install it with the package task, or take another archive"
		fi
	done
}

# fetch_listing: prints size, time, mode and owner of the files named on stdin,
# relative to FETCH_EXTRACT.
fetch_listing() {
	(cd -- "$FETCH_EXTRACT" && tr '\n' '\000' | xargs -0 stat -c '%s %Y %a %u:%g %n' --) 2>/dev/null
}

# fetch_whole: is there just what is wanted? Sets $ep_noted_sum.
fetch_whole() {
	[ -f "$FETCH_NOTE" ] || return 1
	{
		IFS= read -r ep_noted_sum # the title
		IFS= read -r ep_noted_sum
		IFS= read -r ep_noted_from
		IFS= read -r ep_noted_attrs
	} <"$FETCH_NOTE" || return 1
	[ "$ep_noted_from" = "from $FETCH_NAME $FETCH_CHECKSUM, strip $FETCH_STRIP" ] || return 1
	ep_noted_sum=${ep_noted_sum#sha256 }
	ep_attrs_hold=1
	! fetch_as_noted || return 0
	scratch
	sed '1,4d' "$FETCH_NOTE" >"$ep_scratch/noted"
	sed 's/^[^ ]* [^ ]* [^ ]* [^ ]* //' "$ep_scratch/noted" | fetch_listing >"$ep_scratch/found" || return 1
	! cmp -s "$ep_scratch/noted" "$ep_scratch/found" || return 0
	ep_attrs_hold=0
	# whose they are can be mended; the mode only if it is known
	ep_columns='s/^\([^ ]* [^ ]*\) \([^ ]*\) [^ ]*/\1 \2/'
	[ -z "$FETCH_MODE" ] || ep_columns='s/^\([^ ]* [^ ]*\) [^ ]* [^ ]*/\1/'
	sed "$ep_columns" "$ep_scratch/noted" >"$ep_scratch/noted2"
	sed "$ep_columns" "$ep_scratch/found" | cmp -s - "$ep_scratch/noted2"
}

# fetch_as_noted: a short cut: are a few files, and whose they are, just as noted?
fetch_as_noted() {
	[ "$ep_noted_attrs" = "as $FETCH_OWNER:$FETCH_GROUP:$FETCH_MODE" ] || return 1
	ep_noted='' ep_n=0
	set --
	while IFS= read -r ep_line; do
		ep_n=$((ep_n + 1))
		[ $ep_n -gt 4 ] || continue
		[ $ep_n -le 64 ] || return 1
		ep_noted="$ep_noted${ep_noted:+
}$ep_line"
		set -- "$@" "${ep_line#* * * * }"
	done <"$FETCH_NOTE"
	[ $# -gt 0 ] && [ "$ep_noted" = "$(cd -- "$FETCH_EXTRACT" && stat -c '%s %Y %a %u:%g %n' -- "$@" 2>/dev/null)" ]
}

# fetch_tree_attrs: owner and mode of a tree that is whole.
fetch_tree_attrs() {
	if [ "$ep_attrs_hold" = 1 ] && [ "$ep_noted_attrs" = "as $FETCH_OWNER:$FETCH_GROUP:$FETCH_MODE" ]; then
		return 0
	fi
	sed 's/^[^ ]* [^ ]* [^ ]* [^ ]* //' "$ep_scratch/noted" >"$ep_scratch/names"
	while IFS= read -r ep_each; do
		if [ -L "$FETCH_EXTRACT/$ep_each" ]; then
			ensure_link_owner "$FETCH_EXTRACT/$ep_each" "$FETCH_OWNER" "$FETCH_GROUP"
		else
			ensure_attrs "$FETCH_EXTRACT/$ep_each" "$FETCH_OWNER" "$FETCH_GROUP" "$FETCH_MODE"
		fi
	done <"$ep_scratch/names"
	if [ -n "$FETCH_OWNER$FETCH_GROUP" ]; then
		awk -F/ '{ path = ""; print "."; for (i = 1; i < NF; i++) { path = path $i; print path; path = path "/" } }' \
			"$ep_scratch/names" | sort -u >"$ep_scratch/folders"
		while IFS= read -r ep_each; do
			ensure_attrs "$FETCH_EXTRACT/$ep_each" "$FETCH_OWNER" "$FETCH_GROUP" ''
		done <"$ep_scratch/folders"
	fi
	[ "$EP_CHECK" = 1 ] || fetch_note "$ep_noted_sum" <"$ep_scratch/names"
}

# fetch_note SUM: notes what was extracted; its files' names are on stdin.
fetch_note() {
	fetch_listing >"$ep_scratch/listing" || fail "can't read what was extracted to $FETCH_EXTRACT"
	if ! {
		echo "# What etcdplay's fetch task extracted here, to see whether it is still whole."
		echo "sha256 $1"
		echo "from $FETCH_NAME $FETCH_CHECKSUM, strip $FETCH_STRIP"
		echo "as $FETCH_OWNER:$FETCH_GROUP:$FETCH_MODE"
		cat "$ep_scratch/listing"
	} >"$FETCH_NOTE.new" || ! mv -f -- "$FETCH_NOTE.new" "$FETCH_NOTE"; then
		fail "can't write $FETCH_NOTE" "is the disk full?"
	fi
}

# fetch_extract: FETCH_HAVE into FETCH_EXTRACT. First all is unpacked beside it;
# then each new entry appears in one step. What is there already and not in the
# archive stays, data above all.
fetch_extract() {
	ep_parent=${FETCH_EXTRACT%/*}
	ep_beside=$FETCH_TREE
	clean_at_exit
	rm -rf -- "$ep_beside"
	mkdir -m 0700 -- "$ep_beside" || fail "can't make a folder in ${ep_parent:-/}"
	scratch
	progress "extracting $FETCH_NAME"
	mkdir "$ep_beside/0" || fail "can't write to $ep_beside"
	ep_nice="nice" # what serves on this host goes first
	have nice || ep_nice=
	case $FETCH_KIND in
	unzip) $ep_nice unzip -q -o "$FETCH_HAVE" -d "$ep_beside/0" >&2 || fetch_unreadable ;;
	tar) $ep_nice tar -xof "$FETCH_HAVE" -C "$ep_beside/0" || fetch_unreadable ;;
	*)
		{
			$ep_nice "$FETCH_KIND" -dc <"$FETCH_HAVE" || : >"$ep_scratch/broken"
		} | $ep_nice tar -xof - -C "$ep_beside/0" || fetch_unreadable
		[ ! -e "$ep_scratch/broken" ] || fetch_unreadable
		;;
	esac
	ep_level=0
	while [ "$ep_level" -lt "$FETCH_STRIP" ]; do
		ep_next=$((ep_level + 1))
		mkdir "$ep_beside/$ep_next"
		for ep_each in "$ep_beside/$ep_level"/* "$ep_beside/$ep_level"/.[!.]*; do
			if [ -d "$ep_each" ] && [ ! -L "$ep_each" ]; then
				fetch_move "$ep_each" "$ep_beside/$ep_next"
			fi
		done
		ep_level=$ep_next
	done
	ep_new=$ep_beside/$ep_level
	(cd "$ep_new" && find . ! -type d) | sed 's/^\.\///' | sort >"$ep_scratch/names"
	[ -s "$ep_scratch/names" ] || fail "$FETCH_NAME holds no files below $FETCH_STRIP folders" "is strip too large?"
	owner_ids "$FETCH_OWNER" "$FETCH_GROUP"
	[ -z "$ep_uid$ep_gid" ] || chown -Rh -- "$ep_uid${ep_gid:+:$ep_gid}" "$ep_new" || fail "can't give the files to $FETCH_OWNER" "only root may: is become set?"
	[ -z "$FETCH_MODE" ] || find "$ep_new" ! -type d ! -type l -exec chmod -- "$FETCH_MODE" {} + || fail "can't set the mode of the files"
	ep_sum_now=$ep_sum
	[ -n "$ep_sum_now" ] || fetch_sum "$FETCH_HAVE" '' || ep_sum_now=$ep_got
	chmod 0755 "$ep_new"
	if [ -e "$FETCH_EXTRACT" ]; then
		[ -d "$FETCH_EXTRACT" ] || fail "$FETCH_EXTRACT is no directory"
		rm -f -- "$FETCH_NOTE"
		fetch_move "$ep_new" "$FETCH_EXTRACT"
		fetch_note "$ep_sum_now" <"$ep_scratch/names"
	else
		ep_final=$FETCH_EXTRACT ep_final_note=$FETCH_NOTE
		FETCH_EXTRACT=$ep_new FETCH_NOTE=$ep_new/${FETCH_NOTE##*/}
		fetch_note "$ep_sum_now" <"$ep_scratch/names"
		FETCH_EXTRACT=$ep_final FETCH_NOTE=$ep_final_note
		mv -- "$ep_new" "$FETCH_EXTRACT" || fail "can't make $FETCH_EXTRACT"
	fi
	! have restorecon || restorecon -R "$FETCH_EXTRACT" 2>/dev/null || :
	rm -rf -- "$ep_beside"
	fact checksum "$ep_sum_now"
}

fetch_unreadable() {
	fail "can't extract $FETCH_NAME" "$(df -Pk "$ep_beside" | awk 'NR == 2 { printf "%d MB are free there; ", $4 / 1024 }')is the disk full, or the archive of another kind?"
}

# fetch_move FROM TO: moves all that is in a folder into another, entry by entry;
# folders that are there already are merged, and files that are the same stay: a
# program that runs must not look replaced.
fetch_move() {
	for ep_entry in "$1"/* "$1"/.[!.]*; do
		if [ ! -e "$ep_entry" ] && [ ! -L "$ep_entry" ]; then
			continue
		elif [ -d "$ep_entry" ] && [ ! -L "$ep_entry" ] && [ -d "$2/${ep_entry##*/}" ]; then
			# a subshell: this is recursive, and POSIX knows no local variables
			(fetch_move "$ep_entry" "$2/${ep_entry##*/}") || exit 1
		elif fetch_same "$ep_entry" "$2/${ep_entry##*/}"; then
			continue
		else
			mv -f -- "$ep_entry" "$2/" || fail "can't move ${ep_entry##*/} to $2"
		fi
	done
}

# fetch_same NEW OLD: are they files that differ in nothing?
fetch_same() {
	[ -f "$1" ] && [ -f "$2" ] && [ ! -L "$1" ] && [ ! -L "$2" ] &&
		[ "$(stat -c '%s %Y %a %u:%g' -- "$1")" = "$(stat -c '%s %Y %a %u:%g' -- "$2")" ] && cmp -s -- "$1" "$2"
}

# fetch_expect: sets $ep_sum to the checksum that is wanted, "" if none is. It
# may have to be downloaded.
fetch_expect() {
	ep_sum=$FETCH_SUM
	[ -z "$ep_sum" ] || return 0
	case $FETCH_CHECKSUM in
	'') ;;
	*[!0-9a-f]* | *[!0-9a-f]) fetch_published ;;
	*) ep_sum=$FETCH_CHECKSUM ;;
	esac
}

# fetch_published: $ep_sum from the file of checksums, of the first mirror that
# has it.
fetch_published() {
	if [ "$FETCH_VIA" = controller ]; then
		fetch_ask sum
	fi
	scratch
	FETCH_WHY=
	while IFS= read -r ep_url <&4; do
		fetch_published_at "$ep_url" && break
	done 4<<-END
		$FETCH_URLS
	END
	[ -z "$ep_sum" ] || return 0
	fetch_give_up sum "no mirror tells the checksum of $FETCH_NAME"
}

# fetch_published_at URL: $ep_sum from the mirror of this URL.
fetch_published_at() {
	case $FETCH_CHECKSUM in
	*://*) ep_sums=$FETCH_CHECKSUM ;;
	*) ep_sums=${1%%[?#]*} && ep_sums=${ep_sums%/*}/$FETCH_CHECKSUM ;;
	esac
	progress "reading $ep_sums"
	if ! fetch_get "$ep_sums" "$ep_scratch/sums"; then
		fetch_because "$ep_sums" "$ep_why"
		return 1
	fi
	ep_sum=$(awk -v name="$FETCH_NAME" '
		{ sub(/\r$/, "") }
		$1 == "SHA256" && $2 == "(" name ")" { print $4; exit }
		{ file = $2; sub(/^\*/, "", file); sub(/.*\//, "", file) }
		length($1) == 64 && (file == name || NF == 1 && NR == 1) { print $1; exit }
	' "$ep_scratch/sums" | tr A-F a-f)
	case $ep_sum in
	'' | *[!0-9a-f]*) ep_sum= ;;
	esac
	[ -n "$ep_sum" ] || { fetch_because "$ep_sums" "it does not name $FETCH_NAME"; return 1; }
}

# fetch_because URL REASON: adds to FETCH_WHY.
fetch_because() {
	FETCH_WHY="$FETCH_WHY${FETCH_WHY:+
}$1: $2"
}

# fetch_ask sum|file: leaves the rest to the controller.
fetch_ask() {
	fact need "$1"
	fact name "$FETCH_NAME"
	fact part "$FETCH_PART"
	fetch_free
	fact free "$ep_free"
	exit 0
}

# fetch_give_up sum|file TEXT: no mirror could be used from here.
fetch_give_up() {
	if [ "$FETCH_VIA" = auto ]; then
		fact why "$FETCH_WHY"
		fetch_ask "$1"
	fi
	fail "$2" "$FETCH_WHY"
}

# fetch_sum FILE SUM: has it this SHA-256? Sets $ep_got to what it has.
fetch_sum() {
	if have sha256sum; then
		ep_got=$(sha256sum <"$1")
	elif have shasum; then
		ep_got=$(shasum -a 256 <"$1")
	elif have openssl; then
		ep_got=$(openssl dgst -sha256 -r <"$1")
	else
		fail "the host has nothing to compute a SHA-256" "install coreutils, busybox or openssl"
	fi
	ep_got=${ep_got%% *}
	[ "$ep_got" = "$2" ]
}

# fetch_obtain: sets FETCH_HAVE to a file with the wanted contents; in check
# mode it does nothing.
fetch_obtain() {
	[ "$EP_CHECK" = 0 ] || return 0
	fetch_lock
	[ -z "$FETCH_EXTRACT" ] || fetch_tools
	if [ -n "$FETCH_FROM" ]; then
		if ! fetch_sum "$FETCH_FROM" "$FETCH_SUM"; then
			rm -f -- "$FETCH_FROM"
			fail "$FETCH_NAME did not arrive whole from the controller: its SHA-256 is $ep_got, not $FETCH_SUM" "run again"
		fi
		ep_sum=$FETCH_SUM
		FETCH_HAVE=$FETCH_FROM
		return
	fi
	[ "$FETCH_VIA" != controller ] || fetch_ask file
	[ -n "$ep_sum" ] || fetch_expect
	FETCH_WHY=
	while IFS= read -r ep_url <&4; do
		fetch_from "$ep_url" && break
	done 4<<-END
		$FETCH_URLS
	END
	[ -n "$FETCH_HAVE" ] || fetch_give_up file "no mirror could be used for $FETCH_NAME"
}

# fetch_from URL: tries one mirror; sets FETCH_HAVE or tells why not. What an
# interrupted run left is gone on with where a checksum can tell whether that
# came out right; if not, the download begins anew.
fetch_from() {
	[ -n "$ep_sum" ] || rm -f -- "$FETCH_PART"
	fetch_room "$1"
	while :; do
		ep_resumed=0
		[ ! -s "$FETCH_PART" ] || ep_resumed=1
		if fetch_get "$1" "$FETCH_PART" part; then
			if [ -z "$ep_sum" ] || fetch_sum "$FETCH_PART" "$ep_sum"; then
				FETCH_HAVE=$FETCH_PART
				fact url "$1"
				[ -n "$ep_sum" ] || warn "$1 was not checked: give its checksum"
				return 0
			fi
			ep_why="wrong checksum: expected $ep_sum, got $ep_got"
			rm -f -- "$FETCH_PART"
		else
			# the server can't go on where we are; anything else may pass
			case $ep_code:$ep_why in
			22:* | 33:* | 36:* | 8:* | *416* | *ange*) rm -f -- "$FETCH_PART" ;;
			*) ep_resumed=0 ;;
			esac
		fi
		if [ "$ep_resumed" = 0 ]; then
			fetch_because "$1" "$ep_why"
			return 1
		fi
	done
}

# fetch_room URL: sets $ep_size if the server tells it; a disk without room for
# it is a failure.
fetch_room() {
	ep_size=
	if have curl; then
		ep_size=$(curl -fsIL --connect-timeout 15 --max-time 30 -- "$1" 2>/dev/null) || ep_size=
	elif have wget; then
		fetch_wget_timeout 15
		# shellcheck disable=SC2086 # none or two words
		ep_size=$(wget -q -S --spider $ep_wget_timeout "$1" 2>&1) || ep_size=
	fi
	ep_size=$(printf '%s' "$ep_size" | tr -d '\r' | awk 'tolower($1) == "content-length:" { n = $2 } END { print n }')
	case $ep_size in '' | *[!0-9]*) ep_size= && return 0 ;; esac
	ep_done=0
	[ ! -f "$FETCH_PART" ] || ep_done=$(wc -c <"$FETCH_PART")
	fetch_free
	[ -n "$ep_free" ] || return 0
	if [ $(((ep_size - ep_done) / 1024)) -ge "$ep_free" ]; then
		fail "no room for $FETCH_NAME: it has $((ep_size / 1048576)) MB, and ${FETCH_PART%/*}/ has $((ep_free / 1024)) MB free" "make room, or choose another place"
	fi
}

# fetch_free: sets $ep_free to how many KiB are free where the download grows, or
# to "" if that can't be told.
fetch_free() {
	ep_free=$(df -Pk "${FETCH_PART%/*}/" 2>/dev/null | awk 'NR == 2 { print $4 }')
	case $ep_free in *[!0-9]*) ep_free= ;; esac
}

# fetch_wget_timeout SECONDS: sets $ep_wget_timeout to how wget is told, if it can
# be: a busybox built without that option dies of it.
fetch_wget_timeout() {
	ep_wget_timeout=
	! wget --help 2>&1 | grep -q -e ' -T[, ]' || ep_wget_timeout="-T $1"
}

# fetch_get URL FILE [part]: downloads; with part, goes on with what FILE has and
# tells how far it is. Sets $ep_why and $ep_code on failure.
fetch_get() {
	scratch
	rm -f -- "$ep_scratch/status"
	if have curl; then
		set -- "$1" "$2" "${3:-}" curl -fsSL --connect-timeout 15 --max-time "$FETCH_SECONDS" --speed-limit 1 --speed-time 60 ${3:+-C -} -o "$2" -- "$1"
	elif have wget; then
		if wget --version 2>/dev/null | grep -q 'GNU Wget'; then
			set -- "$1" "$2" "${3:-}" wget -nv -t 1 -T 60 ${3:+-c} -O "$2" -- "$1"
		else
			case $1 in https:*) warn "this host's wget does not check certificates; only the checksum tells that $1 is genuine" ;; esac
			set -- "$1" "$2" "${3:-}" wget -q ${3:+-c} -O "$2" "$1"
		fi
	else
		ep_code=127 ep_why="the host has neither curl nor wget"
		return 1
	fi
	ep_url=$1 ep_file=$2 ep_part=$3
	shift 3
	(
		"$@" >&2 2>"$ep_scratch/said" &
		child=$!
		trap 'kill "$child"' TERM
		code=0
		wait "$child" || code=$?
		echo "$code" >"$ep_scratch/status.new"
		mv "$ep_scratch/status.new" "$ep_scratch/status"
	) &
	ep_job=$!
	read -r ep_now ep_rest </proc/uptime
	ep_ticks=0 ep_had=0 ep_began=${ep_now%%.*}
	ep_moved=$ep_began
	while [ ! -e "$ep_scratch/status" ]; do
		ep_ticks=$((ep_ticks + 1))
		case $ep_ticks in
		[1-8])
			sleep 0.03 2>/dev/null || sleep 1
			continue
			;;
		9 | 1? | 2?)
			sleep 0.1 2>/dev/null || sleep 1
			continue
			;;
		esac
		sleep 0.5 2>/dev/null || sleep 1
		fetch_watch "$ep_url" "$ep_file"
	done
	wait "$ep_job" 2>/dev/null || :
	ep_code=$(cat "$ep_scratch/status")
	[ "$ep_code" != 0 ] || return 0
	ep_why=$(grep -v '^$' "$ep_scratch/said" | tail -n 1 | sed 's/^curl: ([0-9]*) //; s/^wget: //')
	ep_why=${ep_why:-exit code $ep_code}
	# an empty or half-made file is of use only where it can be gone on with
	if [ -z "$ep_part" ] || [ ! -s "$ep_file" ]; then
		rm -f -- "$ep_file"
	fi
	return 1
}

# fetch_watch URL FILE: tells how far the job of fetch_get is, and ends it if it
# takes too long.
fetch_watch() {
	read -r ep_now ep_rest </proc/uptime
	ep_now=${ep_now%%.*}
	if [ -f "$2" ] && [ "$ep_had" != "$(wc -c <"$2")" ]; then
		ep_had=$(wc -c <"$2") ep_moved=$ep_now
		[ -z "$ep_part" ] || fetch_progress "$1"
	fi
	if [ $((ep_now - ep_began)) -gt "$FETCH_SECONDS" ]; then
		echo "not done within $FETCH_SECONDS s" >"$ep_scratch/late"
	elif [ $((ep_now - ep_moved)) -gt 65 ]; then
		echo "nothing came for a minute" >"$ep_scratch/late"
	else
		return 0
	fi
	kill "$ep_job" 2>/dev/null || :
	wait "$ep_job" 2>/dev/null || :
	mv "$ep_scratch/late" "$ep_scratch/said"
	echo 28 >"$ep_scratch/status"
}

# fetch_progress URL: of $ep_had bytes from there.
fetch_progress() {
	ep_from=${1#*://}
	progress "$(awk -v had="$ep_had" -v all="${ep_size:-0}" -v from="${ep_from%%/*}" 'BEGIN {
		printf "%.1f", had / 1048576
		if (all > 0) printf " of %.1f", all / 1048576
		printf " MB from %s", from
	}')"
}
