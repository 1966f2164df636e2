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
build/bin/conformance run --languages "$languages,zerobuffer" --agent zerobuffer=build/published/agent --pairs "${pairs[*]}" \
	--run 'v1-layout/* v1-stream/* v1-ring/* v1-metadata/* v1-lifecycle/* v1-crashes/*' \
	--skip 'v1-layout/defaults v1-layout/mode v1-stream/random-sizes*hold=4* v1-ring/unplaceable v1-lifecycle/readers-race v1-lifecycle/names*
		v1-lifecycle/invalid-names* v1-lifecycle/no-memory v1-lifecycle/writer-restarts-in-its-process*look=1* v1-crashes/late-close
		v1-crashes/reader-replaced-under-a-writer' \
	--known "$here/known_failing.yaml" --out build/conformance/published
