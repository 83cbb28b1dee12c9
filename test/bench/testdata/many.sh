set -eu
uname -r >/dev/null
stat /etc/passwd >/dev/null
sha1sum /etc/passwd >/dev/null
[ -d /etc ]
