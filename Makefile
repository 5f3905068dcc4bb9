# make demo      set everything up and run the main job
# make test      set everything up and run the tests (QT=pyqt6 for the other binding)
# make check     lint, types, import contracts
# make faults   kills, damaged files, full disks, hostile projects: minutes (faults-long: hours)
# make bench     the speed ratios into docs/benchmarks.md
QT ?= pyqt5
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready-$(QT)
SCREEN := scripts/screen.sh

.PHONY: demo test test-gui faults faults-long check bench screenshots clean window

$(READY): pyproject.toml scripts/system.sh
	sh scripts/system.sh
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[$(QT),dev]'
	touch $(READY)

demo: $(READY)
	$(BIN)/napari-cellsynth demo --out demo

window: $(READY)
	QT_API=$(QT) $(BIN)/python -m napari_cellsynth.widgets.workspace demo/demo.cellsynth

test: $(READY)
	QT_API=$(QT) PYTEST_QT_API=$(QT) $(SCREEN) $(BIN)/python -m pytest $(ARGS)

test-gui: $(READY)
	QT_API=$(QT) PYTEST_QT_API=$(QT) $(SCREEN) $(BIN)/python -m pytest -m gui $(ARGS)

# Torch and Qt never share a process: the faults of the window are a run of their own.
faults faults-long: SIZE = $(if $(filter faults-long,$@),long,minutes)
faults faults-long: $(READY)
	CELLSYNTH_FAULTS=$(SIZE) $(BIN)/python -m pytest -s tests/faults tests/project/test_backups.py tests/project/test_checking.py $(ARGS)
	QT_API=$(QT) PYTEST_QT_API=$(QT) $(SCREEN) $(BIN)/python -m pytest tests/widgets/test_hanging_job.py tests/widgets/test_safety.py

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari-cellsynth

bench: $(READY)
	QT_API=$(QT) $(SCREEN) $(BIN)/python benchmarks/run.py

screenshots: $(READY)
	QT_API=$(QT) $(SCREEN) $(BIN)/python scripts/screenshots.py demo/demo.cellsynth docs/images --train

clean:
	rm -rf $(VENV) demo build dist
