#!/bin/sh
# go.sh : prints the path of a Go command that is new enough for go.mod. Where none is installed, Debian's
# golang-go (too old to build the project) fetches the right toolchain as a Go module, whose content Go's checksum
# database vouches for.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
wanted=$(awk '$1 == "go" { print $2; exit }' "$here/../../go.mod")

# new_enough GO : its version, read without letting it fetch another, is at least the wanted one.
new_enough() {
	have=$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed 's/^go//') || return 1
	[ -n "$have" ] && [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]
}

for go in "${GO:-}" "$(command -v go || true)" /usr/local/go/bin/go; do
	if [ -n "$go" ] && [ -x "$go" ] && new_enough "$go"; then
		echo "$go"
		exit 0
	fi
done

old=$(command -v go || true)
[ -n "$old" ] || [ ! -x /usr/lib/go/bin/go ] || old=/usr/lib/go/bin/go
if [ -z "$old" ]; then
	if [ "$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi
	echo "setup: installing golang-go, to fetch Go $wanted" >&2
	$as_root apt-get update -qq >&2
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends golang-go ca-certificates >&2
	old=$(command -v go)
fi

module=golang.org/toolchain
version=v0.0.1-go$wanted.$("$old" env GOOS)-$("$old" env GOARCH)
home=$("$old" env GOMODCACHE)/$module@$version
if [ ! -x "$home/bin/go" ]; then
	echo "setup: fetching Go $wanted" >&2
	# Outside the project: its go.mod names a language version that an old Go may refuse to read.
	(cd / && GO111MODULE=on GOFLAGS=-mod=mod "$old" mod download "$module@$version") >&2
	# Modules are unpacked without the permission to execute.
	chmod +x "$home"/bin/* "$home"/pkg/tool/*/*
fi
new_enough "$home/bin/go" || { echo "setup: $home/bin/go does not run" >&2; exit 1; }
echo "$home/bin/go"
