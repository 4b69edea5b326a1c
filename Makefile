# Each target works as the first command on a fresh checkout: it needs python3 with its venv module, and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test verify verify-long mutations bench bench-llm capacity fuzz soak lint format sample clean wheelhouse

demo: .venv/installed
	$(BIN)/vpcbench demo

# Behaviour, which no load of the machine changes. Most tests wait more than they compute, so four share two cores.
test: .venv/installed-test
	$(BIN)/pytest -n 4 --dist worksteal -m "not verify and not long"

verify: .venv/installed-test # the truth of times, one test at a time; eight minutes at most
	$(BIN)/pytest -m "verify and not long"

verify-long: .venv/installed-test mutations capacity fuzz soak # thousands of simulated runs, and hours of weather in minutes
	$(BIN)/pytest -m long

mutations: .venv/installed-test # breaks the code in ten ways, and shows that tests notice
	$(BIN)/python -m tests.mutations

bench: .venv-bench/installed # beside wrk, ab, h2load, hey and others; about five minutes, on a quiet machine
	PYTHONSAFEPATH=1 .venv-bench/bin/python tests/performance/bench.py

bench-llm: .venv-bench/installed # streams, beside vLLM's, EvalScope's, aiperf's and guidellm's clients; see the script for less
	PYTHONSAFEPATH=1 .venv-bench/bin/python tests/performance/bench_llm.py

capacity: .venv/installed-test # 400 searches of queues whose capacity is known; a few minutes
	$(BIN)/python -m tests.analysis.searches 200

fuzz: .venv/installed-test # 100,000 random scripts; about ten minutes
	FUZZ=100000 $(BIN)/pytest tests/transport/test_fuzz.py

soak: .venv/installed-test # ten minutes of bad weather, and nginx reloaded under 5,000 requests a second
	SOAK=600 $(BIN)/pytest tests/transport/test_soak.py
	RELOAD=5000/30 $(BIN)/pytest tests/transport/test_real_servers.py -k reload

wheelhouse: .venv/bin/python # all that a host without internet needs, of the same system and Python version
	$(BIN)/pip wheel --quiet --wheel-dir wheelhouse .

lint: .venv/installed-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: .venv/installed-lint
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

sample: .venv/installed-test
	$(BIN)/python -m tests.sample

clean:
	rm -rf .venv .venv-bench .venv-peers wheelhouse

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/installed-%: .venv/bin/python pyproject.toml
	$(BIN)/pip install --quiet --editable '.[test,$*]'
	touch $@ .venv/installed

# the hot path compiled, in a folder of its own, so that no compiled module ever hides a source that has changed
.venv-bench/installed: pyproject.toml $(shell find benchmark -name '*.py')
	$(PYTHON) -m venv .venv-bench
	folder=$$(mktemp -d) && cp -r benchmark pyproject.toml README.md LICENSE $$folder && \
		HATCH_BUILD_HOOK_ENABLE_MYPYC=1 .venv-bench/bin/pip install --quiet --force-reinstall $$folder 'tokenizers>=0.20'; rm -rf $$folder
	touch $@
