# The door to everything; `make help` lists the targets. Results go to build/ only.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules --no-print-directory

export CGO_ENABLED ?= 0

IMAGE ?=
BENCH ?=
BIN := build/bin
PEERS := build/peers
CPP_RELEASE := build/cpp/release
TEST_SUITES := go go-race go-module cpp-release cpp-debug cpp-tsan
PROGRAMS := filter-server filter-client stress-server stress-client bench-server bench-client

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: setup
setup: ## install what is missing on this machine (apt-get as root or with sudo)
	@.ci/setup.sh

.PHONY: generate
generate: setup ## refresh everything that is generated from spec/zeroduplex.yaml
	go generate ./...

.PHONY: check-generated
check-generated: setup ## fail when a generated file is not what the spec makes it
	go run ./gen/cmd/zdgen -root . -check

.PHONY: build
build: setup commands peers ## build commands, libraries and peers

.PHONY: commands
commands:
	@echo "building build/bin/zeroduplex"
	@go build -trimpath -o $(BIN)/zeroduplex ./go/cmd/zeroduplex
	@go build -trimpath -o $(BIN)/testreport ./go/internal/cmd/testreport

.PHONY: peers
peers: peers-go peers-cpp ## build the example and test programs of every language into build/peers/<language>

.PHONY: peers-go
peers-go: setup commands
	@echo "building the go peers"
	@mkdir -p $(PEERS)/go
	@go build -trimpath -o $(PEERS)/go/ ./go/examples/...
	@for program in stress-server stress-client bench-server bench-client; do \
		printf '#!/bin/sh\nexec "$${0%%/*}/../../bin/zeroduplex" %s "$$@"\n' $$program >$(PEERS)/go/$$program.new; \
		chmod +x $(PEERS)/go/$$program.new; \
		cmp -s $(PEERS)/go/$$program.new $(PEERS)/go/$$program && rm $(PEERS)/go/$$program.new || mv $(PEERS)/go/$$program.new $(PEERS)/go/$$program; \
	done

.PHONY: peers-cpp
peers-cpp: setup
	@echo "building the C++ library, its tests and peers (a minute or two the first time)"
	@mkdir -p $(PEERS)/cpp build/test
	@cd cpp && { cmake --preset release && cmake --build --preset release -j 2 --target $(PROGRAMS); } >../build/test/peers-cpp.log 2>&1 || { tail -n 60 ../build/test/peers-cpp.log; exit 1; }
	@for program in $(PROGRAMS); do ln -sfn ../../cpp/release/bin/$$program $(PEERS)/cpp/$$program; \
		test -x $(PEERS)/cpp/$$program || { echo "the C++ build made no $$program" >&2; exit 1; }; \
	done

.PHONY: test
test: build ## run every test of every language and sum them up
	@.ci/test.sh $(TEST_SUITES)

.PHONY: test-go test-cpp
test-go: build ## run the Go tests only, the cross-language ones included
	@.ci/test.sh go go-race go-module
test-cpp: build ## run the C++ tests only: release, address and undefined-behaviour, thread sanitizer
	@.ci/test.sh cpp-release cpp-debug cpp-tsan

.PHONY: soak
soak: build ## run the cross-language tests at full length (a million round trips per pair)
	go test -count 1 -timeout 60m -v ./go/test/interop -args -soak

.PHONY: lint
lint: setup ## check style and obvious mistakes
	@.ci/lint.sh

.PHONY: demo
demo: build ## change a picture in place through every pair of languages (IMAGE=path)
	@$(BIN)/zeroduplex demo $(if $(IMAGE),--image "$(IMAGE)")

.PHONY: bench
bench: build ## measure round trips and large frames against the raw limit (BENCH='--passes 1')
	@$(BIN)/zeroduplex bench rtt --out build/bench/rtt.json $(BENCH)
	@$(BIN)/zeroduplex bench frames --out build/bench/frames.json $(BENCH)

.PHONY: conformance verify
conformance verify: ## not part of this release
	@echo "make $@: not part of this release" >&2
	@exit 1

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build
