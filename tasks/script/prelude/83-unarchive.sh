# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of other files
# Archives. UNARCHIVE_ variables say what:
#   NAME  of the archive, for messages   DEST  the directory   KEEP_NEWER, LIST  1 or 0
#   OWNER GROUP MODE                     EXCLUDE, INCLUDE      patterns, one a line

# unarchive FILE OPTION...: brings the directory to what is in the archive. It is
# unpacked aside, compared, and what differs is moved to its place; OPTIONs go to
# tar or unzip.
unarchive() {
	full_path "$UNARCHIVE_DEST"
	unarchive_dest=${ep_full%/}
	have sha1sum || fail "this host has no sha1sum to compare files with"
	fact dest "$unarchive_dest"
	unarchive_kind "$1"
	if [ ! -d "$unarchive_dest/" ]; then
		[ "$EP_CHECK" = 1 ] || fail "there is no directory $unarchive_dest" "make it first, with the mkdir task"
		warn "there is no directory $unarchive_dest yet"
		owner_ids "$UNARCHIVE_OWNER" "$UNARCHIVE_GROUP"
		would "extract $UNARCHIVE_NAME to $unarchive_dest" || :
		return 0
	fi
	scratch
	unarchive_into=$ep_scratch/tree
	if [ "$EP_CHECK" = 0 ]; then
		# beside its place, so that each file gets there in one step
		clean_at_exit
		ep_beside=$(mktemp -d "$unarchive_dest/.etcdplay.XXXXXX") || fail "can't write to $unarchive_dest"
		unarchive_into=$ep_beside/tree
	fi
	mkdir "$unarchive_into"
	unarchive_unpack "$@"
	[ -z "$UNARCHIVE_EXCLUDE" ] || unarchive_exclude
	unarchive_attrs
	unarchive_compare
	if [ -s "$ep_scratch/differ" ] && would "extract $UNARCHIVE_NAME to $unarchive_dest ($(wc -l <"$ep_scratch/differ" | tr -d ' ') of $(wc -l <"$ep_scratch/names" | tr -d ' ') entries)"; then
		unarchive_place
	fi
	[ "$UNARCHIVE_LIST" = 0 ] || fact files "$(sed 's/^\.\///' "$ep_scratch/names")"
	tell_file "" "$unarchive_dest"
	if [ "$EP_CHECK" = 0 ]; then
		rm -rf -- "$ep_beside"
		ep_beside=
	fi
}

# unarchive_there: a name is there already, so there is nothing to do.
unarchive_there() {
	full_path "$1"
	[ ! -e "$ep_full" ] || skip "skipped, since $1 exists"
}

# unarchive_kind FILE: sets $ep_kind by what is in it, not by its name.
unarchive_kind() {
	[ -f "$1" ] || fail "there is no file $1 on the host"
	ep_magic=$(od -An -tx1 -N6 <"$1" | tr -d ' \n')
	case $ep_magic in
	1f8b*) ep_kind=gzip ;;
	425a68*) ep_kind=bzip2 ;;
	fd377a585a00) ep_kind=xz ;;
	28b52ffd*) ep_kind=zstd ;;
	504b0304* | 504b0506*) ep_kind=unzip ;;
	*) ep_kind=tar ;;
	esac
	for ep_each in "$ep_kind" tar; do
		if ! have "$ep_each" && [ "$ep_kind,$ep_each" != unzip,tar ]; then
			fail "the host has no $ep_each to extract $UNARCHIVE_NAME" "install it with the package task"
		fi
	done
}

# unarchive_unpack FILE OPTION...
unarchive_unpack() {
	progress "extracting $UNARCHIVE_NAME"
	unarchive_file=$1
	shift
	if [ "$ep_kind" = unzip ]; then
		unarchive_zip "$@"
		return
	fi
	# root gives files to whom they belong in the archive, as in Ansible
	set -- -xpf - -C "$unarchive_into" "$@"
	ep_rest=$UNARCHIVE_INCLUDE
	while [ -n "$ep_rest" ]; do
		set -- "$@" "${ep_rest%%
*}"
		ep_rest=${ep_rest#*
}
	done
	if [ "$ep_kind" = tar ]; then
		tar "$@" <"$unarchive_file" || unarchive_unreadable
	else
		{ "$ep_kind" -dc <"$unarchive_file" || : >"$ep_scratch/broken"; } | tar "$@" || unarchive_unreadable
		[ ! -e "$ep_scratch/broken" ] || unarchive_unreadable
	fi
}

unarchive_zip() {
	set -- -q -o "$@" "$unarchive_file"
	ep_rest=$UNARCHIVE_INCLUDE
	while [ -n "$ep_rest" ]; do
		set -- "$@" "${ep_rest%%
*}"
		ep_rest=${ep_rest#*
}
	done
	unzip "$@" -d "$unarchive_into" >&2 || unarchive_unreadable
}

# unarchive_exclude: takes away again what is not wanted; not every tar can leave
# it out. A pattern is for whole names, or for their ends behind a slash.
unarchive_exclude() {
	(cd "$unarchive_into" && find . -mindepth 1 -print) >"$ep_scratch/names"
	while IFS= read -r ep_each; do
		ep_rest=$UNARCHIVE_EXCLUDE
		while [ -n "$ep_rest" ]; do
			ep_pattern=${ep_rest%%
*}
			ep_rest=${ep_rest#*
}
			# shellcheck disable=SC2254 # it is a pattern
			case ${ep_each#./} in
			${ep_pattern%/} | */${ep_pattern%/}) rm -rf -- "${unarchive_into:?}/$ep_each" ;;
			esac
		done
	done <"$ep_scratch/names"
}

