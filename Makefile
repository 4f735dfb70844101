# Handoff's commands. `make` lists them; `make report` is the main one.
#
# Each sets up what it needs by itself: .venv from envs/*.lock, once. Variables that are passed on:
#   PYTHON=python3.12            make .venv from this Python instead of the newest on the PATH up to 3.13
#   SNAKEMAKE_ARGS="--cores 2"   more options for Snakemake
#   PYTEST_ARGS="-k blocks"      more options for pytest
#   BUDGET=2h                    how long `make thorough` may measure in all
#   NAME=py313                   what `make interpreter` makes: .venvs/py313, of PYTHON or of the environment file CONDA

.POSIX:

# A job's `python` is then the one of .venv. `exec`: Ctrl-C reaches Snakemake and nobody in between.
IN_VENV = export PATH="$$PWD/.venv/bin:$$PATH"; exec
# Not the program of that name: its first line holds a path that breaks when the project moves.
SNAKEMAKE = .venv/bin/python -m snakemake --cores all $(SNAKEMAKE_ARGS)

help: ## lists these commands (plain `make` does too)
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "  %-16s %s\n", $$1, $$2 }'

report: set-up-run ## measures this machine with config/config.yaml and writes results/default/report.html
	@$(IN_VENV) $(SNAKEMAKE) --configfile config/config.yaml

quick: set-up-run ## the same in a minute, with config/smoke.yaml: indicative only
	@$(IN_VENV) $(SNAKEMAKE) --configfile config/smoke.yaml

thorough: set-up-run ## goes on with config/config.yaml until every answer is decided or BUDGET (30min) is spent
	@$(IN_VENV) python scripts/measure_until_decided.py --configfile config/config.yaml --budget $${BUDGET:-30min} -- --cores all $(SNAKEMAKE_ARGS)

again: set-up-run ## measures the blocks of config/config.yaml again in which something failed
	@$(IN_VENV) sh -c 'python scripts/measure_again.py --configfile config/config.yaml && exec $(SNAKEMAKE) --configfile config/config.yaml'

calibrate: set-up-run ## says how right the verdicts are on this machine; takes half an hour
	@$(IN_VENV) $(SNAKEMAKE) --configfile config/calibrate.yaml

mine: set-up-run ## your own data and function: make mine PAYLOAD=data.parquet TASK=module:function [WORKERS= PATTERN= THOROUGH=1]
	@$(IN_VENV) python scripts/measure_mine.py --configfile config/mine.yaml --payload "$(PAYLOAD)" --task "$(TASK)" \
	    --workers "$(WORKERS)" --pattern "$(PATTERN)" $${THOROUGH:+--thorough} -- --cores all $(SNAKEMAKE_ARGS)

article: set-up-run ## the article's experiments, its figures beside this machine's
	@$(IN_VENV) $(SNAKEMAKE) --configfile config/article.yaml

everything: set-up-peers ## every strategy, also those that need more packages (envs/peers.in), kind and pattern once
	@$(IN_VENV) $(SNAKEMAKE) --configfile config/everything.yaml

sweep: set-up-run ## many sizes, kinds and worker counts; takes hours
	@$(IN_VENV) $(SNAKEMAKE) --configfile config/sweep.yaml

doctor: set-up-run ## says what this machine is and what disturbs measuring on it
	@$(IN_VENV) python scripts/describe_machine.py --doctor

interpreter: ## makes .venvs/NAME with another PYTHON, or of CONDA's file, to measure under: docs/python-versions.md
	@[ -n "$(PYTHON)$(CONDA)" ] || { echo "Say which: make interpreter NAME=py313 PYTHON=python3.13" >&2; exit 1; }
	@python="$$(sh scripts/find_python.sh "$(PYTHON)")" && set -- interpreter "$(NAME)" && \
	    { [ -z "$(CONDA)" ] || set -- "$$@" --conda "$(CONDA)"; } && "$$python" scripts/set_up.py "$$@"

