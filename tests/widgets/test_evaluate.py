from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt

from napari_cellsynth.widgets import evaluate
from napari_cellsynth.widgets.evaluate import EvaluateDock
from napari_cellsynth.widgets.report_pages import pairs_of
from napari_cellsynth.widgets.score_text import score_text

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


def run(synthetic, score, seed=0, half=0.02, train=(1, 2)):
    scores = {"balanced_accuracy": score, "intervals": {"balanced_accuracy": [score - half, score + half]}}
    parameters = {
        "recipe": {"size": 64},
        "synthetic": synthetic,
        "mode": "mixed",
        "training_objects": [[i, 1] for i in train],
    }
    return SimpleNamespace(recipe="fast", seed=seed, parameters=parameters, result={"scores": scores})


def test_runs_are_paired_when_only_their_synthetic_patches_differ():
    [pair] = pairs_of([run(500, 0.9), run(0, 0.8)])
    assert pair.difference() == pytest.approx(0.1)
    assert pair.intervals_apart() is True
    assert pairs_of([run(500, 0.9), run(0, 0.8, seed=1)])[0].difference() is None
    assert pairs_of([run(500, 0.9), run(0, 0.8, train=(1, 3))])[0].difference() is None


def test_overlapping_intervals_are_no_clear_effect():
    [pair] = pairs_of([run(500, 0.82), run(0, 0.8)])
    assert pair.intervals_apart() is False


def test_a_score_is_written_with_its_interval():
    assert score_text(run(0, 0.84, half=0.05).result) == ".84 (.79–.89)"
    assert score_text({"scores": {"balanced_accuracy": 1.0}}) == "1.00"
    assert score_text({}) == ""


@pytest.fixture
def dock(session, viewer, qtbot):
    made = EvaluateDock(viewer)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def project(session, project_path):
    session.open(project_path)
    made = session.project
    dense = made.class_named("Dense").id
    made.label([1, 2, 3], dense)
    for synthetic, score in ((0, 0.79), (500, 0.84)):
        record = made.new_run(
            "classifier", "fast", {"recipe": {}, "synthetic": synthetic, "mode": "mixed"}, groups=["video"], seed=0
        )
        scores = {
            "balanced_accuracy": score,
            "macro_f1": score,
            "intervals": {"balanced_accuracy": [score - 0.05, score + 0.04]},
        }
        result = {"scores": scores, "confusion": [[3, 1], [0, 4]], "classes": ["Dense", "<b>Spread</b>"]}
        made.update_run(record.id, status="finished", result=result)
    gan = made.new_run("gan", "dcgan", {}, class_id=dense, groups=["video"], seed=0)
    made.add_synthetic(gan.id, "step", dense, 0, 0, np.zeros((12, 1, 32, 32), np.uint8))
    made.update_run(gan.id, status="finished", result={})
    return made


def in_first_class(project, figures):
    """What a GAN run's result holds once its patches of Dense are measured."""
    return {"quality": {str(project.class_named("Dense").id): figures}}


def test_without_runs_the_dock_says_what_to_do(dock, session, project_path):
    assert dock.no_runs.text() == "No project is open."
    session.open(project_path)
    assert dock.no_runs.text() == "Nothing has been trained yet."
    assert not dock.open_report.isEnabled()
    assert dock.verdict.text().startswith("Train the same recipe with and without")


def test_scores_with_and_without_synthetic_stand_side_by_side(dock, project):
    row = [dock.comparison.item(0, column).text() for column in range(4)]
    assert row == ["fast · seed 0 · +500 mixed", ".79 (.74–.83)", ".84 (.79–.88)", "+5.0"]
    assert "the intervals overlap: no clear effect" in dock.verdict.text()


def test_a_gan_that_was_not_measured_is_measured(dock, project, session, qtbot):
    assert dock.gans.item(0, 2).text() == "not measured"
    assert dock.measure.property("primary") is True
    qtbot.mouseClick(dock.measure, LEFT)
    assert session.jobs[-1].job.kind == "quality"
    quality = {"kid": 0.021, "floor": {"kid": 0.004}, "copied": 0.02, "extractor": "hand-made"}
    project.update_run("gan-0001", result=in_first_class(project, quality))
    assert [dock.gans.item(0, column).text() for column in (2, 3)] == [".021 (.004)", "2%"]
    assert "features: hand-made" in dock.gans.item(0, 2).toolTip()
    assert "measured" in dock.measure.toolTip()


