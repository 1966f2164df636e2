# The door to everything; `make help` lists the targets. Results go to build/ only.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --warn-undefined-variables --no-builtin-rules --no-print-directory

export CGO_ENABLED ?= 0

IMAGE ?=
BENCH ?=
CONFORMANCE ?=
CHAOS ?=
VERIFY ?=
FUZZ_TIME ?= 60
FUZZ_COUNT ?= 0
BIN := build/bin
PEERS := build/peers
CPP_RELEASE := build/cpp/release
AGENTS := build/agents
LANGUAGES := go cpp csharp python
TEST_SUITES := go go-race go-module cpp-release cpp-debug cpp-tsan csharp python conformance golden chaos
PROGRAMS := filter-server filter-client stress-server stress-client bench-server bench-client stream-writer stream-reader

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
	go run ./conformance/cmd/agentgen -root . -check

.PHONY: build
build: setup commands peers agents ## build commands, libraries, peers and conformance agents (-j2 builds languages beside each other)

# What the other targets need: much of it waits for the network or compiles in one process.
.PHONY: built
built:
	@$(MAKE) -j 2 build

.PHONY: commands
commands: setup
	@echo "building build/bin/zeroduplex and build/bin/conformance"
	@go build -trimpath -o $(BIN)/zeroduplex ./go/cmd/zeroduplex
	@go build -trimpath -o $(BIN)/conformance ./conformance/cmd/conformance
	@go build -trimpath -o $(BIN)/testreport ./go/internal/cmd/testreport

.PHONY: peers
peers: $(LANGUAGES:%=peers-%) ## build the example and test programs of every language into build/peers/<language>

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
	@echo "building the C++ library and peers (a minute the first time)"
	@mkdir -p $(PEERS)/cpp build/test
	@cd cpp && { cmake --preset release && cmake --build --preset release -j 2 --target $(PROGRAMS); } >../build/test/peers-cpp.log 2>&1 || { tail -n 60 ../build/test/peers-cpp.log; exit 1; }
	@for program in $(PROGRAMS); do ln -sfn ../../cpp/release/bin/$$program $(PEERS)/cpp/$$program; \
		test -x $(PEERS)/cpp/$$program || { echo "the C++ build made no $$program" >&2; exit 1; }; \
	done

.PHONY: peers-csharp
peers-csharp: setup
	@echo "building the C# library and peers"
	@$(MAKE) -C csharp peers

.PHONY: peers-python
peers-python: setup
	@echo "building the Python package and peers (the first time it fetches packages)"
	@$(MAKE) -C python peers

.PHONY: agents
agents: $(LANGUAGES:%=agent-%) ## build the conformance agent of every language into build/agents/<language>

.PHONY: agent-go
agent-go: setup
	@echo "building the go agent"
	@mkdir -p $(AGENTS)/go
	@go build -trimpath -o $(AGENTS)/go/agent ./conformance/agents/go