test: set-up-development ## the tests, without the slow ones
	@$(IN_VENV) python -m pytest -q -m "not slow and not faults and not browser and not cluster" $(PYTEST_ARGS)

test-slow: set-up-development ## the slow tests only
	@$(IN_VENV) python -m pytest -q -m slow $(PYTEST_ARGS)

test-faults: set-up-development ## the tests of faults: signals, limits, full disks, damaged clocks, a sweep under random kills (HANDOFF_THOROUGH=1: all)
	@$(IN_VENV) python -m pytest -q -m faults $(PYTEST_ARGS)

test-report: set-up-development ## the tests of the report in a browser: Chromium from the PATH, or HANDOFF_CHROMIUM
	@$(IN_VENV) python -m pytest -q -m browser $(PYTEST_ARGS)

test-peers: set-up-development set-up-peers ## the laws of the strategies that need more packages; other tests skip them without
	@$(IN_VENV) python -m pytest -q -m "peers and not faults" $(PYTEST_ARGS)

test-cluster: set-up-development set-up-cluster ## the workflow on a small SLURM of this machine (its packages: docs/clusters.md); without SLURM they are skipped
	@$(IN_VENV) python -m pytest -q -m cluster $(PYTEST_ARGS)

test-all: test test-slow test-report test-cluster test-faults ## every test

lint: set-up-development ## the checks of form, types, floors, security and workflow
	@$(IN_VENV) ruff check .
	@$(IN_VENV) ruff format --check .
	@$(IN_VENV) mypy
	@PYTHONPATH=scripts; export PYTHONPATH; $(IN_VENV) lint-imports --no-logo
	@$(IN_VENV) bandit -q -c pyproject.toml -r scripts -x scripts/handoff/transports,scripts/handoff/executors,scripts/handoff/snippets
	@# These exist to pickle between a process and its own workers, and one to start a program by its name.
	@$(IN_VENV) bandit -q -c pyproject.toml -s B301,B607 -r scripts/handoff/transports scripts/handoff/executors scripts/handoff/snippets
	@$(IN_VENV) snakefmt --check Snakefile workflow/Snakefile workflow/cluster.smk
	@$(IN_VENV) .venv/bin/python -m snakemake --lint

docs: set-up-run ## renews the pages that are made from the code: columns, config, the graph of rules
	@$(IN_VENV) python scripts/write_reference_pages.py
	@$(IN_VENV) python scripts/draw_rulegraph.py --out docs/rulegraph.svg

example: set-up-run ## renews results/example and the README's figures from results/default, article and calibrate
	@$(IN_VENV) python scripts/keep_example.py --run results/default --example results/example
	@$(IN_VENV) python scripts/write_readme.py --run results/example \
	    $$([ ! -d results/article ] || echo --article results/article) \
	    $$([ ! -d results/calibrate ] || echo --calibration results/calibrate/calibration.json)
	@[ ! -d results/calibrate ] || cp results/calibrate/calibration.md docs/calibration.md

clean: ## removes the results of all runs, not the example and not .venv
	@[ ! -d results ] || find results -mindepth 1 -maxdepth 1 ! -name example -exec rm -rf {} +

distclean: clean ## removes .venv and what Snakemake and the checks keep, too
	@rm -rf .venv .venvs .snakemake .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache

set-up-run:
	@python="$$(sh scripts/find_python.sh "$(PYTHON)")" && "$$python" scripts/set_up.py run

set-up-development:
	@python="$$(sh scripts/find_python.sh "$(PYTHON)")" && "$$python" scripts/set_up.py development

set-up-cluster:
	@python="$$(sh scripts/find_python.sh "$(PYTHON)")" && "$$python" scripts/set_up.py cluster

set-up-peers:
	@python="$$(sh scripts/find_python.sh "$(PYTHON)")" && "$$python" scripts/set_up.py peers

.PHONY: help report quick thorough again calibrate mine article everything sweep doctor interpreter test test-slow test-faults test-report test-peers test-cluster test-all lint docs example clean distclean set-up-run set-up-development set-up-peers set-up-cluster