QUALITY = {
    "kid": 0.021,
    "fid": 3.2,
    "copied": 0.4,
    "floor": {"kid": 0.004, "fid": 3.0, "copied": 0.01},
    "intervals": {"kid": [0.01, 0.03]},
    "missing": {"lpips": "not available: weights absent"},
    "gates": {
        "diversity": {"passed": True, "reason": "Varied: 9 kinds."},
        "memorisation": {"passed": False, "reason": "40% are copies."},
    },
    "n": 60,
    "extractor": "network trained on 240 training crops of 2 classes",
    "reference": "held-out real patches",
    "notices": ["Inception is not available."],
}


def test_every_figure_of_a_gan_stands_beside_its_floor_and_says_what_it_means(dock, project):
    assert not dock.figures.isVisible()
    project.update_run("gan-0001", result=in_first_class(project, QUALITY))
    assert dock.figures.isVisible()
    rows = [[dock.figures.item(row, c).text() for c in range(4)] for row in range(dock.figures.rowCount())]
    assert rows[:2] == [["KID", "0.021", "0.010 to 0.030", "0.004"], ["FID", "3.2", "", "3"]]
    assert ["copies", "40%", "", "1%"] in rows
    assert rows[-1] == ["LPIPS", "not available", "", ""]
    assert "weights absent" in dock.figures.item(len(rows) - 1, 1).toolTip()
    assert "bias" in dock.figures.item(1, 0).toolTip()
    told = dock.gan_verdict.text()
    assert told.splitlines()[:3] == ["gan-0001 · Dense:", "Failed: 40% are copies.", "Varied: 9 kinds."]
    assert "features: network trained on 240" in told and "Inception is not available." in told


def test_the_selected_gan_is_the_one_whose_figures_are_shown(dock, project, qtbot):
    second = project.new_run("gan", "dcgan", {}, class_id=project.class_named("Dense").id, groups=["video"], seed=1)
    project.update_run(second.id, status="finished", result=in_first_class(project, QUALITY | {"kid": 0.5}))
    project.update_run("gan-0001", result=in_first_class(project, QUALITY))
    names = [dock.gans.item(row, 0).text() for row in range(2)]
    dock.gans.selectRow(names.index("gan-0001"))
    assert dock.figures.item(0, 1).text() == "0.021"
    dock.gans.selectRow(names.index(second.id))
    assert dock.figures.item(0, 1).text() == "0.500"


def test_the_report_shows_every_figure_with_floor_extractor_and_verdict(dock, project, qtbot, monkeypatch):
    monkeypatch.setattr(evaluate.QDesktopServices, "openUrl", lambda url: None)
    project.update_run("gan-0001", result=in_first_class(project, QUALITY))
    qtbot.mouseClick(dock.open_report, LEFT)
    page = (project.path / "report.html").read_text(encoding="utf-8")
    for words in ("Failed: 40% are copies.", "0.010 to 0.030", "3.2 (3)", "memorisation failed", "features: network"):
        assert words in page


def test_the_report_is_one_page_that_opens(dock, project, qtbot, monkeypatch):
    opened = []
    monkeypatch.setattr(evaluate.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    project.update_run("gan-0001", result=in_first_class(project, {"kid": 0.021, "floor": {"kid": 0.004}}))
    qtbot.mouseClick(dock.open_report, LEFT)
    assert opened == [str(project.path / "report.html")]
    page = (project.path / "report.html").read_text(encoding="utf-8")
    assert ".84 (.79–.88)" in page and ".021 (.004)" in page
    assert page.count("<img") == 2


def test_a_hidden_dock_reads_the_project_only_when_it_is_seen(dock, project, monkeypatch):
    dock.hide()
    reads = []
    monkeypatch.setattr(dock, "_show_pairs", lambda pairs: reads.append(pairs))
    project.update_run("gan-0001", result=in_first_class(project, {"kid": 0.021}))
    assert reads == []
    dock.show()
    assert len(reads) == 1
