# Everything a newcomer needs: `make demo` shows the main job, `make test` passes the tests.
PYTHON ?= python3
# Processes that run tests at the same time, each with servers of its own (some 2 GiB); they wait a quarter of it.
# `make test WORKERS=0`: in one.
WORKERS ?= 3
BIN := .venv/bin
CODE := ror select_lang anonymizer containers orthanc examples tests workflows benchmarks

.PHONY: help setup servers ocr viewer demo test lint check bench podman-test kill-test phi-report format lock clean

help:  ## say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: .venv/ready  ## make .venv from the locked versions

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -qq --disable-pip-version-check --no-deps -e .
	touch $@

servers:  ## install the servers that tests use (Debian packages, as root); skipped elsewhere
	@sh tests/support/install_servers.sh

ocr: setup  ## install what finds text in pixels, which two tests need
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps onnxruntime==1.23.2 rapidocr-onnxruntime==1.4.4

viewer: setup  ## fetch the viewer of examples.viewer by npm, which a test shows the archive in
	$(BIN)/python -c "from examples import viewer; viewer.fetch()"

demo: setup  ## two studies through the whole path, on embedded defaults
	$(BIN)/python -m examples.demo

test: setup servers  ## all tests; those whose server cannot be installed are skipped, with the reason
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

lint: setup  ## format, lint, types
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy

check: lint test  ## format, lint, types, tests

bench: setup  ## figures beside those of peers, measured in one run
	$(BIN)/python -m benchmarks

podman-test: setup servers  ## the tests of the Docker runtime, with Podman's socket in place of Docker's
	ROR_TEST_DOCKER=podman ROR_TEST_REQUIRE=podman $(BIN)/python -m pytest tests/containers -m "docker or podman" \
	  --deselect tests/containers/test_docker_stops.py

kill-test: setup  ## kill the service 200 times while it receives, hosts 100 times while jobs run; nothing may be lost
	ROR_TEST_KILL_ROUNDS=200 $(BIN)/python -m pytest tests/ror/test_kill.py
	ROR_TEST_KILL_ROUNDS=200 ROR_TEST_KILL_JOBS=20 $(BIN)/python -m pytest tests/engine/test_host_kills.py

phi-report: setup  ## planted identity: what is left of it after de-identification, by category
	$(BIN)/python -m benchmarks.phi

format: setup  ## format the code
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lock:  ## compile requirements.lock anew from pyproject.toml
	$(BIN)/pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --allow-unsafe --generate-hashes \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options \
	  --output-file requirements.lock pyproject.toml

clean:  ## remove what was built
	rm -rf .venv .cache demo .pytest_cache .mypy_cache .ruff_cache