unarchive_unreadable() {
	fail "can't extract $UNARCHIVE_NAME" "is it an archive, and is there room on the disk?"
}

# unarchive_attrs: what is asked for of owner, group and mode, while it is aside.
unarchive_attrs() {
	owner_ids "$UNARCHIVE_OWNER" "$UNARCHIVE_GROUP"
	if [ -n "$UNARCHIVE_OWNER$UNARCHIVE_GROUP" ]; then
		case $ep_uid$ep_gid in
		*[!0-9]*) warn "there is no user $UNARCHIVE_OWNER or no group $UNARCHIVE_GROUP yet" ;;
		*)
			find "$unarchive_into" -mindepth 1 -exec chown -h -- "$ep_uid${ep_gid:+:$ep_gid}" {} + ||
				fail "can't give the files to $UNARCHIVE_OWNER${UNARCHIVE_GROUP:+:$UNARCHIVE_GROUP}" "only root may: is become set?"
			;;
		esac
	fi
	[ -z "$UNARCHIVE_MODE" ] || find "$unarchive_into" -mindepth 1 ! -type l -exec chmod -- "$UNARCHIVE_MODE" {} + ||
		fail "can't set the mode of the files"
}

# unarchive_compare: writes the names of all entries to $ep_scratch/names and of
# those that differ to $ep_scratch/differ. Directories that are there are left
# alone, and so is what is not in the archive.
unarchive_compare() {
	(cd "$unarchive_into" && find . -mindepth 1 -print) | sort >"$ep_scratch/names"
	unarchive_listing "$unarchive_dest" >"$ep_scratch/old"
	unarchive_listing "$unarchive_into" >"$ep_scratch/new"
	awk 'FILENAME == ARGV[1] { old[$0]; next } !($0 in old) { print substr($0, index($0, "|") + 1) }' \
		"$ep_scratch/old" "$ep_scratch/new" | sort -u >"$ep_scratch/differ"
	[ "$UNARCHIVE_KEEP_NEWER" = 1 ] || return 0
	mv "$ep_scratch/differ" "$ep_scratch/all"
	while IFS= read -r ep_each; do
		[ -n "$(find "$unarchive_dest/$ep_each" -prune -newer "$unarchive_into/$ep_each" 2>/dev/null)" ] || printf '%s\n' "$ep_each"
	done <"$ep_scratch/all" >"$ep_scratch/differ"
}

# unarchive_listing FOLDER: lines WHAT|NAME of each entry in $ep_scratch/names,
# with all that must be the same: of a directory only that it is one.
unarchive_listing() (
	cd "$1" || exit 1
	# GNU sha1sum would write names with backslashes otherwise
	ep_zero=
	! sha1sum -z </dev/null >/dev/null 2>&1 || ep_zero=-z
	tr '\n' '\000' <"$ep_scratch/names" | xargs -0 stat -c '%F|%a %u:%g %s|%n' 2>/dev/null | awk '{
		kind = substr($0, 1, index($0, "|") - 1); rest = substr($0, length(kind) + 2)
		name = substr(rest, index(rest, "|") + 1); split(rest, attr, /[ |]/)
		if (kind == "directory") print kind "|" name
		else if (kind == "symbolic link") print kind " " attr[2] "|" name
		else print "file " attr[1] " " attr[2] " " attr[3] "|" name
	}' || :
	while IFS= read -r ep_each; do
		if [ -L "$ep_each" ]; then
			printf 'to %s|%s\n' "$(readlink -- "$ep_each" | sha1sum)" "$ep_each"
		elif [ -f "$ep_each" ]; then
			printf '%s\n' "$ep_each" >&3
		fi
	done <"$ep_scratch/names" 3>"$ep_scratch/files"
	# shellcheck disable=SC2086
	tr '\n' '\000' <"$ep_scratch/files" | xargs -0 sha1sum $ep_zero | tr '\000' '\n' | sed 's/  /|/' || :
)

# unarchive_place: moves what differs to its place.
unarchive_place() {
	while IFS= read -r ep_each; do
		ep_from=$unarchive_into/${ep_each#./} ep_to=$unarchive_dest/${ep_each#./}
		if [ -d "$ep_from" ] && [ ! -L "$ep_from" ]; then
			[ ! -e "$ep_to" ] || fail "$ep_to is in the way of a directory"
			mkdir -m 0700 -- "$ep_to" || fail "can't make the directory $ep_to"
			echo "$ep_each" >>"$ep_scratch/made"
			continue
		fi
		if [ -d "$ep_to" ] && [ ! -L "$ep_to" ]; then fail "the directory $ep_to is in the way of a file"; fi
		mv -f -- "$ep_from" "$ep_to" || fail "can't write $ep_to"
	done <"$ep_scratch/differ"
	[ -e "$ep_scratch/made" ] || return 0
	while IFS= read -r ep_each; do
		attrs_of "$unarchive_into/${ep_each#./}"
		chown -- "$ep_now_uid:$ep_now_gid" "$unarchive_dest/${ep_each#./}" 2>/dev/null || :
		set_mode "$ep_now_mode" "$unarchive_dest/${ep_each#./}"
	done <"$ep_scratch/made"
}
