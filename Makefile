# Every habit has a name. Needs nothing but Python >= 3.11 and make; everything else lands in .venv, from the locks.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Compiled modules are kept: a run starts a dozen Python processes, and each would compile Airflow, dbt and GX anew.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# Adds and never removes: `make demo` leaves the tools of `make test` where they are.
FROM_LOCK := $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r
ITSELF := $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline --editable .

# The first Python that is new enough and can make a virtual environment. Another one: make demo PYTHON=/path/to/python3
PYTHONS := python3 python3.11 python3.12 python3.13 python3.14
PYTHON = $(shell for python in $(PYTHONS); do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11) or sys.version_info >= (3, 15))' >/dev/null 2>&1 \
	&& { command -v "$$python"; break; }; done)

.PHONY: demo up channels lake test fuzz check format bench bench-history bench-intake bench-hostile guide pictures docs notebook bench-questions bench-review-page bench-plausibility bench-judging lock help

demo: $(VENV)/.runtime ## lay out the sample, run it through Airflow's scheduler, print the release
	$(BIN)/tuquan demo

up: $(VENV)/.runtime ## start Airflow and its pages on 127.0.0.1 and keep them up until Ctrl-C
	$(BIN)/tuquan up

channels: $(VENV)/.runtime ## add what SFTP, S3, mail and Kobo need
	$(FROM_LOCK) requirements-channels.lock

lake: $(VENV)/.runtime ## add what the second engine and several workers need
	$(FROM_LOCK) requirements-lake.lock

test: $(VENV)/.dev ## run all tests
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

fuzz: $(VENV)/.dev ## mutate files of every format for SECONDS (600)
	TUQUAN_FUZZ_SECONDS=$(or $(SECONDS),600) $(BIN)/pytest -s tests/fuzz

check: $(VENV)/.dev ## lint, format, doors between modules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/sqlfmt --check --quiet dbt_project
	DBT_TARGET_PATH=$(CURDIR)/var/check DBT_LOG_PATH=$(CURDIR)/var/check $(BIN)/dbt --quiet parse --project-dir dbt_project --profiles-dir dbt_project

format: $(VENV)/.dev ## let the tools lay out Python and SQL
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfmt --quiet dbt_project

bench: $(VENV)/.runtime ## 3,321 simulated workbooks through collect and build, a year of a country beside the bare minimum
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/history.py --months 1 12

bench-history: $(VENV)/.runtime ## ten years of a country, 76 million cells: a build beside the bare minimum (6 GB of disk)
	$(BIN)/python benchmarks/history.py --check

bench-intake: $(VENV)/.dev ## 5,000 files at once, a fifth of them bad: outcomes, CPU, memory of all processes
	$(BIN)/python benchmarks/intake.py

bench-hostile: $(VENV)/.dev ## what each hostile file costs its reader
	$(BIN)/python benchmarks/hostile.py

bench-questions: $(VENV)/.runtime ## the twenty questions on three years of a whole country: milliseconds of each
	$(BIN)/python benchmarks/questions.py

bench-review-page: $(VENV)/.dev ## pages of a period with 500 questions: milliseconds of each
	$(BIN)/python benchmarks/review_page.py

bench-plausibility: $(VENV)/.runtime ## our checks and other methods on panels of known truth; writes docs/plausibility.md
	$(BIN)/python benchmarks/plausibility/bench.py

bench-judging: $(VENV)/.runtime ## one month of 3,321 communes and 70 indicators judged against 36 months (half an hour)
	$(BIN)/python benchmarks/plausibility/country.py --check

docs: $(VENV)/.runtime ## write one page about all models and their columns
	$(BIN)/python docs/models.py

notebook: $(VENV)/.dev ## open the analysts' notebook in a browser, on 127.0.0.1
	MARIMO_SKIP_UPDATE_CHECK=1 $(BIN)/marimo edit docs/notebook/so_lieu.py

guide: $(VENV)/.runtime ## print docs/huong-dan-xa.pdf, the guide for communes
	$(BIN)/tuquan guide

pictures: $(VENV)/.dev ## draw the pictures of the guide (needs soffice and pdftoppm) and of the pages (chromium)
	$(BIN)/python docs/pictures.py

LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock: $(UV) ## resolve the dependencies again (UPGRADE=--upgrade takes the newest versions)
	echo uv | $(LOCK) $(UPGRADE) - -o requirements-bootstrap.lock
	$(LOCK) $(UPGRADE) pyproject.toml --extra build -o requirements.lock
	$(LOCK) pyproject.toml --extra build --extra channels -c requirements.lock -o requirements-channels.lock
	$(LOCK) pyproject.toml --extra build --extra channels --extra lake --extra cluster --extra dev -c requirements.lock -o requirements-dev.lock
	$(LOCK) pyproject.toml --extra build --extra postgres -c requirements.lock -o requirements-postgres.lock
	$(LOCK) pyproject.toml --extra build --extra postgres --extra lake --extra cluster -c requirements.lock -o requirements-lake.lock

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22

$(UV): requirements-bootstrap.lock
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 to 3.14 with venv found (looked for: $(PYTHONS))." >&2; \
		echo "      Install one (on Debian: python3 and python3-venv) or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bootstrap.lock
	@touch $@

# Stamps: a step is done once, and again when its lock changes. The development set contains the runtime set.
$(VENV)/.runtime: $(UV) requirements.lock pyproject.toml
	$(FROM_LOCK) requirements.lock
	$(ITSELF)
	@touch $@

$(VENV)/.dev: $(UV) requirements-dev.lock pyproject.toml
	$(FROM_LOCK) requirements-dev.lock
	$(ITSELF)
	@touch $(VENV)/.runtime $@
