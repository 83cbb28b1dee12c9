# shellcheck shell=sh
# Files that the controller brings.

# copy_place DEST NAME FOLLOW DIR_MODE: sets $copy_dest to where a file of this
# name goes: DEST, or in it if it is a directory or ends with a slash (then the
# directory is made). Without a NAME, DEST must be a file.
copy_place() {
	full_path "$1"
	copy_dest=$ep_full
	case $copy_dest in */) ep_is_dir=1 ;; *) ep_is_dir=0 ;; esac
	[ ! -d "$copy_dest" ] || ep_is_dir=1
	if [ $ep_is_dir = 1 ]; then
		[ -n "$2" ] || fail "$copy_dest is a directory, and the new file has no name" "add a name to dest"
		ensure_dir "${copy_dest%/}" "" "" "$4"
		copy_dest=${copy_dest%/}/$2
	fi
	if [ "$3" = 1 ] && [ -L "$copy_dest" ]; then
		real_path "$copy_dest"
		copy_dest=$ep_full
	fi
	fact dest "$copy_dest"
}

# copy_kept FORCE: without FORCE a file that is there stays as it is.
copy_kept() {
	[ "$1" = 0 ] && { [ -e "$copy_dest" ] || [ -L "$copy_dest" ]; }
}

# copy_text TEXT OWNER GROUP MODE FORCE: a short text to $copy_dest.
copy_text() {
	copy_kept "$5" || ensure_content "$copy_dest" "$1" "$2" "$3" "$4"
	tell_file "" "$copy_dest"
}

# copy_compare SHA256 OWNER GROUP MODE FORCE: for what is too large to be in a
# script: the fact "upload" names the file that the controller must bring. In
# check mode the change is foreseen.
copy_compare() {
	if copy_kept "$5"; then
		tell_file "" "$copy_dest"
		return
	fi
	if [ -f "$copy_dest" ] && [ ! -L "$copy_dest" ]; then
		sum_of sha256 "$copy_dest"
		if [ "$ep_sum" = "$1" ]; then
			ensure_attrs "$copy_dest" "$2" "$3" "$4"
			tell_file "" "$copy_dest"
			return
		fi
	fi
	if [ "$EP_CHECK" = 1 ]; then
		scratch
		printf '(%s)\n' "$1" >"$ep_scratch/sum"
		EP_DIFF=0
		FILE_VALIDATE=
		put_file "$ep_scratch/sum" "$copy_dest" "$2" "$3" "$4"
		return
	fi
	copy_spool=$(mktemp "${TMPDIR:-/tmp}/.etcdplay-upload.XXXXXX") ||
		fail "can't make a temporary file in ${TMPDIR:-/tmp}" "is the disk full or read-only?"
	fact upload "$copy_spool"
}

# copy_uploaded FILE OWNER GROUP MODE: puts what the controller brought to
# $copy_dest.
copy_uploaded() {
	ep_beside=$1
	clean_at_exit
	copy_from=$1
	put_file "$copy_from" "$copy_dest" "$2" "$3" "$4"
	rm -f -- "$copy_from"
	tell_file "" "$copy_dest"
}

# copy_forget FILE: removes what could not be brought whole.
copy_forget() {
	rm -f -- "$1"
}

# copy_remote SRC OWNER GROUP MODE FORCE: a file of the host itself.
copy_remote() {
	full_path "$1"
	copy_from=$ep_full
	[ -f "$copy_from" ] || fail "there is no file $copy_from on the host"
	copy_mode "$copy_from" "$4"
	copy_kept "$5" || put_file "$copy_from" "$copy_dest" "$2" "$3" "$ep_copy_mode"
	tell_file "" "$copy_dest"
}

# copy_mode SRC MODE: sets $ep_copy_mode to it, or to what SRC has for preserve.
copy_mode() {
	ep_copy_mode=$2
	if [ "$2" = preserve ]; then
		attrs_of "$1"
		ep_copy_mode=$ep_now_mode
	fi
}

# copy_tree SRC DEST OWNER GROUP MODE DIR_MODE FORCE: a directory of the host
# itself and all in it: as DEST/NAME, or with a slash behind SRC what is in it.
copy_tree() {
	full_path "$1"
	ep_top=$ep_full
	[ -d "$ep_top" ] || fail "there is no directory $ep_top on the host"
	full_path "$2"
	copy_into=${ep_full%/}
	case $ep_top in */) ep_top=${ep_top%/} ;; *) copy_into=$copy_into/${ep_top##*/} ;; esac
	fact dest "$copy_into"
	scratch
	find "$ep_top" -print >"$ep_scratch/found" || fail "can't read all of $ep_top"
	sort "$ep_scratch/found" >"$ep_scratch/tree"
	copy_top=$ep_top
	copy_args "$@"
	while IFS= read -r copy_each; do
		copy_dest=$copy_into${copy_each#"$copy_top"}
		if [ -L "$copy_each" ]; then
			ensure_symlink "$(readlink -- "$copy_each")" "$copy_dest" 1
		elif [ -d "$copy_each" ]; then
			ensure_dir "$copy_dest" "$copy_owner" "$copy_group" "$copy_dirmode"
		else
			copy_mode "$copy_each" "$copy_filemode"
			copy_kept "$copy_force" || put_file "$copy_each" "$copy_dest" "$copy_owner" "$copy_group" "$ep_copy_mode"
		fi
	done <"$ep_scratch/tree"
}

copy_args() {
	copy_owner=$3 copy_group=$4 copy_filemode=$5 copy_dirmode=$6 copy_force=$7
}
