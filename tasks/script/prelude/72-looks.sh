# shellcheck shell=sh
# shellcheck disable=SC2154 # the ep_ variables of other files
# What is looked at again and again while a task waits.

# watch_file PATH: tells by the fact "state" whether it is there (else empty) and
# whether it has changed since.
watch_file() {
	full_path "$1"
	fact path "$ep_full"
	fact state "$(stat -L -c '%i %s %y' -- "$ep_full" 2>/dev/null)"
}

# tell_there PATH PATH: the facts "first" and "second": does it exist?
tell_there() {
	for ep_key in first second; do
		full_path "$1"
		shift
		if [ -e "$ep_full" ]; then fact $ep_key yes; else fact $ep_key no; fi
	done
}

# fetch_look PATH: the facts "what" (file, what else it is, or empty when there is
# nothing), "path" and "sha1".
fetch_look() {
	full_path "$1"
	fact path "$ep_full"
	if [ ! -e "$ep_full" ]; then
		fact what ""
	elif [ ! -f "$ep_full" ]; then
		what_is "$ep_full"
		fact what "$ep_what"
	else
		[ -r "$ep_full" ] || fail "$ep_full can't be read" "only root may: is become set?"
		fact what file
		sum_of sha1 "$ep_full"
		fact sha1 "$ep_sum"
	fi
}
