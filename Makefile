# The clone is the installation: everything is made in .venv and .demo; outside, only pip and uv keep their caches.
# Needs Python 3.11 or newer with venv, and make.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
READY := .venv/.ready

export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export GX_ANALYTICS_ENABLED := false
# A stranger's own Prefect (profile, server, cloud) is none of our business.
export PREFECT_HOME := $(CURDIR)/.venv/prefect
unexport PREFECT_API_URL PREFECT_API_KEY PREFECT_PROFILE
unexport PYTHONPATH VIRTUAL_ENV
# Where it is set, every process compiles all that it imports anew: 6 s of CPU for one judgement of the gate.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo test trials fuzz bench lock audit sbom clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(READY) ## the environment in .venv, from requirements-dev.lock (once)

# uv's own line of the lock is installed by pip, the rest by uv, ten times faster. A .pth puts the clone on the
# path: no build, so nothing is fetched that the lock does not hold a hash of.
$(READY): requirements-dev.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	@awk '/^[^ #]/ { wanted = /^uv==/ } wanted' requirements-dev.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "mediameter.pth").write_text("$(CURDIR)\n")'
	@printf '#!%s\nimport sys\n\nfrom mediameter.cli import main\n\nsys.exit(main())\n' '$(CURDIR)/$(BIN)/python' > $(BIN)/mediameter
	@chmod +x $(BIN)/mediameter
	@touch $@

demo: $(READY) ## a small world from end to end (ARGS="--seed 7 --days 14")
	@$(BIN)/mediameter demo $(ARGS)

# The pages are opened in Chromium (MEDIAMETER_TEST_CHROMIUM, or the one that is there, or Debian's package, which root
# installs); without one that test is skipped, in CI it fails.
# Types are checked (half a minute of CPU in a clean clone) beside the tests.
test: $(READY) ## what CI runs: style, types, dictionary, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mediameter.dictionary --check
	@$(BIN)/mypy > .venv/types.txt 2>&1 & types=$$!; \
	$(BIN)/pytest -n 2 --dist loadscope --no-loadscope-reorder $(ARGS); tests=$$?; \
	wait $$types; types=$$?; cat .venv/types.txt; exit $$((tests || types))

trials: $(READY) ## the promises, each at its full count
	$(BIN)/pytest -s -m trial $(ARGS)

fuzz: $(READY) ## five minutes of hostile input for the parser
	$(BIN)/python -m tests.trials.fuzz --seconds 300 $(ARGS)

bench: $(READY) ## the benchmarks
	$(BIN)/python -m benchmarks $(ARGS)

# The product's lock holds what runs; the other one what develops it, too, in the very same versions.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --upgrade pyproject.toml
lock: $(READY) ## both locks anew from pyproject.toml
	$(COMPILE) -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock

# Without the network there is no answer, and none must not look like a good one.
audit: $(READY) ## known vulnerabilities of the packages that run (asks PyPI's advisories)
	@rm -f .venv/audit.txt
	@$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
		-r requirements.lock -o .venv/audit.txt 2> .venv/audit.err; found=$$?; \
	cat .venv/audit.txt 2> /dev/null; tail -n 1 .venv/audit.err; \
	if [ $$found != 0 ] && [ ! -s .venv/audit.txt ]; then \
		echo "nothing was audited: the advisories could not be asked for (.venv/audit.err)"; fi; exit $$found

sbom: $(READY) ## sbom.cdx.json: what runs, as CycloneDX
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
		--output-format JSON --output-file sbom.cdx.json

clean: ## remove the environment, the demo and all caches
	rm -rf .venv .demo demo-world .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
