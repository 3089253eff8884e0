# Newcomers need two commands: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALLED := $(VENV)/.installed
PLUGINS := .meltano/.installed
LOADERS := .venv-target-csv/.installed .venv-dlt/.installed

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-15s %s\n", $$1, $$2}'

$(UV): requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(INSTALLED): $(UV) pyproject.toml requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(PLUGINS): $(INSTALLED) meltano.yml pyproject.toml $(wildcard requirements/*.txt)
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/meltano --log-level=warning install
	@touch $@

.venv-%/.installed: requirements/%.txt | $(UV)
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-$*
	$(UV) pip install --quiet --python .venv-$*/bin/python --require-hashes -r $<
	@touch $@

.venv-spark/.installed: requirements/spark.txt pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-spark
	$(UV) pip install --quiet --python .venv-spark/bin/python --require-hashes -r $<
	$(UV) pip install --quiet --python .venv-spark/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

# Compiled once at installation, not at each start of a program.
$(INSTALLED) $(PLUGINS) $(LOADERS): export UV_COMPILE_BYTECODE = 1

.PHONY: install
install: $(INSTALLED) $(PLUGINS) $(LOADERS) ## Install everything into .venv, .venv-* and .meltano

.PHONY: demo
demo: install ## Run Pinterest to warehouse and back, on the emulator and a real PostgreSQL
	$(BIN)/python -m demo

# Keeps what Python compiles, whatever the environment says: all programs start faster.
.PHONY: test
test: install ## Run the tests
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

.PHONY: coverage
coverage: install ## Run the tests and show which lines they reach, also in forks and subprocesses
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

.PHONY: faults
faults: $(INSTALLED) ## Inject every fault at every request, and kill programs at random points
	PYTHONPATH=tests $(BIN)/python tests/faults/sweep.py

# Each contestant has an environment of its own.
CONTESTANTS := bench-floor bench-template bench-client bench-chart dlt
BENCH := $(INSTALLED) $(CONTESTANTS:%=.venv-%/.installed)

.PHONY: bench
bench: $(BENCH) ## Measure speed and memory beside others, into docs/benchmarks.md: ARGS=--quick
	! $(BIN)/python -c '$(AIRBYTE_PYTHON)' || $(MAKE) --no-print-directory .venv-airbyte-compare/.installed
	$(BIN)/python -m bench $(ARGS)

.PHONY: bench-check
bench-check: $(INSTALLED) .venv-bench-floor/.installed .venv-bench-template/.installed ## Fail if a ratio of the benchmarks fell by more than a quarter
	$(BIN)/python -m bench --check

.PHONY: walks
walks: $(INSTALLED) ## Count the moves between files for one more record or page: ARGS=-v
	$(BIN)/python -m bench.walks $(ARGS)

# PyAirbyte and Airbyte's source need these versions of Python.
AIRBYTE_PYTHON := import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})

.PHONY: airbyte
airbyte: $(INSTALLED) ## Let PyAirbyte and Airbyte's standard tests judge the Airbyte connectors
	! $(BIN)/python -c '$(AIRBYTE_PYTHON)' || $(MAKE) --no-print-directory .venv-airbyte/.installed
	PYTHONPATH=tests $(BIN)/python tests/judges/run.py

.PHONY: airbyte-compare
airbyte-compare: $(INSTALLED) ## Compare with Airbyte's own Pinterest source
	! $(BIN)/python -c '$(AIRBYTE_PYTHON)' || $(MAKE) --no-print-directory .venv-airbyte-compare/.installed
	$(BIN)/python -m bench.airbyte

.PHONY: docs
docs: .venv-docs/.installed ## Build the docs site into build/site, and fail for a broken link
	.venv-docs/bin/mkdocs build --strict --quiet

.PHONY: spark
spark: $(INSTALLED) .venv-spark/.installed ## Run the tests on Spark, which needs Java 17 or newer
	java -version
	$(BIN)/python -m pytest -n0 tests/spark

.PHONY: conformance
conformance: $(INSTALLED) ## Compare the emulator with Pinterest's description: SPEC=file.json
	@test -n "$(SPEC)" || { echo "make conformance SPEC=openapi.json [SPEC_VERSION=5.23]"; exit 2; }
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/conformance.txt
	$(BIN)/python tests/conformance/check.py $(SPEC) --spec $(or $(SPEC_VERSION),5.23)

