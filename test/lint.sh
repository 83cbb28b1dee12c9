#!/bin/sh
# What every change must satisfy: formatted, vetted, shell checked, go.mod and
# the generated docs as the code has them.
set -eu
cd "$(dirname "$0")/.."

unformatted=$(git ls-files "*.go" | xargs gofmt -l)
if [ -n "$unformatted" ]; then
	printf 'gofmt would change:\n%s\n' "$unformatted"
	exit 1
fi
go vet ./...
go mod verify >/dev/null
go mod tidy -diff

if command -v shellcheck >/dev/null 2>&1; then
	# the prelude's files make one text: a test of tasks/script checks it whole
	git ls-files '*.sh' | grep -v /prelude/ | while read -r f; do
		shellcheck -s sh "$f"
	done
else
	printf '!! LEFT OUT: shellcheck is not installed\n'
fi

pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
go run ./cmd/etcdplay doc --markdown "$pages"
if ! diff -r docs/tasks "$pages"; then
	printf 'docs/tasks is not what the code says: run make docs\n'
	exit 1
fi
