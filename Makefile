# Two commands do the work: `make site` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PY := .venv/bin/python
export PATH := $(CURDIR)/.venv/bin:$(PATH)
ARGS ?=
LAB := $(or $(KC_LAB_DIR),.lab)
# Tests run side by side, each process with an AWS of its own; groups, such as the live lab's tests, keep to one process. These wait
# more than they work: hence one more than there are cores.
PYTEST = $(PY) -m pytest -n $$(($(shell nproc) + 1)) --dist loadgroup

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: ## the virtual environment in .venv
	@tools/bootstrap

# The lab's networks and containers are the machine's, so these are root's affair.
ROOTED := site drift drill lab-up lab-down lab-reset lab-images lab-status lab-doctor world mysql soak molecule bench-lab bench-clickhouse bench-faults
.PHONY: $(ROOTED)
ifneq ($(shell id -u),0)
$(ROOTED): venv
	@command -v sudo >/dev/null || { echo "make $@: the lab's networks are this machine's: run it as root, or install sudo" >&2; exit 1; }
	@sudo -E -H env "PATH=$$PATH" $(MAKE) --no-print-directory $@ ARGS='$(ARGS)'
else
site: lab-up ## the whole platform on this machine; again at any time (ARGS="--check --diff", …)
	@flock --nonblock --conflict-exit-code 75 $(LAB)/site.lock ansible-playbook site.yml $(ARGS) || { status=$$?; \
	  [ $$status != 75 ] || echo "make site: another one is running here; wait for its end, then run this again" >&2; exit $$status; }
	@$(PY) -m lab address
drift: lab-up ## what differs from the inventory; exits non-zero if anything does
	@ansible-playbook playbooks/drift.yml $(ARGS)
drill: lab-up ## the primary is lost while users work, the other region takes over, and users go home; after `make site`
	@ansible-playbook playbooks/drill.yml -e lost=$(or $(LOST),me-west-1) -e confirm=lab $(ARGS)
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
world: venv ## the tests of the live lab, on real networks and containers
	@tools/packages tests
	@$(PY) -m lab images
	@$(PY) -m pytest tests/world tests/media/test_plaintext.py -m 'not soak' $(ARGS)
mysql: venv ## the tests on real MySQL servers
	@tools/packages
	@$(PY) -m lab images mysql
	@$(PYTEST) tests/mysql -m 'not soak' $(ARGS)
soak: venv ## every fault at every call, every unit and act on a database, many schedules, a failover in silence (hours)
	@tools/packages tests
	@$(PY) -m lab images mysql
	@$(PYTEST) -m 'soak and not world' $(ARGS)
	@$(PY) -m lab images
	@$(PY) -m pytest tests/world -m soak $(ARGS)
molecule: venv ## the roles on real servers in containers (ARGS="--scenario-name keeper": only that one)
	@tools/packages tests
	@$(PY) -m lab images node node-mysql
	@molecule test $(or $(ARGS),--all)
bench-lab: venv ## how long the lab takes to stand, cold and warm, and its memory (in a fresh clone; no other lab may be up)
	@$(PY) -m tests.benchmarks.lab $(ARGS)
bench-clickhouse: lab-up ## the ClickHouse roles' second run, and inserts beside plain clickhouse-client (after `make site`)
	@tools/packages tests
	@$(PY) -m tests.benchmarks.clickhouse $(ARGS)
bench-faults: venv ## what faults cost who writes to ClickHouse, and that no acknowledged row is lost (15 min; no other lab may be up)
	@tools/packages tests
	@$(PY) -m lab images node
	@$(PY) -m pytest -s tests/world/test_steady.py $(ARGS)
endif

.PHONY: env
env: venv ## the `export` lines with which any AWS client talks to the lab
	@$(PY) -m lab env

.PHONY: packages
packages: ## what the lab needs of Debian, as far as it is missing (ARGS="tests": and its tests)
	@tools/packages $(ARGS)

.PHONY: test lint unit integration clickhouse
test: venv ## lint, and all tests but the long ones (`soak`)
	@tools/packages tests
	@$(MAKE) --no-print-directory lint
ifeq ($(shell id -u),0)
	@$(PY) -m lab images
	@$(PYTEST) -m 'not soak' $(ARGS)
else
	@$(PYTEST) -m 'not soak and not world and not mysql' $(ARGS)
	@$(MAKE) --no-print-directory mysql world
endif
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
clickhouse: venv ## the tests on real ClickHouse servers
	@tools/packages tests
	@$(PYTEST) tests/clickhouse -m 'not soak' $(ARGS)

.PHONY: bench-provision
bench-provision: venv ## the whole platform, ours beside amazon.aws and plain boto3, and its critical path (long)
	@$(PY) -m tests.benchmarks.provision $(ARGS)

.PHONY: bench-media
bench-media: venv ## video cut and encrypted in a second of the processor, beside ffmpeg and shaka-packager (needs npm)
	@tools/packages tests
	@$(PY) -m tests.benchmarks.media $(ARGS)

.PHONY: bench-serve
bench-serve: venv ## keys a second, and segments beside nginx, of one worker of the media server (needs wrk)
	@tools/packages tests
	@$(PY) -m tests.benchmarks.serve $(ARGS)

.PHONY: docs lock
docs: venv ## write the generated reference again
	@$(PY) tools/reference.py
	@$(PY) tools/permissions.py
lock: ## pin again what the requirements bring along
	@rm -rf .venv-lock && python3 -m venv .venv-lock && .venv-lock/bin/pip -q install -r requirements-dev.txt
	@{ echo "# Written by \`make lock\`: everything that requirements-dev.txt brings along."; .venv-lock/bin/pip freeze --exclude-editable; } > constraints.txt
	@rm -rf .venv-lock