# With the library that the peers have, as a user's program has it: installed.
.PHONY: agent-cpp
agent-cpp: setup peers-cpp
	@echo "building the C++ agent"
	@mkdir -p $(AGENTS)/cpp build/test
	@{ cmake --install build/cpp/release --prefix build/cpp/installed && \
		cmake -S conformance/agents/cpp -B build/cpp/agent -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$(CURDIR)/build/cpp/installed" && \
		cmake --build build/cpp/agent -j 2; } >build/test/agent-cpp.log 2>&1 || \
		{ tail -n 60 build/test/agent-cpp.log; exit 1; }
	@ln -sfn ../../cpp/agent/agent $(AGENTS)/cpp/agent
	@test -x $(AGENTS)/cpp/agent || { echo "the C++ build made no agent" >&2; exit 1; }

# After the peers, which build the same library and the same environment.
.PHONY: agent-csharp
agent-csharp: setup peers-csharp
	@$(MAKE) -C csharp agent

.PHONY: agent-python
agent-python: setup peers-python
	@$(MAKE) -C python agent

.PHONY: test
test: built ## run every test of every language and sum them up
	@.ci/test.sh $(TEST_SUITES)

.PHONY: test-go test-cpp test-csharp test-python
test-csharp: built ## run the C# tests only
	@.ci/test.sh csharp
test-python: built ## run the Python tests only
	@.ci/test.sh python
test-go: built ## run the Go tests only, the cross-language ones included
	@.ci/test.sh go go-race go-module
test-cpp: built ## run the C++ tests only: release, address and undefined-behaviour, thread sanitizer
	@.ci/test.sh cpp-release cpp-debug cpp-tsan

.PHONY: soak
soak: built ## run the cross-language tests at full length (a million round trips per pair)
	ZERODUPLEX_SOAK=1 go test -count 1 -v -run ReconnectingIsQuick ./go
	go test -count 1 -timeout 60m -v ./go/test/interop -args -soak
	go test -count 1 -timeout 120m -v -run LoseNothing ./go/test/isolation -args -soak

.PHONY: lint
lint: setup ## check style and obvious mistakes
	@.ci/lint.sh

.PHONY: demo
demo: built ## change a picture in place through every pair of languages (IMAGE=path)
	@$(BIN)/zeroduplex demo $(if $(IMAGE),--image "$(IMAGE)")

# Each language with itself, where all pairs would take too long, and the waits in which the programs of others are at their best.
ALONE := --pairs go/go,cpp/cpp,csharp/csharp,python/python
MEASURE = $(BIN)/zeroduplex bench
SIZES := 64,4096,65536,1048576,3110416,25000000

.PHONY: bench
bench: built ## measure everything, an hour with all programs of others, and make build/bench/index.html of it (BENCH='--passes 1 --outside NAME=FOLDER')
	@mkdir -p build/bench
	@rm -f build/bench/*.json
	@$(MEASURE) rtt --sizes 64 --out build/bench/rtt.json $(BENCH)
	@$(MEASURE) rtt --sizes 64 --waits spin --inflight 16 $(ALONE) --out build/bench/rtt-in-flight.json $(BENCH)
	@$(MEASURE) rtt --sizes 64 --cpus same $(ALONE) --out build/bench/rtt-one-cpu.json $(BENCH)
	@$(MEASURE) rtt --sizes 64 --cpus -1,-1 $(ALONE) --out build/bench/rtt-any-cpu.json $(BENCH)
	@$(MEASURE) frames --out build/bench/frames.json $(BENCH)
	@$(MEASURE) frames --sizes $(SIZES) --waits spin,block $(ALONE) --out build/bench/frames-sizes.json $(BENCH)
	@$(MEASURE) frames --cpus -1,-1 --waits spin,block $(ALONE) --out build/bench/frames-any-cpu.json $(BENCH)
	@$(MEASURE) dual --touch fill,all $(ALONE) --out build/bench/dual.json $(BENCH)
	@$(MEASURE) report build/bench --out build/bench/index.html

.PHONY: bench-summary
bench-summary: commands ## put what make bench measured into README.md
	@$(MEASURE) report build/bench --out build/bench/index.html --summary README.md --of rtt,frames-sizes,dual

.PHONY: bench-peers
bench-peers: ## build programs of others to measure beside ours (needs Rust and libzmq, which it installs; see conformance/benchpeers)
	@.ci/setup.sh bench-peers
	@conformance/benchpeers/build.sh build/benchpeers

.PHONY: bench-peers-check
bench-peers-check: ## build them, run each in every setting, and see that each finds a wrong answer (PEERS='unix-socket pyzmq' for some)
	@$(if $(PEERS),,.ci/setup.sh bench-peers)
	@PEERS='$(PEERS)' conformance/benchpeers/build.sh build/benchpeers --check

.PHONY: conformance
conformance: built ## run the conformance matrix, every language with every other (CONFORMANCE='--run layout/*'), and replay recorded v1 segments
	@$(BIN)/conformance run $(CONFORMANCE)
	@$(BIN)/conformance replay

.PHONY: chaos
chaos: built ## kill, stop and close peers at random moments (CHAOS='--rounds 2000 --pairs go/cpp,python/csharp --seed 7')
	@$(BIN)/conformance chaos $(CHAOS)

.PHONY: conformance-published
conformance-published: built ## run the v1 streams against the published package zerobuffer-ipc, which it installs; fails where it cannot
	@conformance/agents/zerobuffer-ipc/install.sh build/published
	@conformance/agents/zerobuffer-ipc/run.sh $(LANGUAGES)

.PHONY: verify
verify: setup ## check the protocol's models and the C++ ring's memory orders, and that they find what is seeded (VERIFY='-run waiting')
	@echo "building the checker of memory orders"
	@mkdir -p build/test
	@$(MAKE) -C cpp/verify -j 2 >build/test/verify-build.log 2>&1 || { tail -n 60 build/test/verify-build.log; exit 1; }
	@go build -trimpath -o $(BIN)/verify ./spec/models/verify
	@go build -trimpath -o $(BIN)/testreport ./go/internal/cmd/testreport
	@.ci/test.sh verify

.PHONY: fuzz
fuzz: setup ## give every language hostile segments and print the executions (FUZZ_TIME=60 seconds per target, or FUZZ_COUNT=100000)
	@FUZZ_TIME=$(FUZZ_TIME) FUZZ_COUNT=$(FUZZ_COUNT) .ci/fuzz.sh $(LANGUAGES)

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build
