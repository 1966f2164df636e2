#!/usr/bin/env bash
# usage: install.sh FOLDER   Puts the published package into a virtual environment in FOLDER, and FOLDER/agent that starts the agent.
# Where that cannot be done it says so and fails: a run against the published package that did not happen is no success.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
python=$folder/venv/bin/python

if ! cmp -s "$here/requirements.txt" "$folder/installed"; then
	rm -rf "$folder/venv" "$folder/installed"
	if ! { "${PYTHON:-python3}" -m venv "$folder/venv" && "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"; } >"$folder/install.log" 2>&1; then
		cat "$folder/install.log" >&2
		echo "not run: the published package cannot be installed (see above)" >&2
		exit 1
	fi
fi
# Without libatomic the package counts free bytes in a way that loses some: nothing could be learned from that.
if ! "$python" -c 'from zerobuffer import oieb_view; raise SystemExit(oieb_view._fetch_add_8 is None)'; then
	echo "not run: the published package does not find libatomic.so.1: install it (Debian: libatomic1)" >&2
	exit 1
fi
printf '#!/bin/sh\nexec "%s" "%s/agent.py" "$@"\n' "$python" "$here" >"$folder/agent.new"
chmod +x "$folder/agent.new"
mv "$folder/agent.new" "$folder/agent"
cp "$here/requirements.txt" "$folder/installed"
