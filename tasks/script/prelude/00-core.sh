# shellcheck shell=sh
# The prelude: every verb that tells or changes something on a host. It is read
# once by each long-lived shell; scripts then call its verbs. POSIX sh only; it
# must run in dash, bash and busybox.
#
# Set before a script runs:
#   EP_MARK   the random word that fences records off from output
#   EP_CHECK  1: change nothing, only record what would change
#   EP_DIFF   1: record what changes within files

# record KIND TEXT: tells the controller something.
record() {
	printf '%s%s %s%s' "$EP_MARK" "$1" "$2" "$EP_MARK"
}

# would TEXT: records a change and succeeds if it is to be made. Everything
# that changes a host asks it first:  if would "create $1"; then mkdir "$1"; fi
# From then on nothing that was looked up before is believed any more.
would() {
	record change "$1"
	[ "$EP_CHECK" = 0 ] && ep_changed=1
}

# fact KEY VALUE: a value for register.
fact() {
	record fact "$1=$2"
}

# warn TEXT: something the user should know.
warn() {
	record warn "$1"
}

# skip TEXT: says why there is nothing to do, and ends the script well.
skip() {
	record skip "$1"
	exit 0
}

# progress TEXT: how far a long step is, for the live status line.
progress() {
	record progress "$1"
}

# fail TEXT [HINT]: ends the script with a failure.
fail() {
	record fail "$1${2:+
$2}"
	exit 1
}

# have PROGRAM: is it installed?
have() {
	command -v "$1" >/dev/null 2>&1
}

# show_diff NAME BEFORE_FILE AFTER_FILE: records what changes within a file; a
# missing BEFORE_FILE is a new file. Binary and large files are only named.
show_diff() {
	[ "$EP_DIFF" = 1 ] || return 0
	for ep_f in "$2" "$3"; do
		[ ! -f "$ep_f" ] || is_small_text "$ep_f" || {
			record before "$1"
			record after "$1
(a binary or large file)
"
			return 0
		}
	done
	ep_f=$1
	[ -f "$2" ] || ep_f= # new
	printf '%sbefore %s\n' "$EP_MARK" "$ep_f"
	[ ! -f "$2" ] || cat "$2"
	printf '%s%safter %s\n' "$EP_MARK" "$EP_MARK" "$1"
	cat "$3"
	printf '%s' "$EP_MARK"
}

# is_small_text FILE: at most 128 KiB and no NUL byte?
is_small_text() {
	ep_size=$(wc -c <"$1")
	[ "$ep_size" -le 131072 ] && [ "$(tr -d '\000' <"$1" | wc -c)" -eq "$ep_size" ]
}
