# shellcheck shell=sh
# Commands of the user's.

# shellcheck disable=SC2034 # for words in which ${NAME} may stay as it is, see Expand
ep_brace='}'

# run_in CHDIR CREATES REMOVES WHAT: goes to a folder and ends the script where
# there is nothing to run: the fact "guard" says why. In check mode it always
# ends here.
run_in() {
	if [ -n "$1" ]; then
		full_path "$1"
		if ! cd -- "$ep_full" 2>/dev/null && [ "$EP_CHECK" = 0 ]; then
			fail "can't change to the directory $ep_full"
		fi
	fi
	if [ -n "$2" ] && any_path "$2"; then
		fact guard creates
		exit 0
	elif [ -n "$3" ] && ! any_path "$3"; then
		fact guard removes
		exit 0
	fi
	would "$4" || exit 0
}

# any_path PATTERN: is there a file that a shell pattern matches?
any_path() {
	full_path "$1"
	ep_ifs=$IFS
	IFS=
	for ep_each in $ep_full; do
		if [ -e "$ep_each" ] || [ -L "$ep_each" ]; then
			IFS=$ep_ifs
			return 0
		fi
	done
	IFS=$ep_ifs
	return 1
}

# run_program PROGRAM ARGUMENT…: a program, never a builtin or a verb of ours; its
# exit code is the script's. $RUN_STDIN, if set, is its input.
run_program() {
	if ! is_program "$1"; then
		fact missing "$1"
		exit 2
	fi
	if [ -n "${RUN_STDIN+set}" ]; then
		printf '%s' "$RUN_STDIN" | (exec "$@")
	else
		(exec "$@")
	fi
}

# is_program NAME: can it be executed?
is_program() {
	case $1 in
	*/*) [ -f "$1" ] && [ -x "$1" ] && return ;;
	*)
		ep_ifs=$IFS
		IFS=:
		for ep_each in $PATH; do
			if [ -f "$ep_each/$1" ] && [ -x "$ep_each/$1" ]; then
				IFS=$ep_ifs
				return 0
			fi
		done
		IFS=$ep_ifs
		;;
	esac
	return 1
}
