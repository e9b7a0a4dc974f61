# Berceau. On a bare Debian 12 or 13: apt-get install make python3-venv, then `make demo`.
# Each target checks what it needs of the machine, installs it where it may, else prints the command and stops.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
KAFKA := deploy/kafka/libs/.complete
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := pip compile --quiet --generate-hashes --no-emit-index-url --python-version 3.11 --universal
export PYTHON
# Python keeps what it compiles, even where the machine's image forbids it: the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo cluster-demo check style types imports schemas rules test torture servers kafka lock clean bench-peers mutation

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.base ## Watch a living territory: one process, nothing to configure (ARGS="--days 7" passes options)
	$(BIN)/berceau demo $(ARGS)

cluster-demo: $(VENV)/.test $(KAFKA) ## The same on real Kafka and PostgreSQL, a process for each service
	@deploy/needs.sh java postgres
	$(BIN)/python -m deploy.servers $(BIN)/berceau demo --cluster $(ARGS)

check: style types imports schemas rules ## The quick gate: style, types, who imports whom, published contracts, house rules

style: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

imports: $(VENV)/.test
	$(BIN)/lint-imports

schemas: $(VENV)/.test
	$(BIN)/python -m contracts.schemas --check
	$(BIN)/python -m contracts.asyncapi --check

rules: $(VENV)/.test
	@deploy/needs.sh git
	$(BIN)/python -m pytest tests/test_house_rules.py

test: $(VENV)/.test $(KAFKA) ## Every test, on real Kafka, PostgreSQL and Chromium (ARGS="tests/bus -k relay" narrows it)
	@deploy/needs.sh git java postgres prometheus systemd chromium glewlwyd
	$(BIN)/python -m pytest --verbose -n 4 --dist loadfile --no-loadscope-reorder -m "not torture" $(ARGS)

torture: $(VENV)/.test $(KAFKA) ## The long figures, printed as they come (ARGS="tests/ingest" narrows it)
	@deploy/needs.sh java postgres
	$(BIN)/python -m pytest --verbose -m torture $(ARGS)

# Without ARGS every file meets every one of these tests, which takes an hour of one core: name files and mutants.
# The guards: what makes an event, a text, an answer or an end happen once.
GUARDS := $(addprefix services/,bus/delivery.py bus/inbox.py bus/outbox.py bus/relay.py ingest/idempotency.py) \
  $(addprefix services/,notifier/sending.py notifier/store.py) \
  $(addprefix services/matcher/,endings.py leases.py lifecycle.py moves.py)
SEES_GUARDS := $(wildcard tests/[bin]*/test_*_by_hand.py) $(addprefix tests/,bus/test_embedded.py notifier/test_planning.py) \
  $(wildcard tests/matcher/test_*_by_hand.py) $(addprefix tests/matcher/,test_proposal_life.py test_answers.py test_together.py test_waves.py)
MUTATED ?= $(wildcard services/matcher/rules/[a-z]*.py) $(addprefix services/matcher/solver/,decided_with.py explain.py phrases.py verify.py) $(GUARDS)
SEEN_BY ?= tests/matcher/rules tests/matcher/solver tests/matcher/test_moving.py $(SEES_GUARDS)
mutation: $(VENV)-mutation/.mutmut ## Plant small faults, say which no test sees (MUTATED=... SEEN_BY="tests/matcher/rules" ARGS=...)
	@mkdir -p build
	$(VENV)-mutation/bin/python -m tools.mutation $(MUTATED) --tests $(SEEN_BY) --out build/mutation.json $(ARGS)

bench-peers: $(VENV)-bench/.peers ## Install the programs that the matching is measured beside, apart from ours

servers: $(VENV)/.test $(KAFKA) ## Run Kafka and PostgreSQL until Ctrl-C, and print how to point tests at them
	@deploy/needs.sh java postgres
	$(BIN)/python -m deploy.servers

kafka: $(KAFKA) ## Fetch Apache Kafka's jars and compare them with deploy/kafka/libs.sha256

lock: $(VENV)/.base ## Renew the pinned versions and checksums: requirements/*.txt and deploy/kafka/libs.sha256
	@command -v uv >/dev/null || $(PIP_INSTALL) uv
	PATH="$(CURDIR)/$(BIN):$$PATH" uv $(LOCK) --extra test pyproject.toml -o requirements/test.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" uv $(LOCK) -c requirements/test.txt pyproject.toml -o requirements/base.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" uv $(LOCK) requirements/build.in -o requirements/build.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" uv $(LOCK) requirements/bench.in -o requirements/bench.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" uv $(LOCK) -c requirements/test.txt requirements/mutation.in -o requirements/mutation.txt
	@deploy/needs.sh java maven
	rm -rf deploy/kafka/libs
	cd deploy/kafka && mvn --quiet --batch-mode dependency:copy-dependencies
	cd deploy/kafka/libs && LC_ALL=C sha256sum *.jar > ../libs.sha256

clean: ## Remove everything that make made here
	rm -rf $(VENV) $(VENV)-bench $(VENV)-mutation deploy/kafka/libs build dist *.egg-info .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is installed is stamped, so that a second run costs nothing.
$(VENV)/.base: pyproject.toml requirements/base.txt requirements/build.txt
	@deploy/needs.sh python
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --require-hashes -r requirements/base.txt -r requirements/build.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)-bench/.peers: requirements/bench.txt
	@deploy/needs.sh python
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

# The packages of the tests are read where they are: this environment only adds its own.
$(VENV)-mutation/.mutmut: requirements/mutation.txt $(VENV)/.test
	$(PYTHON) -m venv $(VENV)-mutation
	$(VENV)-mutation/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mutation.txt
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
	  > "$$($(VENV)-mutation/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tests.pth"
	@touch $@

$(VENV)/.test: pyproject.toml requirements/test.txt requirements/build.txt
	@deploy/needs.sh python
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --require-hashes -r requirements/test.txt -r requirements/build.txt
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.base

$(KAFKA): deploy/kafka/pom.xml deploy/kafka/libs.sha256
	@deploy/needs.sh java maven
	rm -rf deploy/kafka/libs
	cd deploy/kafka && mvn --quiet --batch-mode dependency:copy-dependencies
	cd deploy/kafka/libs && sha256sum --check --strict --quiet ../libs.sha256
	@touch $@
