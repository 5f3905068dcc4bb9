import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt

from napari_cellsynth.events import Finished
from napari_cellsynth.widgets.evaluate import EvaluateDock
from napari_cellsynth.widgets.session import start_process
from tests.conftest import dark_and_bright

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton
TINY = {
    "folds": 2,
    "gan_seeds": 1,
    "seeds": 1,
    "size": 32,
    "shares": [1.0],
    "gan": "dcgan",
    "gan_changes": {"steps": 2, "batch": 4, "width": 4},
    "classifier_changes": {"epochs": 1, "least_steps": 2, "width": 0.25},
}


@pytest.fixture
def path(tmp_path):
    return dark_and_bright(tmp_path, per_movie=6)


@pytest.fixture
def panel(session, viewer, qtbot):
    dock = EvaluateDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    yield dock.experiment
    dock.hide()


def test_the_plan_is_told_before_anything_starts_and_says_why_it_cannot(panel, session, path, qtbot):
    assert not panel.start.isEnabled()
    assert "No project is open" in panel.plan.text()
    session.open(path)
    panel.form.setValue(TINY)
    # 2 folds × 2 classes of GANs; real, augmented, weighted and 4 arms with synthetic patches in each fold
    qtbot.waitUntil(lambda: panel.plan.text().startswith("4 GANs and 14 classifiers over 2 folds"), timeout=20_000)
    assert panel.start.isEnabled()
    panel.form.editor("folds").setValue(9)
    qtbot.waitUntil(lambda: "4 groups cannot be split into 9 folds" in panel.plan.text(), timeout=20_000)
    assert not panel.start.isEnabled()
    assert "9 folds" in panel.start.toolTip()


def test_a_run_experiment_shows_its_answer_its_differences_and_its_report(panel, session, path, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr(
        "napari_cellsynth.widgets.experiment_panel.QDesktopServices.openUrl", lambda url: opened.append(url)
    )
    session.start_run = start_process
    session.open(path)
    panel.form.setValue(TINY)
    qtbot.waitUntil(panel.start.isEnabled, timeout=20_000)
    qtbot.mouseClick(panel.start, LEFT)
    qtbot.waitUntil(lambda: panel.shown_run() is not None, timeout=280_000)
    assert panel.answer.text() == panel.shown_run().result["words"]
    arms = [panel.differences.item(row, 0).text() for row in range(panel.differences.rowCount())]
    assert arms[:3] == ["+ synthetic × 1", "+ synthetic × 1, filtered", "balance only"]
    assert not panel.progress.curves.isVisible()
    qtbot.mouseClick(panel.open, LEFT)
    assert opened[0].toLocalFile().endswith("report.html")


def test_the_plan_tells_how_long_the_trainings_take_here(panel, session, path, qtbot, fake_runs, monkeypatch):
    monkeypatch.setattr("napari_cellsynth.widgets.step_timing.SETTLE_MS", 0)
    panel.timing._settling.setInterval(0)
    session.start_run.last = Finished({"seconds": 3000.0})
    session.open(path)
    panel.form.setValue(TINY)
    qtbot.waitUntil(lambda: panel.plan.text().endswith("timing a few steps…") and bool(fake_runs), timeout=20_000)
    assert fake_runs[-1].job.kind == "time-experiment"
    assert fake_runs[-1].job.parameters["changes"]["gan"] == "dcgan"
    with qtbot.waitSignal(panel.timing.changed, timeout=20_000):
        fake_runs[-1].gate.set()
    assert panel.plan.text() == "4 GANs and 14 classifiers over 2 folds · about 50 min of training here"


def test_the_settings_of_an_earlier_experiment_can_be_taken_over(panel, session, path, qtbot):
    session.open(path)
    session.project.new_run(
        "experiment",
        "does-synthetic-help",
        {"settings": panel.form.value().model_dump(mode="json") | {"folds": 4, "shares": [0.5]}},
        groups=["movie 0"],
        seed=0,
    )
    panel.runs.refresh()
    panel.runs.table.selectRow(0)
    panel.runs.parent().setVisible(True)
    panel.runs.copy.click()
    assert panel.form.value().folds == 4
    assert panel.form.value().shares == [0.5]