AUDITED := $(wildcard requirements/*.txt)

.PHONY: audit
audit: $(UV) ## Check the locked dependencies for known vulnerabilities
	$(UV) venv --quiet --clear --python $(BIN)/python build/audit-venv
	$(UV) pip install --quiet --python build/audit-venv/bin/python --require-hashes -r requirements/audit.txt
	build/audit-venv/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes --vulnerability-service pypi $(AUDITED:%=-r %)

.PHONY: lint
lint: $(INSTALLED) ## Check style, types, imports, dependencies and spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/typos
	$(BIN)/hadolint Dockerfile

.PHONY: wheel
wheel: $(INSTALLED) ## Build the wheel from a source distribution, install it alone, start its programs
	rm -rf build dist
	$(UV) build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist
	$(UV) venv --quiet --clear --python $(BIN)/python build/wheel-venv
	$(UV) pip install --quiet --python build/wheel-venv/bin/python --constraints requirements/dev.txt "$$(ls dist/*.whl)[emulator]"
	build/wheel-venv/bin/tap-pinterest-audiences --version
	build/wheel-venv/bin/target-pinterest-audiences --version
	build/wheel-venv/bin/pinterest-emulator --version
	build/wheel-venv/bin/pinterest-audiences --version
	build/wheel-venv/bin/source-pinterest-audiences spec > build/source-spec.json
	build/wheel-venv/bin/destination-pinterest-audiences spec > build/destination-spec.json

.PHONY: release-check
release-check: wheel .venv-release/.installed ## Rehearse a release: check the distributions, install them as users do, list their parts
	for version in $$(git tag --points-at HEAD | sed -n 's/^v//p'); do \
		grep -qF "## [$$version]" CHANGELOG.md || { echo "CHANGELOG.md has no section [$$version]"; exit 1; }; \
		ls dist/pinterest_audiences-$$version-*.whl dist/pinterest_audiences-$$version.tar.gz; \
	done
	.venv-release/bin/twine check --strict dist/*.whl dist/*.tar.gz
	$(UV) venv --quiet --clear --python $(BIN)/python build/sdist-venv
	$(UV) pip install --quiet --python build/sdist-venv/bin/python --constraints requirements/dev.txt --build-constraints requirements/dev.txt dist/*.tar.gz
	build/sdist-venv/bin/tap-pinterest-audiences --version
	build/sdist-venv/bin/target-pinterest-audiences --version
	build/sdist-venv/bin/pinterest-audiences --version
	PIPX_HOME=$(CURDIR)/build/pipx PIPX_BIN_DIR=$(CURDIR)/build/pipx/bin PIPX_MAN_DIR=$(CURDIR)/build/pipx/man .venv-release/bin/pipx install '.[bulk,emulator]'
	build/pipx/venvs/pinterest-audiences/bin/python -c 'import duckdb, pyarrow, starlette, uvicorn'
	build/pipx/bin/pinterest-emulator --version
	$(BIN)/uvx --from . tap-pinterest-audiences --about > build/about.txt
	.venv-release/bin/cyclonedx-py environment --output-reproducible --validate -o build/sbom.cdx.json build/sdist-venv/bin/python
	grep -q '"name": "singer-sdk"' build/sbom.cdx.json

.PHONY: hub
hub: $(INSTALLED) ## Write the definitions for Meltano Hub from meltano.yml
	$(BIN)/python -m hub

.PHONY: dbt
dbt: $(INSTALLED) .venv-dbt/.installed ## Install dbt, for the test of the example

.PHONY: s3
s3: $(INSTALLED) .venv-s3/.installed ## Install a server that speaks S3, for the tests of ledgers in object stores

.PHONY: airflow
airflow: $(INSTALLED) .venv-airflow/.installed ## Install Airflow, for the test of the example

.PHONY: dagster
dagster: $(INSTALLED) .venv-dagster/.installed ## Install Dagster, for the test of the example

.PHONY: reference
reference: $(INSTALLED) ## Write docs/reference.md from the code
	$(BIN)/python -m reference

LOCK := $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header

.PHONY: lock
lock: $(UV) ## Lock newer versions of all dependencies
	$(LOCK) requirements/uv.in -o requirements/uv.txt
	$(LOCK) requirements/tap-postgres.in -o requirements/tap-postgres.txt
	$(LOCK) requirements/target-postgres.in -o requirements/target-postgres.txt
	$(LOCK) requirements/target-csv.in -o requirements/target-csv.txt
	$(LOCK) requirements/dlt.in -o requirements/dlt.txt
	$(LOCK) pyproject.toml --extra bulk --extra emulator --group dev -o requirements/dev.txt
	$(LOCK) --group conformance -c requirements/dev.txt -o requirements/conformance.txt
	$(LOCK) pyproject.toml requirements/airbyte-image.in --extra postgres -c requirements/dev.txt -o requirements/airbyte-image.txt
	$(LOCK) requirements/airbyte.in -o requirements/airbyte.txt
	$(LOCK) requirements/airbyte-compare.in -o requirements/airbyte-compare.txt
	$(LOCK) requirements/bench-floor.in -o requirements/bench-floor.txt
	$(LOCK) requirements/bench-template.in -o requirements/bench-template.txt
	$(LOCK) requirements/bench-client.in -o requirements/bench-client.txt
	$(LOCK) requirements/bench-chart.in -o requirements/bench-chart.txt
	$(LOCK) pyproject.toml requirements/spark.in --extra emulator --extra spark -c requirements/dev.txt -o requirements/spark.txt
	$(LOCK) requirements/docs.in -o requirements/docs.txt
	$(LOCK) requirements/audit.in -o requirements/audit.txt
	$(LOCK) requirements/dbt.in -o requirements/dbt.txt
	$(LOCK) requirements/airflow.in -o requirements/airflow.txt
	$(LOCK) requirements/dagster.in -o requirements/dagster.txt
	$(LOCK) requirements/release.in -o requirements/release.txt
	$(LOCK) requirements/s3.in -o requirements/s3.txt

.PHONY: clean
clean: ## Remove everything that make created
	rm -rf $(VENV) .venv-* .meltano .coverage* build dist
