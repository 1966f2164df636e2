#!/usr/bin/env bash
# Gives every language hostile segments, each target for FUZZ_TIME seconds or, where it is not 0, FUZZ_COUNT executions.
# usage: .ci/fuzz.sh LANGUAGE...   Logs are in build/fuzz; the last lines say how much each target ran. A finding fails it.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

seconds=${FUZZ_TIME:-60}
count=${FUZZ_COUNT:-0}
logs=$PWD/build/fuzz
summary=()
failed=0
mkdir -p "$logs"

# target NAME PATTERN COMMAND...: runs it and keeps the parts of its log that the pattern matches.
target() {
	local name=$1 pattern=$2 log=$logs/$1.log found
	shift 2
	echo "fuzzing $name"
	if ! "$@" >"$log" 2>&1; then
		failed=1
		tail -n 60 "$log"
		summary+=("$name: FAILED, see $log")
		return
	fi
	found=$(grep -aoE "$pattern" "$log" | awk '{ line[$1] = $0; if (!($1 in at)) { at[$1] = ++n; key[n] = $1 } } END { for (i = 1; i <= n; i++) printf "%s%s", (i > 1 ? ", " : ""), line[key[i]] }')
	if [ -z "$found" ]; then # what did not run is no success
		failed=1
		found="nothing ran, see $log"
	fi
	summary+=("$name: $found")
}

fuzz_go() {
	local amount=${seconds}s each package name
	[ "$count" -eq 0 ] || amount=${count}x
	for each in ./go/internal/ring:FuzzServerCursor ./go/internal/ring:FuzzClientReads ./go/internal/ring:FuzzHostileRing \
		./go/internal/ring:FuzzFlippingRing ./go/internal/stream:FuzzHostileStream ./go/internal/inspect:FuzzDecode ./go:FuzzHostileServer ./go:FuzzHostileClient; do
		package=${each%:*} name=${each#*:}
		target "go-$name" 'execs: [0-9]+' go test -run '^$' -fuzz "^$name\$" -fuzztime "$amount" -fuzzminimizetime 10x -parallel 1 "$package"
	done
}

fuzz_cpp() {
	local preset=debug flags=("-max_total_time=$seconds") name executions='[0-9]+ executions in [0-9.]+ s'
	if command -v clang++ >/dev/null && printf '#include <sanitizer/asan_interface.h>\nextern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }\n' |
		clang++ -fsanitize=fuzzer,address -x c++ - -o "$logs/probe" 2>/dev/null; then
		preset=fuzz executions='Done [0-9]+ runs in [0-9]+ second|counted .*'
	fi
	rm -f "$logs/probe"
	[ "$count" -eq 0 ] || flags=("-runs=$count")
	[ "$preset" != fuzz ] || flags+=(-max_len=512 -timeout=20 "-artifact_prefix=$logs/")
	echo "building the C++ targets ($preset)"
	if ! (cd cpp && cmake --preset "$preset" && cmake --build --preset "$preset" -j 2 --target fuzz-targets) >"$logs/cpp-build.log" 2>&1; then
		failed=1
		tail -n 60 "$logs/cpp-build.log"
		summary+=("cpp: FAILED to build, see $logs/cpp-build.log")
		return
	fi
	for name in cpp/fuzz/corpus/*/; do
		name=$(basename "$name")
		mkdir -p "$logs/corpus-$name"
		local corpora=("cpp/fuzz/corpus/$name")
		[ "$preset" != fuzz ] || corpora=("$logs/corpus-$name" "${corpora[@]}")
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 target "cpp-$name" "$executions" \
			"build/cpp/$preset/bin/fuzz-$name" "${flags[@]}" "${corpora[@]}"
	done
}

fuzz_csharp() {
	target csharp '[a-z]+: [0-9]+ executions in [0-9.]+ s' env FUZZ_COUNT="$count" FUZZ_TIME="$([ "$count" -eq 0 ] && echo "$seconds" || echo 0)" make -s -C csharp fuzz
}

fuzz_python() {
	local amount=(--time "$seconds")
	[ "$count" -eq 0 ] || amount=(--count "$count")
	target python '[a-z]+: [0-9]+ executions in [0-9.]+ s' make -s -C python fuzz FUZZ="${amount[*]}"
}

for language in "$@"; do
	case $language in
	go | cpp | csharp | python) "fuzz_$language" ;;
	*)
		echo "no fuzz targets for $language" >&2
		exit 2
		;;
	esac
done
printf '%s\n' "${summary[@]}"
exit "$failed"
