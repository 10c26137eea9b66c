#!/bin/sh
# clients.sh : fetches the programs of other makes that the tests try the bridges with, from npm's registry, at the
# versions and hashes of clients/package-lock.json. They lie in .state/clients, and nothing of them is part of Tram.
# Without Node.js or a network the tests that need them say so and are skipped.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
home=$here/../../.state/clients

cmp -s "$here/clients/package-lock.json" "$home/complete" && exit 0
if ! command -v npm >/dev/null 2>&1; then
	echo "setup: npm is not there: the tests with Socket.IO's and SignalR's own clients will be skipped (apt-get install npm)" >&2
	exit 0
fi
echo "setup: fetching the test clients of $here/clients from npm" >&2
mkdir -p "$home"
cp "$here/clients/package.json" "$here/clients/package-lock.json" "$home/"
# No script of a package runs.
if (cd "$home" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2; then
	cp "$here/clients/package-lock.json" "$home/complete"
else
	echo "setup: npm fetched nothing: the tests with Socket.IO's and SignalR's own clients will be skipped" >&2
fi
