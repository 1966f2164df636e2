#!/usr/bin/env bash
# usage: build.sh FOLDER [--check]   Builds the outside peers of the benchmark into FOLDER/NAME/bench-server and FOLDER/NAME/bench-client
# and writes FOLDER/outside, what `zeroduplex bench --outside` wants to know of them. A peer that cannot be built does not keep the others
# from it, is not in that list, and makes this fail at the end. With --check each peer is run and must find a wrong answer. PEERS in the
# environment names those to build, where not all.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$1/log" && out=$(cd "$1" && pwd) || exit 1
shown=$1
failed=()
built=()

# peer NAME COMMAND...: builds a peer, whose command leaves its programs in $out/NAME.
peer() {
	local name=$1
	shift
	[[ -z ${PEERS-} || " $PEERS " == *" $name "* ]] || return 0
	rm -rf "${out:?}/$name"
	mkdir -p "$out/$name"
	echo "building the bench peer $name"
	if "$@" "$name" >"$out/log/$name.log" 2>&1 && [ -x "$out/$name/bench-server" ] && [ -x "$out/$name/bench-client" ]; then
		built+=("$name=$shown/$name")
	else
		failed+=("$name")
		tail -n 30 "$out/log/$name.log" >&2
		echo "cannot build the bench peer $name (see above)" >&2
	fi
}

# both NAME: the program "peer" in its folder is called by two names.
both() {
	ln -s peer "$out/$1/bench-server" && ln -s peer "$out/$1/bench-client"
}

# launchers NAME COMMAND: a script for each program that starts COMMAND with the program's name in place of PROGRAM.
launchers() {
	local program
	for program in bench-server bench-client; do
		printf '#!/bin/sh\nexec %s "$@"\n' "${2/PROGRAM/$program}" >"$out/$1/$program" && chmod +x "$out/$1/$program" || return 1
	done
}

go_peer() {
	(cd "$here" && CGO_ENABLED=0 go build -trimpath -o "$out/$1/peer" "./$1") && both "$1"
}

cpp_peer() {
	# shellcheck disable=SC2046 # several words
	g++ -std=c++20 -O3 -DNDEBUG -Wall -Wextra -Wconversion -Wshadow -Werror -I"$here/../../cpp/bench" "$here/zeromq"/*.cpp $(pkg-config --cflags --libs libzmq) -o "$out/$1/peer" && both "$1"
}

# It takes some minutes the first time.
rust_peer() {
	(cd "$here/iceoryx2" && cargo build --release --locked -j 2 --target-dir "$out/cargo") &&
		cp "$out/cargo/release/peer" "$out/$1/peer" && launchers "$1" "\"$out/$1/peer\" PROGRAM"
}

# The same program, which answers with what changed only.
rust_answer_peer() {
	[ -x "$out/iceoryx2/peer" ] || { echo "iceoryx2 was not built"; return 1; }
	launchers "$1" "\"$out/iceoryx2/peer\" PROGRAM --answer changed"
}

python_packages() {
	local wanted=$here/python/requirements.txt python=$out/venv/bin/python
	if ! cmp -s "$wanted" "$out/venv/installed"; then
		rm -rf "$out/venv"
		"${PYTHON:-python3}" -m venv "$out/venv" && "$python" -m pip install --quiet --disable-pip-version-check -r "$wanted" || return 1
		cp "$wanted" "$out/venv/installed" || return 1
	fi
	# Without libatomic that package counts free bytes in a way that loses some.
	"$python" -c 'from zerobuffer import oieb_view; raise SystemExit(oieb_view._fetch_add_8 is None)' || { echo "libatomic.so.1 is missing"; return 1; }
}

python_peer() { # python_peer SCRIPT NAME
	python_packages && launchers "$2" "\"$out/venv/bin/python\" \"$here/python/$1.py\" PROGRAM"
}

peer unix-socket go_peer
peer shm-doorbell go_peer
peer grpc-go go_peer
peer zeromq cpp_peer
peer iceoryx2 rust_peer
peer iceoryx2-answer rust_answer_peer
peer zerobuffer-ipc python_peer zerobuffer_ipc
peer multiprocessing-shm python_peer multiprocessing_shm
peer pyzmq python_peer pyzmq_dealer

(IFS=, && echo "${built[*]}" >"$out/outside")
echo "built ${#built[@]} bench peers; measure them with: zeroduplex bench rtt --outside \"\$(cat $shown/outside)\""
if [ "${#failed[@]}" -gt 0 ]; then
	echo "bench peers that could not be built: ${failed[*]}" >&2
	exit 1
fi
if [ "${2-}" = --check ]; then
	# shellcheck disable=SC2086 # several names
	cd "$here" && go vet ./... && go test ./... && go run ./check "$out" ${PEERS-}
fi
