# Everything happens inside .venv; each target does its own set-up.

PYTHON ?= python3
PORT ?= 8080
SIZE ?= 100k
ROUNDS ?= 1000
INTERLEAVINGS ?= 10000
BIN := .venv/bin
READY := .venv/.ready

.PHONY: install demo test check bench torture docs goldens lock

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Trunkline needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	$(BIN)/trunkline demo --port $(PORT)

# As many at a time as there are cores, each with a database and a server of its own.
test: install
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Loads a log of SIZE calls once, measures it, and saves the table under bench/results/; see docs/why/speed.md.
bench: install
	$(BIN)/python -m bench.run $(SIZE)

# Kills the server and PostgreSQL under load, ROUNDS times, and tells every vendor's calls in ten thousand orders.
torture: install
	ROUNDS=$(ROUNDS) INTERLEAVINGS=$(INTERLEAVINGS) $(BIN)/python -m pytest tests/torture tests/vendors/contract/test_deliveries.py

# Writes what tests compare with; look at the difference before you commit it.
goldens: install docs
	$(BIN)/python -m pytest -q --update-goldens tests

docs: install
	$(BIN)/python docs/generate.py

# Needs uv. Hashes, and no addresses: wherever your index is, the packages are the same.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --group dev pyproject.toml --output-file requirements.lock
