# Two commands do the work: `make site` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)
ARGS ?=
# Tests run side by side, each process with an AWS of its own.
PYTEST = $(PY) -m pytest -n $(shell nproc) --dist worksteal

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: ## the virtual environment in .venv
	@tools/bootstrap

# The lab's networks and containers are the machine's, so these are root's affair.
ROOTED := site drift lab-up lab-down lab-reset lab-images lab-status lab-doctor world bench-lab
.PHONY: $(ROOTED)
ifneq ($(shell id -u),0)
$(ROOTED): venv
	@command -v sudo >/dev/null || { echo "make $@: the lab's networks are this machine's: run it as root, or install sudo" >&2; exit 1; }
	@sudo -E -H env "PATH=$$PATH" $(MAKE) --no-print-directory $@ ARGS='$(ARGS)'
else
site: lab-up ## the whole platform on this machine; again at any time (ARGS="--check --diff", …)
	@flock --nonblock --conflict-exit-code 75 .lab/site.lock ansible-playbook site.yml $(ARGS) || { status=$$?; \
	  [ $$status != 75 ] || echo "make site: another one is running here; wait for its end, then run this again" >&2; exit $$status; }
	@$(PY) -m lab address
drift: lab-up ## what differs from the inventory; exits non-zero if anything does
	@ansible-playbook playbooks/drift.yml $(ARGS)
lab-up: venv ## start what isn't up of the lab
	@tools/packages
	@$(PY) -m lab images
	@$(PY) -m lab up --world
lab-down: venv ## stop the lab; what it holds is kept
	@$(PY) -m lab down
lab-reset: venv ## empty the lab's AWS
	@$(PY) -m lab reset
lab-images: venv ## build what the tasks run, as far as it is missing (ARGS="php-api": only that)
	@tools/packages
	@$(PY) -m lab images $(ARGS)
lab-status: venv ## what runs where
	@$(PY) -m lab status
lab-doctor: venv ## what is wrong with the lab, and what to do
	@$(PY) -m lab doctor
world: venv ## the tests on real namespaces and containers
	@tools/packages tests
	@$(PY) -m lab images
	@$(PY) -m pytest tests/world $(ARGS)
bench-lab: venv ## how long the lab takes to stand, cold and warm, and its memory (in a fresh clone; no other lab may be up)
	@$(PY) -m tests.benchmarks.lab $(ARGS)
endif

.PHONY: env
env: venv ## the `export` lines with which any AWS client talks to the lab
	@$(PY) -m lab env

.PHONY: packages
packages: ## what the lab needs of Debian, as far as it is missing (ARGS="tests": and its tests)
	@tools/packages $(ARGS)

.PHONY: test lint unit integration soak
test: venv ## lint, unit, integration
	@$(MAKE) --no-print-directory lint
	@$(PYTEST) -m 'not soak and not world' $(ARGS)
lint: venv ## ruff, mypy, yamllint, ansible-lint, generated files
	ruff format --check .
	ruff check .
	mypy
	yamllint -s .
	ansible-lint --offline -q
	$(PY) tools/permissions.py --check
	$(PY) tools/reference.py --check
	$(PY) tools/requirements.py
unit: venv ## the tests that need no server
	@$(PYTEST) tests/unit $(ARGS)
integration: venv ## the tests against a local AWS
	@$(PYTEST) tests/integration -m 'not soak' $(ARGS)
soak: venv ## every fault at every call, for every unit (long)
	@$(PYTEST) -m soak $(ARGS)

.PHONY: bench-provision
bench-provision: venv ## the whole platform, ours beside amazon.aws and plain boto3, and its critical path (long)
	@$(PY) -m tests.benchmarks.provision $(ARGS)

.PHONY: docs lock
docs: venv ## write the generated reference again
	@$(PY) tools/reference.py
	@$(PY) tools/permissions.py
lock: ## pin again what the requirements bring along
	@rm -rf .venv-lock && python3 -m venv .venv-lock && .venv-lock/bin/pip -q install -r requirements-dev.txt
	@{ echo "# Written by \`make lock\`: everything that requirements-dev.txt brings along."; .venv-lock/bin/pip freeze --exclude-editable; } > constraints.txt
	@rm -rf .venv-lock
