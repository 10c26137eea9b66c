#!/bin/sh
# install.sh NEED... : installs the Debian packages of packages.txt whose need is named (build, demo, test, campaign).
# Asks the package system only for what is missing, so that a second run is quick.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

missing=
for need in "$@"; do
	for package in $(awk -v need="$need" '!/^#/ && $2 == need { print $1 }' "$here/packages.txt"); do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || missing="$missing $package"
	done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1; then
	as_root=sudo
else
	echo "setup: these packages are missing:$missing" >&2
	echo "hint: run as root, or install sudo, or: apt-get install$missing" >&2
	exit 1
fi

echo "setup: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq >&2
# shellcheck disable=SC2086 # the list is meant to be split
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
