#!/usr/bin/env bash
# usage: run.sh LANGUAGE...   Runs the suites of v1 streams with the published package on one side and each language of ours on the other,
# from the root of the repository, after install.sh. Left out is what needs one side only, and what the package takes ten seconds and more
# to fail at in a way that another case shows.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pairs=()
for language in "$@"; do
	pairs+=("zerobuffer->$language" "$language->zerobuffer")
done
languages=$(IFS=,; echo "$*")

against() { # against FOLDER KNOWN-FAILURES FLAGS...
	build/bin/conformance run --languages "$languages,zerobuffer" --agent zerobuffer=build/published/agent --pairs "${pairs[*]}" --seed 1 \
		--out "build/conformance/$1" --known "$here/$2" "${@:3}"
}

# The seed is fixed since the sizes of frames decide whether the package fails. It waits a lot, hence more pairs than processors; but it
# clears what dead processes left in the whole folder of locks, so that whoever looks at such leftovers must be alone.
against published known_failing.yaml --jobs 4 --run 'v1-layout/* v1-stream/* v1-ring/* v1-metadata/* v1-lifecycle/*' \
	--skip 'v1-layout/defaults v1-layout/mode v1-stream/random-sizes*hold=4* v1-ring/unplaceable v1-lifecycle/readers-race v1-lifecycle/names*
		v1-lifecycle/ready-last-over-leftovers v1-lifecycle/invalid-names* v1-lifecycle/no-memory v1-lifecycle/writer-restarts-in-its-process*look=1*'
against published-crashes known_failing_crashes.yaml --jobs 1 --run 'v1-crashes/* v1-lifecycle/ready-last-over-leftovers' --skip 'v1-crashes/late-close v1-crashes/reader-replaced-under-a-writer'
