# make run    set up .venv if needed, then start the studio on http://localhost:8501
# make test   set up .venv if needed, then run the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint style types imports format bench ratios clean

run: $(VENV)/.runtime $(VENV)/.fast
	$(BIN)/streamlit run app.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

lint: style types imports

style: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

# Half a minute; a warning where a ratio is 15 % worse than benchmarks/ratios.json.
ratios: $(VENV)/.dev
	$(BIN)/python -m benchmarks.ratios --short

# The stamps let a second start skip pip, and run it again when the requirements change.
$(VENV)/.runtime: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Niji Studio needs Python 3.11 or newer; this is {v.major}.{v.minor}. Name another one: make run PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

# Quicker drawing on processors; where it does not fit, the studio runs without it.
$(VENV)/.fast: requirements-fast.txt $(VENV)/.runtime
	@$(BIN)/python -m pip install --disable-pip-version-check --no-deps -r requirements-fast.txt \
		|| echo "OpenVINO does not fit here; PyTorch draws alone."
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime $(VENV)/.fast
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV)
