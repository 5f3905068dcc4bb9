"""Nothing goes out by itself: import, training, prediction and the window with all docks make no connection."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_cellsynth.project import Project
from tests.conftest import REPOSITORY

FORBID = """
import socket
def refuse(self, address, *rest):
    if self.family in (socket.AF_INET, getattr(socket, "AF_INET6", None)):
        tried.append(address)
        raise OSError("no network in this test")
    return real(self, address, *rest)
def look_up(host, *rest, **more):
    tried.append(host)
    raise socket.gaierror("no network in this test")
tried, real = [], socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.gethostbyname = look_up
"""
WORK = """
import sys
from pathlib import Path
from napari_cellsynth.jobs import Job, run
from napari_cellsynth.jobs.job import PredictParameters, TrainClassifierParameters
import napari_cellsynth.cli, napari_cellsynth.classify, napari_cellsynth.synthesis, napari_cellsynth.experiments
for parameters in (TrainClassifierParameters(recipe="logistic"), PredictParameters()):
    *_, last = run(Job.of(Path(sys.argv[1]), parameters))
    assert type(last).__name__ == "Finished", last
assert tried == [], tried
"""
WINDOW = """
import sys, warnings
warnings.simplefilter("ignore")
import napari
from qtpy.QtWidgets import QApplication
from napari_cellsynth.widgets.session import session_for
from napari_cellsynth.widgets.workspace import open_workspace
viewer = napari.Viewer(show=True)
docks = open_workspace(viewer)
assert session_for(viewer).open(sys.argv[1])
for _ in range(50):
    QApplication.processEvents()
viewer.close()
QApplication.processEvents()
assert tried == [], tried
"""


def run_without_network(code: str, project: Project, home: Path) -> None:
    own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_RUNTIME_DIR": str(home), "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **own, "PYTHONPATH": os.pathsep.join([*sys.path, str(REPOSITORY)])}
    project.close()
    command = [sys.executable, "-c", FORBID + code, str(project.path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_check_notices_a_connection(crops_project: Project, tmp_path: Path) -> None:
    code = "try:\n    socket.create_connection(('192.0.2.1', 80))\nexcept OSError:\n    pass\nassert tried == [], tried"
    with pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        run_without_network(code, crops_project, tmp_path)


@pytest.mark.slow
def test_importing_training_and_predicting_connect_to_nothing(crops_project: Project, tmp_path: Path) -> None:
    run_without_network(WORK, crops_project, tmp_path)


@pytest.mark.gui
@pytest.mark.slow
def test_the_window_with_all_docks_on_a_project_connects_to_nothing(crops_project: Project, tmp_path: Path) -> None:
    run_without_network(WINDOW, crops_project, tmp_path)
