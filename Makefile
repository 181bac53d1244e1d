# Two targets matter to a newcomer: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ADTECH := $(BIN)/adtech
FROM ?= $(shell date -d yesterday +%F 2>/dev/null || date -v-1d +%F)
TO ?= $(FROM)
BENCH ?= default

.DEFAULT_GOAL := help

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-20s %s\n", $$1, $$2}'

# ---- environment ---------------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@uv venv --quiet --python $(PYTHON) $(VENV) 2>/dev/null || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --only-binary :all: -r requirements-uv.lock \
		|| echo "There is no uv for this system: pip installs, which takes minutes." >&2

# $(call install,PYTHON,WHAT): by uv where there is one, which takes 6 s where pip takes 136.
define install
	if uv=$$(command -v uv || command -v $(BIN)/uv); then \
		"$$uv" pip install --quiet --compile-bytecode --python $(1) $(2); \
	else \
		$(1) -m pip install --quiet --disable-pip-version-check --no-deps $(2); \
	fi
endef

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the locked packages into $(VENV) ..."
	@$(call install,$(BIN)/python,--require-hashes -r requirements.lock)
	@$(call install,$(BIN)/python,--no-deps --no-build-isolation -e .)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing the test and lint tools into $(VENV) ..."
	@$(call install,$(BIN)/python,--require-hashes -r requirements-dev.lock)
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed  ## build .venv and prepare the state folder
	@$(ADTECH) prepare

$(VENV)/.installed-spark: requirements-spark.lock $(VENV)/.installed
	@echo "Installing Spark's client into $(VENV) ..."
	@$(call install,$(BIN)/python,--require-hashes -r requirements-spark.lock)
	@touch $@

# An environment of its own, for the server's package and the thin client's have one name.
$(VENV)/spark-server/.installed: requirements-spark-server.lock $(VENV)/.installed
	@echo "Installing a Spark server into $(VENV)/spark-server ..."
	@$(PYTHON) -m venv --clear $(VENV)/spark-server
	@$(call install,$(VENV)/spark-server/bin/python,--require-hashes -r requirements-spark-server.lock)
	@touch $@

.PHONY: spark
spark: $(VENV)/.installed-spark  ## install what ADTECH_ENGINE=spark needs

LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --no-strip-extras -q
.PHONY: lock
lock:  ## renew the requirement locks (needs uv)
	uv pip compile pyproject.toml --extra build --extra dev --upgrade $(LOCK_OPTIONS) -o requirements-dev.lock
	uv pip compile pyproject.toml --extra build -c requirements-dev.lock $(LOCK_OPTIONS) -o requirements.lock
	uv pip compile pyproject.toml --extra build --extra spark -c requirements-dev.lock $(LOCK_OPTIONS) -o requirements-spark.lock
	uv pip compile pyproject.toml --extra build --extra spark --extra kubernetes -c requirements-dev.lock $(LOCK_OPTIONS) -o requirements-image.lock
	echo "pyspark>=4.1,<5" | uv pip compile - $(LOCK_OPTIONS) -o requirements-spark-server.lock
	echo uv | uv pip compile - $(LOCK_OPTIONS) -o requirements-uv.lock

.PHONY: clean
clean:  ## remove caches and build artifacts, keep data and .venv
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info adtech_dbt/target adtech_dbt/logs
	find adtech_assets adtech_assets_tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: reset
reset: setup  ## delete all state (asks first): warehouse, archive, embedded Postgres, output
	@$(ADTECH) reset

# ---- use -----------------------------------------------------------------------------------

.PHONY: demo
demo: setup  ## the main job from nothing: source data to KPI tables
	@$(ADTECH) demo

.PHONY: dagster-serve
dagster-serve: setup  ## Dagster UI and daemon
	@$(ADTECH) dev

.PHONY: etl-flow
etl-flow: setup  ## the whole pipeline for FROM=yyyy-mm-dd TO=yyyy-mm-dd (default: yesterday)
	@$(ADTECH) backfill --from $(FROM) --to $(TO)

.PHONY: extract
extract: setup  ## only the operational tables into the warehouse, for FROM and TO
	@$(ADTECH) backfill --from $(FROM) --to $(TO) --select raw/advertisers,raw/campaigns,raw/impressions,raw/clicks,raw/extracted_days

.PHONY: show-results
show-results: setup  ## print the KPIs of each campaign, and the days
	@$(ADTECH) results --mart mart_campaign_kpis --mart campaign_ctr --mart daily_summary

.PHONY: status
status: setup  ## days loaded, missing, stale; files; quarantine
	@$(ADTECH) status

.PHONY: postgres-seed
postgres-seed: setup  ## a batch of sample rows in the operational database
	@$(ADTECH) seed batch

.PHONY: postgres-stats
postgres-stats: setup  ## what the operational database holds
	@$(ADTECH) seed stats

