# shellcheck shell=sh
# Takes a file from standard input and puts it in place as this user. What a cut
# connection leaves of it is kept for the next try, which sends only the rest.
#   $1 directory   $2 file   $3 size   $4 SHA-256   $5 mode   $6 a random word
# It says "$6 SIZE SHA-256" of what there is of the file already, reads a line that
# says how many bytes of that are right, all or 0, and then the bytes behind them.
umask 077
drop() {
	[ -z "$1" ] || echo "$1" >&2
	rm -f -- "$part"
	exit 1
}
[ ! -d "$2" ] || {
	echo "it is a directory" >&2
	exit 1
}
cd -P -- "$1" || exit 1
top=${PWD%/}
to=$top/${2##*/} kept=$top/.etcdplay-$(id -u)
find . ! -name . -prune -name '.etcdplay-upload.*' -type f -user "$(id -u)" -mtime +1 -exec rm -f -- {} + 2>/dev/null
# What is kept lies in a folder of our own. Where others may write, in /tmp, it could
# be somebody's trap, like a link to elsewhere: then nothing is kept.
mkdir -- "$kept" 2>/dev/null
if cd -P -- "$kept" 2>/dev/null && [ "$PWD" = "$kept" ] &&
	case $(stat -c '%u:%a' . 2>/dev/null) in "$(id -u)":*700) ;; *) false ;; esac; then
	trap 'rmdir -- "$kept" 2>/dev/null' EXIT
	part=$4.$$
	find . -type f -mtime +1 -exec rm -f -- {} + 2>/dev/null
	for other in "$4".*; do
		if [ ! -f "$other" ] || [ "$other" = "$part" ]; then
			continue
		elif kill -0 "${other##*.}" 2>/dev/null; then
			cp -- "$other" "$part" 2>/dev/null # its writer lives, perhaps behind a dead line
		else
			mv -f -- "$other" "$part" 2>/dev/null
		fi
	done
else
	part=$top/.etcdplay-$6
	trap 'rm -f -- "$part"' EXIT
fi
size=0 sum=
if [ -s "$part" ] && command -v sha256sum >/dev/null 2>&1; then
	size=$(wc -c <"$part") sum=$(sha256sum <"$part")
fi
printf '%s %s %s\n' "$6" "$size" "${sum%% *}"
IFS= read -r right || exit 1
if [ "$right" = 0 ]; then
	: >"$part" || exit 1
fi
cat >>"$part" || drop "" # the disk is full?
# A lost connection looks like the input's end; the size tells.
size=$(wc -c <"$part")
[ "$size" -ge "$3" ] || {
	echo "it did not come whole" >&2
	exit 1
}
[ "$size" -eq "$3" ] || drop "more came than was sent"
if command -v sha256sum >/dev/null 2>&1; then
	sum=$(sha256sum <"$part")
	[ "${sum%% *}" = "$4" ] || drop "its checksum differs"
fi
if ! chmod -- "$5" "$part" || ! mv -f -- "$part" "$to"; then
	drop ""
fi
