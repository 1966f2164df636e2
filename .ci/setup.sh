#!/usr/bin/env bash
# Installs what building, testing and linting need and the machine lacks, by apt-get as root or with sudo.
# Where it cannot, it says exactly what to install and fails.
# usage: .ci/setup.sh [bench-peers]   With bench-peers it installs what the outside peers of the benchmark need, too.
set -euo pipefail

go_least=1.24
cmake_least=3.20
cargo_least=1.89

missing=() # Debian packages
why=()

need() { # need PACKAGE WHAT COMMAND...: the package is missing unless the command succeeds
	local package=$1 what=$2
	shift 2
	if ! "$@" >/dev/null 2>&1; then
		missing+=("$package")
		why+=("$what")
	fi
}

has_gtest() { printf '#include <gtest/gtest.h>\n' | g++ -E -x c++ - ; }

has_relacy() { printf '#include <relacy/relacy.hpp>\n' | g++ -E -x c++ - ; }

has_nunit() { pkg-config --exists nunit; }

at_least() { # at_least WANTED FOUND
	[ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

has_cargo() { at_least "$cargo_least" "$(cargo --version | cut -d ' ' -f 2)"; }

# Rust's binding generator loads it.
has_libclang() { compgen -G '/usr/lib/*/libclang-*.so*' || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*'; }

has_libatomic() { ldconfig -p | grep -q 'libatomic\.so\.1'; }

need g++ "C++ compiler" command -v g++
need cmake "CMake" command -v cmake
need libgtest-dev "GoogleTest" has_gtest
need python3 "Python" command -v python3
need python3-venv "Python's virtual environments" python3 -c 'import ensurepip, venv'
need python3-dev "Python's headers" python3 -c 'import os, sysconfig; os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))'
# Also where dotnet is: the generator's tests compile the C# bindings with Mono's compiler.
need mono-mcs "Mono's C# compiler" command -v mcs
need mono-devel "Mono's libraries" command -v al2
need pkg-config "pkg-config" command -v pkg-config
need libnunit-cil-dev "NUnit" has_nunit
need nunit-console "NUnit's runner" command -v nunit-console
need gcc "C compiler, for spin's searches" command -v gcc
need spin "spin, for make verify" command -v spin
need relacy-dev "Relacy, for make verify" has_relacy
need util-linux "setpriv, for the tests as other users" command -v setpriv
need mount "mount, for the tests in namespaces" command -v mount
need clang-format "clang-format, for make lint" command -v clang-format
need shellcheck "ShellCheck, for make lint" command -v shellcheck
if [ "${1-}" = bench-peers ]; then
	need libzmq3-dev "libzmq, for make bench-peers" pkg-config --exists libzmq
	need cargo-web "Rust's cargo $cargo_least or newer, for make bench-peers" has_cargo
	need libclang-dev "libclang, for make bench-peers" has_libclang
	need libatomic1 "libatomic, for make bench-peers" has_libatomic
fi

# Not from Debian 12, whose Go is too old.
if ! command -v go >/dev/null; then
	echo "setup: Go is missing: install Go $go_least or newer and put it on the PATH" >&2
	exit 1
fi
go_found=$(GOTOOLCHAIN=local go env GOVERSION)
if ! at_least "$go_least" "${go_found#go}"; then
	echo "setup: Go $go_found is too old: install Go $go_least or newer" >&2
	exit 1
fi

if [ "${#missing[@]}" -gt 0 ]; then
	echo "setup: missing: $(printf '%s, ' "${why[@]}" | sed 's/, $//')"
	as_root=()
	if [ "$(id -u)" -ne 0 ]; then
		as_root=(sudo -n)
	fi
	if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
		echo "setup: cannot install here. Install these (Debian names) and run it again:" >&2
		echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
		exit 1
	fi
	echo "setup: installing ${missing[*]}"
	"${as_root[@]}" apt-get -qq update
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
fi

cmake_found=$(cmake --version | head -n 1 | grep -o '[0-9][0-9.]*')
if ! at_least "$cmake_least" "$cmake_found"; then
	echo "setup: CMake $cmake_found is too old: install CMake $cmake_least or newer" >&2
	exit 1
fi
