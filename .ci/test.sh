#!/usr/bin/env bash
# Runs test suites, all of them even when one fails, and sums up what ran.
# usage: .ci/test.sh SUITE...   Each suite leaves its counts in build/test; one that leaves none has failed.
# Suites wait for other processes most of their time, so those of Go run beside those of C++, which take about as long with their builds. What starts
# processes on every processor by itself, the matrix among them, comes after both. It looks at time and yet leaves the processors idle more
# than half of the time: the other suites get that, with a lower priority.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

results=build/test
report=build/bin/testreport
mkdir -p "$results"

go_suite() { # go_suite NAME FOLDER GO-TEST-ARGUMENTS...
	local name=$1 folder=$2
	shift 2
	(cd "$folder" && go test -json -timeout 30m "$@") 2>&1 | "$report" go -suite "$name" -out "$results/$name.json"
}

cpp_suite() { # cpp_suite NAME PRESET
	local name=$1 preset=$2
	local junit=$PWD/$results/$name.xml
	rm -f "$junit"
	(cd cpp && cmake --preset "$preset" >"../$results/$name.log" 2>&1 && cmake --build --preset "$preset" -j 2 >>"../$results/$name.log" 2>&1) ||
		{ tail -n 60 "$results/$name.log"; return 1; }
	(cd cpp && ctest --preset "$preset" --output-junit "$junit" >>"../$results/$name.log" 2>&1) || tail -n 100 "$results/$name.log"
	"$report" junit -suite "$name" -out "$results/$name.json" "$junit"
}

# logged COMMAND LOG...: keeps a runner's output for the case that it fails.
logged() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 || tail -n 100 "$log"
}

csharp_suite() {
	local found=build/csharp/mono/TestResult.xml
	if command -v dotnet >/dev/null; then found=build/csharp/dotnet/TestResult.trx; fi
	rm -f "$found"
	logged "$results/csharp.log" make -C csharp test
	"$report" nunit -suite csharp -out "$results/csharp.json" "$found"
}

python_suite() {
	rm -f build/python/pytest.xml
	logged "$results/python.log" make -C python test
	"$report" junit -suite python -out "$results/python.json" build/python/pytest.xml
}

# judged SUITE JUNIT COMMAND...: a runner that judges by itself. What it found is counted either way.
judged() {
	local suite=$1 found=$2 failed=0
	shift 2
	rm -f "$found"
	"$@" || failed=1
	"$report" junit -suite "$suite" -out "$results/$suite.json" "$found" || failed=1
	return "$failed"
}

run() {
	case $1 in
	# The tests across languages first: they take longest, and all others together about as long.
	go) CGO_ENABLED=0 go_suite go . ./go/test/interop ./... ;;
	go-race)
		# Not what does its work in one goroutine.
		# shellcheck disable=SC2046
		CGO_ENABLED=1 go_suite go-race . -race $(go list ./go ./go/internal/... | grep -vE '/internal/(cli(/.*)?|cmd/.*|describe|filter|picture|sizes|stats|table)$')
		;;
	go-module) CGO_ENABLED=0 go_suite go-module go/test/module ./... ;;
	cpp-*) cpp_suite "$1" "${1#cpp-}" ;;
	csharp) csharp_suite ;;
	python) python_suite ;;
	conformance)
		# shellcheck disable=SC2086
		judged conformance build/conformance/junit.xml build/bin/conformance run ${CONFORMANCE:-}
		;;
	chaos)
		# A fixed seed, so that every submission is judged by the same rounds; make chaos plays others.
		# shellcheck disable=SC2086
		judged chaos build/conformance/chaos/junit.xml build/bin/conformance chaos \
			${CHAOS:---seed 20 --rounds 72 --allowance 2s --pairs go/cpp,cpp/csharp,csharp/python,python/go --quiet}
		;;
	golden) judged golden build/conformance/replay/junit.xml build/bin/conformance replay ;;
	verify)
		# shellcheck disable=SC2086
		judged verify build/verify/junit.xml build/bin/verify -ring build/cpp/verify/ring-orders ${VERIFY:-}
		;;
	*)
		echo "no test suite $1" >&2
		return 1
		;;
	esac
}

# one_by_one SUITE...: every line it prints begins with the name of its suite.
one_by_one() {
	local failed=0 suite start
	for suite in "$@"; do
		start=$SECONDS
		echo "== $suite"
		run "$suite" 2>&1 | sed -u "s/^/$suite: /" || failed=1
		echo "== $suite took $((SECONDS - start)) s, builds and waits included"
	done
	return "$failed"
}

first=() second=() alone=() behind=()
for suite in "$@"; do
	rm -f "$results/$suite.json"
	case $suite in
	go*) first+=("$suite") ;;
	cpp-tsan | csharp | python) behind+=("$suite") ;;
	cpp-*) second+=("$suite") ;;
	*) alone+=("$suite") ;;
	esac
done

failed=0
one_by_one "${first[@]}" &
beside=$!
one_by_one "${second[@]}" || failed=1
wait "$beside" || failed=1
(renice -n 5 -p "$BASHPID" >/dev/null && one_by_one "${behind[@]}") &
beside=$!
one_by_one "${alone[@]}" || failed=1
wait "$beside" || failed=1
"$report" total -dir "$results" "$@" || failed=1
exit "$failed"
