# shellcheck shell=sh
# Becomes another user and then runs a line from standard input as that user
# (see stage in stage.go). It is sent in one go with what follows, so there is no
# dialogue: the password is the next line, empty if there is none.
#
# Set before: ep_method, ep_user, ep_stage (the command that reads the line); "$@" are the flags.
# Exit codes without a word from the user's own shell: 90 the program is
# missing, 91 it wants a password or does not allow it, 92 it refuses the password.

: "${ep_method:?}" "${ep_user:?}" "${ep_stage:?}"
LC_ALL=C
export LC_ALL
IFS= read -r ep_password
for ep_dir in /usr/local/bin /usr/bin /bin /usr/sbin /sbin; do
	case :$PATH: in *:"$ep_dir":*) ;; *) PATH=${PATH:+$PATH:}$ep_dir ;; esac
done
ep_me=
while read -r ep_key _ ep_me _; do
	[ "$ep_key" != Uid: ] || break
done 2>/dev/null </proc/self/status || ep_me=
if [ "$ep_user:$ep_me" = root:0 ] || [ "$ep_user" = "$(id -un)" ] || [ "$ep_user" = "$(id -u)" ]; then
	unset ep_password
	eval "$ep_stage"
	exit
fi
command -v "$ep_method" >/dev/null 2>&1 || exit 90

case $ep_method in
sudo)
	# sudo itself fails with 1; the shell that it runs never does, and when sudo
	# fails before it runs anything, it has read nothing either.
	sudo -n "$@" -u "$ep_user" -- sh -c "$ep_stage"
	ep_code=$?
	[ "$ep_code" -eq 1 ] || exit "$ep_code"
	[ -n "$ep_password" ] || exit 91
	echo "-- with the password:" >&2
	printf '%s\n' "$ep_password" | sudo -S -p '' -v -u "$ep_user" >/dev/null || exit 92
	sudo -n "$@" -u "$ep_user" -- sh -c "$ep_stage"
	ep_code=$?
	[ "$ep_code" -eq 1 ] || exit "$ep_code"
	# This sudo remembers no password (timestamp_timeout=0): hand it over along
	# with everything else. It was found right just now, so sudo reads one line.
	{
		printf '%s\n' "$ep_password"
		exec cat
	} | sudo -S -p '' "$@" -u "$ep_user" -- sh -c "$ep_stage"
	ep_code=$?
	[ "$ep_code" -ne 1 ] || exit 92
	exit "$ep_code"
	;;
doas)
	doas -n "$@" -u "$ep_user" sh -c "$ep_stage"
	ep_code=$?
	[ "$ep_code" -ne 1 ] || exit 91
	exit "$ep_code"
	;;
su)
	# Only root needs no password; su reads one from a terminal alone.
	[ "$(id -u)" = 0 ] || exit 91
	exec su "$@" -s /bin/sh -c "$ep_stage" "$ep_user"
	;;
esac
