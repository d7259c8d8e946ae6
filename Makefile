# Everything is built with one profile into one folder, so that RocksDB's C++ is compiled once on a fresh machine.
# Start with `make demo`.

export CARGO_TARGET_DIR ?= $(HOME)/.cache/kippu-target
# With the libraries of strangers, for the tests.
export KIPPU_TEST_PYTHON ?= $(CARGO_TARGET_DIR)/python/bin/python
# Where rustup puts it, for a shell that was open before.
export PATH := $(PATH):$(HOME)/.cargo/bin
CARGO_FLAGS := --release --workspace --locked
KIPPU := $(CARGO_TARGET_DIR)/release/kippu

.PHONY: help setup setup-kafka setup-clients build programs demo demo-approvals demo-partners demo-cluster clients test kafka bench rows one-build lint clean

help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

setup: ## Installs what a fresh machine lacks: a C++ compiler, clang's library, pkg-config.
	@sh tests/scripts/setup.sh

setup-kafka: setup ## The same for Apache Kafka, which the tests run: Java, Maven, kcat, jq, then Kafka's own jars.
	@sh tests/scripts/setup.sh kafka
	@sh tests/kafka/kafka.sh fetch

build: setup ## Builds everything, tests and examples included.
	cargo build $(CARGO_FLAGS) --all-targets

programs: setup ## Builds the programs alone: the node, the buyer's terminal, and the clients of the demonstrations.
	@echo "building the programs, which takes a quarter of an hour the first time: RocksDB is most of it"
	cargo build $(CARGO_FLAGS) --bins --examples

demo: programs ## A node, a client that plays purchases, a SIGKILL in the middle, and a check of the whole history.
	@sh tests/scripts/demo.sh "$(CARGO_TARGET_DIR)/release"

demo-approvals: programs ## Purchases between five nodes: what is bought, what is refused, and books that agree.
	@sh tests/scripts/demo-approvals.sh "$(CARGO_TARGET_DIR)/release"

demo-partners: programs ## A main site and two partner sites: contracts, access logs, and fees that both sides compute.
	@sh tests/scripts/demo-partners.sh "$(CARGO_TARGET_DIR)/release"

FILE ?= examples/data/purchases-sample.txt
demo-cluster: setup-kafka programs ## Three nodes on Apache Kafka, one killed every 10 seconds; FILE=… plays a longer file.
	@sh tests/kafka/with.sh sh tests/scripts/demo-cluster.sh "$(CARGO_TARGET_DIR)/release" "$(FILE)"

setup-clients: setup ## The same for the HTTP clients of other languages, the proxies and the browser: Python, Node.js, Java, Go, nginx, haproxy, Chromium.
	@sh tests/scripts/setup.sh clients
	@sh tests/scripts/python.sh "$(CARGO_TARGET_DIR)/python"

clients: setup-clients programs ## The default HTTP clients of five languages, and nginx and haproxy; FILE=… plays a longer file.
	@python3 tests/strangers/clients/play.py "$(CARGO_TARGET_DIR)/release" "$(FILE)"

test: setup-kafka setup-clients ## Format, lints, all tests, next to a Kafka broker; clients of other languages; the log's contract per backend.
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	@sh tests/kafka/with.sh cargo test $(CARGO_FLAGS)
	@python3 tests/strangers/clients/play.py "$(CARGO_TARGET_DIR)/release" examples/data/purchases-sample.txt
	@"$(KIPPU_TEST_PYTHON)" tests/strangers/statements.py
	@python3 tests/scripts/one_build.py
	@sh tests/scripts/contract.sh $(CARGO_FLAGS)

kafka: setup-kafka ## A Kafka broker in the foreground, for trying out.
	@sh tests/kafka/kafka.sh run "$(CARGO_TARGET_DIR)/kafka"

bench: programs ## The product compared with the limits of this machine.
	"$(KIPPU)" bench --json

rows: ## Every requirement with the tests that show it.
	@sh tests/scripts/rows.sh

one-build: setup-clients ## Whether every selection of packages shares one build of RocksDB.
	@python3 tests/scripts/one_build.py

lint: setup ## Format, lints, documentation, and what we depend on.
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps
	@sh tests/scripts/deny.sh

clean: ## Deletes what was built.
	cargo clean
