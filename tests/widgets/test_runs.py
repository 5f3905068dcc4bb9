"""The list of runs, the window that compares them, the bin behind it, and the queue."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMessageBox

from napari_cellsynth.jobs.job import Job, TrainGanParameters
from napari_cellsynth.widgets.gallery import GalleryDock
from napari_cellsynth.widgets.plot import DARK_LINES, LIGHT_LINES, Plot
from napari_cellsynth.widgets.queue_panel import QueuePanel
from napari_cellsynth.widgets.run_list import RunList
from napari_cellsynth.widgets.run_window import RunWindow
from napari_cellsynth.widgets.theme import DARK, LIGHT
from napari_cellsynth.widgets.train_gans import TrainGansDock

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def project(session, project_path):
    """Two finished GAN runs of different recipes and sizes with patches, and a stopped one before them."""
    session.open(project_path)
    made = session.project
    stopped = made.new_run("gan", "dcgan", {"recipe": {"size": 64}}, class_id=1, groups=[], seed=0)
    made.update_run(stopped.id, "stopped")
    for recipe, size in (("dcgan", 64), ("cellsynth", 32)):
        run = made.new_run("gan", recipe, {"recipe": {"size": size, "lr": 0.1}}, class_id=1, groups=[], seed=0)
        (run.folder / "metrics.csv").write_text("step,loss_critic,kid\n1,0.5,0.3\n2,0.4,0.2\n")
        made.add_synthetic(run.id, "step", 1, 0, 0, np.zeros((2, 1, size, size), np.uint8))
        made.update_run(run.id, "finished")
    return made


@pytest.fixture
def runs(session, project, qtbot):
    made = RunList(session, "gan", {"recipe": lambda run: run.recipe})
    qtbot.addWidget(made)
    made.show()
    return made


def choose(runs, *rows):
    runs.table.clearSelection()
    for row in rows:
        index = runs.table.model().index(row, 0)
        selection = runs.table.selectionModel()
        selection.select(index, selection.SelectionFlag.Select | selection.SelectionFlag.Rows)


def cells(window, row):
    return [window.table.item(row, column).text() for column in range(window.table.columnCount())]


def test_two_runs_are_compared_in_a_window_with_a_line_each(runs, qtbot) -> None:
    choose(runs, 0, 1)
    assert runs.open.text() == "Compare 2"
    assert runs.selected() is None and not runs.copy.isEnabled()
    qtbot.mouseClick(runs.open, LEFT)
    window = runs.findChild(RunWindow)
    rows = [cells(window, row) for row in range(window.table.rowCount())]
    assert ["recipe", "cellsynth", "dcgan"] in rows and ["size", "32", "64"] in rows
    assert not any(row[0] == "lr" for row in rows)
    window.all_settings.setChecked(True)
    assert ["lr", "0.1", "0.1"] in [cells(window, row) for row in range(window.table.rowCount())]
    assert window.figure.currentText() == "kid"
    drawn = [line.getData()[1].tolist() for line in window.plot.canvas.listDataItems()]
    assert drawn == [[0.3, 0.2], [0.3, 0.2]]
    window.close()


def test_one_run_opens_with_all_its_settings(runs, qtbot) -> None:
    choose(runs, 2)
    assert runs.open.text() == "Open"
    runs.open_selected()
    window = runs.findChild(RunWindow)
    assert ["size", "64"] in [cells(window, row) for row in range(window.table.rowCount())]
    window.close()


def test_a_run_deleted_while_its_patches_are_shown_leaves_the_gallery_and_comes_back(
    runs, project, session, viewer, said, qtbot
) -> None:
    dock = GalleryDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(900, 240)
    dock.show()
    assert set(dock.model.table["run"]) == {"gan-0003"}
    dock.patches.setCurrentIndex(dock.model.index(0))
    choose(runs, 0)
    qtbot.mouseClick(runs.delete, LEFT)
    assert "in the bin" in said[-1]
    assert set(dock.model.table["run"]) == {"gan-0002"}
    assert runs.bin.text() == "Bin 1 ▾" and [run.id for run in runs.runs()] == ["gan-0002", "gan-0001"]
    runs.bin.menu().actions()[0].trigger()
    assert set(dock.model.table["run"]) == {"gan-0003"}
    assert not runs.bin.isVisible()
    dock.model.close()


def test_a_run_that_waits_to_go_on_cannot_be_deleted(runs, project, session) -> None:
    for _ in range(2):
        session.submit(Job.of(project.path, TrainGanParameters(resume="gan-0001")), "GAN · Dense")
    choose(runs, 2)
    assert not runs.delete.isEnabled() and "waits" in runs.delete.toolTip()
    session.stop_jobs()


def test_the_docks_resume_says_why_an_older_stopped_run_is_not_its_own(viewer, session, project, qtbot) -> None:
    dock = TrainGansDock(viewer)
    qtbot.addWidget(dock)
    dock.refresh()
    assert not dock.progress.resume.isEnabled()
    assert dock.progress.resume.toolTip() == ("A newer run has finished; to go on with gan-0001, select it under Runs.")


def test_waiting_jobs_are_moved_and_taken_out_and_run_in_their_new_order(session, project, fake_runs, qtbot) -> None:
    panel = QueuePanel(session)
    qtbot.addWidget(panel)
    job = Job.of(project.path, TrainGanParameters(classes=["Dense"]))
    handles = [session.submit(job, f"job {n}") for n in range(4)]
    assert [panel.jobs.item(row).text() for row in range(3)] == ["1.  job 1", "2.  job 2", "3.  job 3"]
    panel.jobs.setCurrentRow(2)
    qtbot.mouseClick(panel.up, LEFT)
    assert [handle.title for handle in session.waiting] == ["job 1", "job 3", "job 2"]
    assert panel.jobs.selectedItems()[0].text() == "2.  job 3"
    qtbot.mouseClick(panel.up, LEFT)
    assert not panel.up.isEnabled()
    panel.jobs.clearSelection()
    panel.jobs.setCurrentRow(1)
    qtbot.mouseClick(panel.remove, LEFT)
    assert [handle.title for handle in session.waiting] == ["job 3", "job 2"]
    assert handles[1].state == "stopped"
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: session.running is handles[3], timeout=5000)
    session.stop_jobs()
    qtbot.waitUntil(lambda: not session.waiting and session.running is None, timeout=5000)
    assert panel.isHidden()


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("colors", "lines"), [(DARK, DARK_LINES), (LIGHT, LIGHT_LINES)])
def test_words_and_lines_stand_out_in_both_themes(colors, lines) -> None:
    # 4.5 to 1 for words and 3 to 1 for graphics: WCAG 2.1, success criteria 1.4.3 and 1.4.11.
    assert min(contrast(color, colors.background) for color in colors[1:4]) >= 4.5
    assert min(contrast(color, colors.background) for color in lines) >= 3


def test_docks_and_their_curves_follow_the_theme_while_they_are_open(viewer, session, project, qtbot) -> None:
    dock = TrainGansDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    plot = dock.progress.curves.plot
    dock.progress.curves.set_history([(0, {"loss": 1.0}), (1, {"loss": 2.0})])
    [line] = plot.canvas.listDataItems()
    for theme, colors, lines in (("light", LIGHT, LIGHT_LINES), ("dark", DARK, DARK_LINES)):
        viewer.theme = theme
        assert colors.quiet in dock.styleSheet()
        assert plot.colors is colors and plot.canvas.backgroundBrush().color().name() == colors.background
        assert line.opts["pen"].color().name() == lines[0]
        assert lines[0] in dock.progress.curves.legend.text()


def test_a_plot_made_in_a_light_window_is_light(viewer, qtbot) -> None:
    viewer.theme = "light"
    dock = TrainGansDock(viewer)
    qtbot.addWidget(dock)
    plot = Plot("later", "A plot.", lambda canvas: None)
    dock.body.addWidget(plot)
    plot.show()
    dock.show()
    assert plot.colors is LIGHT


def test_the_bin_is_emptied_after_a_question_that_tells_the_size(runs, project, said, monkeypatch):
    choose(runs, 0)
    runs.delete.click()
    asked = []

    def answer(button):
        return lambda _parent, _title, question, *_: asked.append(question) or button

    monkeypatch.setattr(QMessageBox, "question", answer(QMessageBox.StandardButton.Cancel))
    action = next(each for each in runs.bin.menu().actions() if each.text() == "Empty the bin…")
    action.trigger()
    assert project.deleted_runs() == ["gan-0003"] and "kB and cannot be undone" in asked[0]
    monkeypatch.setattr(QMessageBox, "question", answer(QMessageBox.StandardButton.Yes))
    runs.empty_bin(["gan-0003"])
    assert project.deleted_runs() == [] and runs.bin.isHidden() and "deleted for good" in said[-1]
