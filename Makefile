# make demo      set everything up and run the main job
# make test      set everything up and run the tests (QT=pyqt6 for the other binding); make test-slow: the slow ones
# make check     lint, types, import contracts, lengths and cycles
# make test-gui  the window's tests alone; make test-bindings: those of what differs between Qt bindings
# make faults    kills, damaged files, full disks, hostile projects: minutes (faults-long: hours)
# make coverage  which branches no test of make test takes, per package and file
# make mutants   which wrong lines no test notices (hours; ONLY='*evaluate.splits*' one file: minutes)
# make docs      the documentation as a web site in site/; a broken link is an error
# make bench     the speed ratios into docs/benchmarks.md (ROWS='labels gallery': these alone)
QT ?= pyqt5
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready-$(QT)
SCREEN := scripts/screen.sh

.PHONY: demo test test-slow coverage mutants test-gui test-bindings faults faults-long check docs bench screenshots clean window

$(READY): pyproject.toml scripts/system.sh
	sh scripts/system.sh
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[$(QT),dev,docs]'
	touch $(READY)

demo: $(READY)
	$(BIN)/napari-cellsynth demo --out demo

window: $(READY)
	QT_API=$(QT) $(BIN)/python -m napari_cellsynth.widgets.workspace demo/demo.cellsynth

# One process a core; a torch that takes all cores in each of them would only get in its own way.
PYTEST := OMP_NUM_THREADS=1 QT_API=$(QT) PYTEST_QT_API=$(QT) $(SCREEN) $(BIN)/python -m pytest -n logical

# In two runs, because torch and Qt's GL do not share a process well.
test: $(READY)
	$(PYTEST) -m "not gui and not slow"
	$(PYTEST) -m "gui and not slow"

test-slow: $(READY)
	$(PYTEST) -m "not gui and slow"
	$(PYTEST) -m "gui and slow"

test-gui test-bindings: $(READY)
	$(PYTEST) -m $(subst test-,,$@)

# The two runs add up; a job's own process writes beside them.
coverage: $(READY)
	$(BIN)/coverage erase
	-$(PYTEST) --cov --cov-report= -m "not gui and not slow"
	-$(PYTEST) --cov --cov-append --cov-report= -m "gui and not slow"
	$(BIN)/coverage json --quiet -o coverage.json
	$(BIN)/python scripts/holes.py coverage.json

mutants: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python scripts/mutants.py run $(if $(ONLY),'$(ONLY)')
	$(BIN)/python scripts/mutants.py table

# Torch and Qt never share a process: the faults of the window are a run of their own.
faults faults-long: SIZE = $(if $(filter faults-long,$@),long,minutes)
faults faults-long: $(READY)
	CELLSYNTH_FAULTS=$(SIZE) $(BIN)/python -m pytest -s -m "not gui" tests/faults tests/project/test_backups.py tests/project/test_checking.py $(ARGS)
	CELLSYNTH_FAULTS=$(SIZE) QT_API=$(QT) PYTEST_QT_API=$(QT) $(SCREEN) $(BIN)/python -m pytest -s -m gui tests/faults/test_long_use.py tests/widgets/test_hanging_job.py tests/widgets/test_safety.py

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/house.py
	$(BIN)/npe2 validate napari-cellsynth

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

bench: $(READY)
	QT_API=$(QT) $(SCREEN) $(BIN)/python benchmarks/run.py $(ROWS)

screenshots: $(READY)
	QT_API=$(QT) $(SCREEN) $(BIN)/python scripts/screenshots.py demo/demo.cellsynth docs/images --train

clean:
	rm -rf $(VENV) demo build dist
