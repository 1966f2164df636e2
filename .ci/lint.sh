#!/usr/bin/env bash
# Checks style and obvious mistakes in every language. Every check runs; the exit code says whether one complained.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
failed=0

check() { # check WHAT COMMAND...
	local what=$1
	shift
	if "$@"; then
		echo "ok    $what"
	else
		echo "FAIL  $what" >&2
		failed=1
	fi
}

go_formatted() {
	local unformatted
	unformatted=$(gofmt -l .) || return 1
	[ -z "$unformatted" ] || { printf 'not formatted by gofmt: %s\n' "$unformatted" >&2; return 1; }
}

cpp_formatted() {
	local file unformatted=()
	while read -r file; do
		clang-format "$file" | cmp -s - "$file" || unformatted+=("$file")
	done < <(git ls-files -co --exclude-standard 'cpp/*.hpp' 'cpp/*.cpp' | grep -v /generated/)
	[ "${#unformatted[@]}" -eq 0 ] || { printf 'not formatted by clang-format: %s\n' "${unformatted[@]}" >&2; return 1; }
}

check "gofmt" go_formatted
check "go vet (linux)" go vet ./...
# Elsewhere the SDK must at least compile and say that it cannot work.
for os in darwin windows; do
	check "go build ($os)" env GOOS=$os CGO_ENABLED=0 go build ./go ./go/examples/...
done
check "go vet (linux/arm64)" env GOARCH=arm64 CGO_ENABLED=0 go vet ./...
check "go vet (module test)" env -C go/test/module go vet ./...
check "staticcheck" go run "$staticcheck" ./...
check "shellcheck" shellcheck --exclude=SC2317 .ci/run .ci/*.sh conformance/agents/zerobuffer-ipc/*.sh conformance/benchpeers/*.sh
check "clang-format" cpp_formatted
check "ruff and mypy" make -s -C python lint
exit "$failed"
