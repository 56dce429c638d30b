# `make up` starts Gatepost, `make test` checks it. Each builds what it needs first: Python 3.11+, pip and make are enough.

UV_VERSION := 0.13.9
UV := .uv/bin/uv
RUN := .venv/bin/python
CATALOGUES := $(wildcard gatepost/locale/*/LC_MESSAGES/*.po)
# Tools that read the settings without touching data.
TOOLS := DJANGO_SETTINGS_MODULE=gatepost.up.settings_for_tools

# Where the environment tells Python to keep no bytecode, each of the hundreds of processes of a test run, and every start,
# would compile all of Gatepost anew.
unexport PYTHONDONTWRITEBYTECODE

# Two for each core: half of the tests' time is waiting for processes that are killed, frozen or slow on purpose.
SIDE_BY_SIDE = -n "$$($(RUN) -c 'import os; print(2 * (os.cpu_count() or 1))')" --dist worksteal

.PHONY: help up test lint format pytest shots guide lighthouse bench faults city-morning fuzz interop walks messages browser clean
.DELETE_ON_ERROR:

help:
	@echo "make up        start Gatepost here, with a demonstration city (Ctrl-C stops it)"
	@echo "make test      everything that must hold before a commit: lint, then all tests"
	@echo "make lint      format, rules, types, floors, migrations, translations; changes nothing"
	@echo "make format    put the code into its form"
	@echo "make shots     pictures of the pages, in var/shots/"
	@echo "make guide     the pictures of the guide for families, to look at and commit"
	@echo "make lighthouse  how the first pages of families do in Lighthouse on a phone (needs Node)"
	@echo "make bench     figures beside their references (ONLY=taps for one of them)"
	@echo "make faults    what goes wrong in a machine room, done to real processes, in the long form (FAULTS_SEED=… plays one again)"
	@echo "make city-morning  a morning of 1,000 families on every channel, each provider failing in turn (with Node: by SMPP, too)"
	@echo "make fuzz      bad input by the million, for everything that takes input; part of make faults"
	@echo "make interop   software not written here signs people in: openid-client, Apache, Kolibri (what is not installed is skipped)"
	@echo "make walks     a family's whole way through the pages, by keyboard on a phone, in all four languages"
	@echo "make bench-growth  the same at 1, 10, 100 and 280 schools, with and without a year behind them"
	@echo "make messages  gather texts to translate into gatepost/locale/ (needs GNU gettext)"
	@echo "make clean     remove what was built; var/ stays"

up: .venv/.ready
	@exec $(RUN) -m gatepost up

test: lint browser
	@$(RUN) -m compileall -q -j 0 gatepost tests
	$(RUN) -m pytest $(SIDE_BY_SIDE)

lint: .venv/.ready
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy gatepost tests conftest.py
	.venv/bin/lint-imports
	$(TOOLS) $(RUN) -m django makemigrations --check --dry-run
	$(RUN) -m gatepost.up.catalogues --check

format: .venv/.ready
	$(RUN) -m ruff check --fix-only --quiet .
	$(RUN) -m ruff format .

shots: .venv/.ready browser
	$(RUN) -m tests.shots

guide: .venv/.ready browser
	$(RUN) -m tests.guide

lighthouse: .venv/.ready browser
	$(RUN) -m tests.lighthouse

browser: .venv/.ready
	@$(RUN) -m gatepost.up.browser

bench: .venv/.ready
	$(RUN) -m bench --only "$(ONLY)"

faults: .venv/.ready
	FAULTS=long $(RUN) -m pytest tests/faults tests/fuzz -v $(SIDE_BY_SIDE)

city-morning: .venv/.ready
	FAULTS=city $(RUN) -m pytest tests/faults/test_a_morning_on_every_channel.py -v -n 0 -rs

fuzz: .venv/.ready
	FAULTS=long $(RUN) -m pytest tests/fuzz -v $(SIDE_BY_SIDE)

interop: .venv/.ready
	INTEROP=1 $(RUN) -m pytest tests/interop -rs

walks: .venv/.ready browser
	WALKS=all $(RUN) -m pytest tests/browser/test_gate_journey.py -v

bench-growth: .venv/.ready
	$(RUN) -m bench --only growth

messages: .venv/.ready
	@command -v xgettext >/dev/null || { echo "make messages needs GNU gettext: please install the package gettext." >&2; exit 1; }
	cd gatepost && $(TOOLS) ../$(RUN) -m django makemessages --all --no-obsolete --no-wrap --add-location=file

clean:
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache gatepost/locale/*/LC_MESSAGES/*.mo

# The environment of exactly what uv.lock names, compiled, so that the first start is not slower than the others.
.venv/.ready: pyproject.toml uv.lock $(CATALOGUES) | $(UV)
	@$(UV) sync --frozen --quiet --no-python-downloads --compile-bytecode --python "$$(cat .uv/python)"
	@$(RUN) -m gatepost.up.catalogues
	@touch $@

# The first Python that is new enough and has pip (a name on the path may be a shim with nothing behind it). pip puts uv into
# a folder of its own: no module venv is needed, and the system's packages stay as they are.
$(UV):
	@mkdir -p .uv
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  $$python -c 'import sys, pip; assert sys.version_info >= (3, 11); print(sys.executable)' >.uv/python 2>/dev/null && break; \
	done; test -s .uv/python || \
	  { echo "Gatepost needs Python 3.11 or newer with pip: please install them, or name one with PYTHON=…" >&2; exit 1; }
	@echo "Building the environment (once) …"
	@"$$(cat .uv/python)" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade \
	  --target .uv "uv==$(UV_VERSION)"