.PHONY: warehouse-tables
warehouse-tables: setup  ## tables of the warehouse and their rows
	@$(ADTECH) sql warehouse "select schema_name as schema, table_name as name, estimated_size as rows from duckdb_tables() order by all"

.PHONY: warehouse-stats
warehouse-stats: setup  ## rows of the warehouse by day and kind
	@$(ADTECH) sql warehouse "select file_date, kind, status, count(*) as files, sum(rows)::bigint as rows from raw.log_files group by all order by all"

.PHONY: dbt-run
dbt-run: setup  ## build all dbt models by hand (every day at once)
	@$(ADTECH) dbt run

.PHONY: dbt-test
dbt-test: setup  ## run all dbt tests by hand
	@$(ADTECH) dbt test

.PHONY: dbt-build
dbt-build: setup  ## dbt models and tests in order
	@$(ADTECH) dbt build

.PHONY: dbt-docs
dbt-docs: setup  ## generate the dbt documentation
	@$(ADTECH) dbt docs generate --static

.PHONY: dbt-docs-serve
dbt-docs-serve: dbt-docs  ## open the dbt documentation on http://127.0.0.1:8081
	@$(ADTECH) dbt docs serve --host 127.0.0.1 --port 8081

# ---- deployment ----------------------------------------------------------------------------

.PHONY: image
image:  ## build the image without Docker, as root with buildah; BASE=debootstrap where none can be pulled
	@BASE=$(BASE) deploy/build_image.sh

.PHONY: test-image
test-image: image  ## build the image and run one log file through it
	@deploy/test_image.sh

.PHONY: pin-images
pin-images:  ## look up the digests of the images of others (needs skopeo or docker, and the network)
	@deploy/pin_images.sh

# ---- work on the project -------------------------------------------------------------------

.PHONY: test
test: setup $(VENV)/.installed-dev  ## every room's tests, in some minutes; what takes longer has the commands that follow
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(foreach part,\
		end_to_end hostile spark clickhouse deployment benchmarks,--ignore adtech_assets_tests/$(part))

.PHONY: test-end-to-end
test-end-to-end: setup $(VENV)/.installed-dev  ## the whole pipeline, by each way to start it
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder adtech_assets_tests/end_to_end

.PHONY: test-hostile
test-hostile: setup $(VENV)/.installed-dev  ## the 72 hostile cases, with their table
	@$(BIN)/python -m pytest -n 4 --dist loadfile adtech_assets_tests/hostile

.PHONY: test-spark
test-spark: setup $(VENV)/.installed-dev $(VENV)/spark-server/.installed  ## a Spark cluster of this machine counts as DuckDB does (needs Java)
	@$(BIN)/python -m pytest -n 0 adtech_assets_tests/spark

.PHONY: test-deployment
test-deployment: setup $(VENV)/.installed-dev  ## the files of the deployment, and what the benchmarks count with
	@$(BIN)/python -m pytest -n 2 --dist loadfile adtech_assets_tests/deployment adtech_assets_tests/benchmarks

.PHONY: test-clickhouse
test-clickhouse: setup $(VENV)/.installed-dev  ## every dbt model on ClickHouse's engine, compared with DuckDB
	@$(BIN)/python -m pytest adtech_assets_tests/clickhouse

.PHONY: lint
lint: setup $(VENV)/.installed-dev  ## every static check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint adtech_dbt
	@$(MAKE) --no-print-directory judge

.PHONY: judge
judge: setup $(VENV)/.installed-dev  ## the dbt project by the strict rules of dbt-bouncer and by dbt-score
	$(ADTECH) dbt parse --quiet --no-partial-parse
	cd adtech_dbt && ../$(BIN)/dbt-bouncer run --preset strict
	$(BIN)/dbt-score lint --manifest adtech_dbt/target/manifest.json --show failing-items --fail-project-under 9.5 --fail-any-item-under 9

.PHONY: bench
bench: setup $(VENV)/.installed-dev  ## speed and memory beside their baselines; BENCH=small, default or full
	@$(BIN)/python -m adtech_assets_tests.benchmarks $(BENCH)

.PHONY: documents
documents: setup $(VENV)/.installed-dev  ## write the parts of the documents that the code knows
	@$(BIN)/python -m adtech_assets_tests.documents

.PHONY: lineage
lineage: setup $(VENV)/.installed-dev  ## draw the picture of the asset graph in the documents
	@PYTHONWARNINGS=ignore $(BIN)/python -m adtech_assets_tests.lineage_picture

.PHONY: screenshots
screenshots: setup $(VENV)/.installed-dev  ## pictures of every page after the demo, in data/screenshots (needs chromium)
	@PYTHONWARNINGS=ignore $(BIN)/python -m adtech_assets_tests.screenshots

.PHONY: audit
audit: setup $(VENV)/.installed-dev  ## packages: locked, hashed, installed as locked, advisories if reachable
	@$(BIN)/python -m adtech_assets_tests.advisories

.PHONY: format
format: $(VENV)/.installed-dev  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix adtech_dbt
