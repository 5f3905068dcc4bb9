from types import SimpleNamespace

import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap

from napari_cellsynth.events import Finished
from napari_cellsynth.widgets.explain_panel import ExplainPanel

pytestmark = pytest.mark.gui


@pytest.fixture
def panel(session, project_path, qtbot):
    session.open(project_path)
    made = ExplainPanel(session)
    qtbot.addWidget(made)
    return made


def test_an_explanation_is_asked_for_the_shown_run_and_the_chosen_object(panel, session, qtbot):
    assert panel.explain.toolTip() == "No classifier has been trained yet."
    panel.show_run(session.project.new_run("classifier", "fast", {}, groups=[], seed=0))
    assert panel.explain.toolTip() == "Select an object on the canvas or in a dock."
    session.select_object(3)
    panel.method.setCurrentText("occlusion")
    qtbot.mouseClick(panel.explain, Qt.MouseButton.LeftButton)
    job = session.jobs[-1].job
    assert job.kind == "explain"
    assert (job.parameters["object"], job.parameters["run"], job.parameters["methods"]) == (
        3,
        "classifier-0001",
        ["occlusion"],
    )


def test_the_pictures_of_a_finished_explanation_are_shown(panel, session, tmp_path):
    picture = QPixmap(40, 20)
    picture.fill()
    assert picture.save(str(tmp_path / "grad-cam.png"))
    result = {
        "run": "classifier-0001",
        "object": 3,
        "class": "Dense",
        "probabilities": {"Dense": 0.71, "Spread": 0.29},
        "pictures": {"grad-cam": str(tmp_path / "grad-cam.png")},
    }
    session.job_event.emit(SimpleNamespace(job=SimpleNamespace(kind="explain")), Finished(result))
    assert panel.told.text() == "classifier-0001 · object 3 · Dense 71%"
    assert panel.picture.isVisibleTo(panel) and panel.picture.pixmap().width() > 40
