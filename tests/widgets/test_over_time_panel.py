from __future__ import annotations

import numpy as np
import pytest
from pyqtgraph import FillBetweenItem, Point
from qtpy.QtCore import Qt

from napari_cellsynth.widgets import over_time_panel
from napari_cellsynth.widgets.over_time_panel import OverTimePanel


@pytest.fixture
def project(session, project_path):
    session.open(project_path)
    made = session.project
    dense, spread = (record.id for record in made.classes())
    objects = made.objects()
    made.label(objects.index[objects["frame"] == 0].tolist(), dense)
    made.label(objects.index[objects["frame"] == 2].tolist()[:6], spread)
    return made


@pytest.fixture
def panel(session, project, qtbot, monkeypatch):
    monkeypatch.setattr(over_time_panel, "SETTLE_MS", 0)
    made = OverTimePanel(session)
    qtbot.addWidget(made)
    with qtbot.waitSignal(made._background.done, timeout=20_000):
        made.show()
    return made


def test_the_plot_shows_a_line_a_class_and_the_transitions_stand_below(panel):
    dense = panel.shown.table[panel.shown.table["class"] == "Dense"]
    assert dense["frame"].tolist() == [0, 2]
    assert dense["fraction"].tolist() == [1.0, 0.0]
    assert len([item for item in panel.plot.canvas.plotItem.listDataItems() if item.opts["symbol"]]) == 2
    assert "Dense" in panel.legend.text()
    assert panel.moves.rowCount() == 2
    assert "18 times" not in panel.words.text()


def test_the_line_follows_the_time_slider_and_a_click_moves_the_slider(panel, session, viewer):
    viewer.dims.set_point(0, 2)
    assert panel.now.value() == 2
    panel.show_frame(1)
    assert session.current_frame == 1
    assert viewer.dims.point[0] == 1
    assert panel.now.value() == 1
    panel.show_frame(99)
    assert session.current_frame == 2


def test_a_click_into_the_plot_is_a_frame(panel, session):
    box = panel.plot.canvas.plotItem.vb

    class Click:
        def scenePos(self):
            return box.mapViewToScene(Point(1.1, 0.5))

    panel._on_click(Click())
    assert session.current_frame == 1


def test_labels_change_the_plot(panel, project, qtbot):
    with qtbot.waitSignal(panel._background.done, timeout=20_000):
        project.label(project.objects().index[project.objects()["frame"] == 1].tolist(), project.classes()[0].id)
        panel.refresh()
    assert panel.shown.table["frame"].unique().tolist() == [0, 1, 2]
    assert "22 times an object was followed into the next frame; 27% changed" in panel.words.text()
    assert [panel.moves.item(0, column).text() for column in range(3)] == ["Dense", "16", "6"]


def test_the_tables_are_written_by_a_job(panel, session, qtbot):
    qtbot.mouseClick(panel.write, Qt.MouseButton.LeftButton)
    assert session.jobs[-1].job.kind == "over-time"


def test_predictions_are_shown_with_bands(panel, project, qtbot):
    from napari_cellsynth.evaluate.held_out import write_held_out

    ids = [record.id for record in project.classes()]
    record = project.new_run("classifier", "fast", {"class_ids": ids, "test_groups": ["a"] * 20}, groups=["b"], seed=0)
    write_held_out(record.folder, [0, 1] * 10, np.eye(2)[[0, 1] * 9 + [1, 1]])
    project.update_run(record.id, status="finished", result={})
    objects = project.objects().index.tolist()
    with qtbot.waitSignal(panel._background.done, timeout=20_000):
        project.set_predictions(record.id, objects, np.eye(2)[[0] * len(objects)], ids)
        panel.refresh()
    assert panel.shown.table["corrected_fraction"].notna().all()
    assert any(isinstance(item, FillBetweenItem) for item in panel.plot.canvas.plotItem.items)


def test_the_projects_report_shows_classes_over_time(project):
    from napari_cellsynth.widgets.report_pages import write_project_report

    ids = [record.id for record in project.classes()]
    objects = project.objects().index.tolist()
    project.set_predictions("classifier-0001", objects, np.eye(2)[[0] * len(objects)], ids)
    page = write_project_report(project).read_text(encoding="utf-8")
    assert "video over time" in page
    assert "Predictions cannot be corrected" in page


def test_without_a_project_or_classes_it_says_what_to_do(session, project_path, qtbot, monkeypatch):
    monkeypatch.setattr(over_time_panel, "SETTLE_MS", 0)
    panel = OverTimePanel(session)
    qtbot.addWidget(panel)
    assert panel.words.text() == "No project is open."
    assert not panel.write.isEnabled()
    with qtbot.waitSignal(panel._background.failed, timeout=20_000):
        session.open(project_path)
        panel.refresh()
    assert panel.words.text().startswith("No object is labelled or predicted yet.")
    assert not panel.write.isEnabled()
