import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt

from napari_cellsynth.project import Project
from napari_cellsynth.project.label_help import LabelHelp, write_label_help
from napari_cellsynth.project.view import View, write_view
from napari_cellsynth.widgets.label import LabelDock

pytestmark = pytest.mark.gui

FOUND = LabelHelp(
    mislabelled=[{"object": 7, "given": 1, "suggested": 2, "probability": 0.02}],
    duplicates=[{"objects": [1, 9], "groups": ["a", "b"], "likeness": 1.0, "leak": True}],
    next=[5, 2],
    random=[2],
)


@pytest.fixture
def dock(session, viewer, project_path, qtbot):
    session.open(project_path)
    made = LabelDock(viewer)
    qtbot.addWidget(made)
    return made


def test_a_click_looks_for_help_and_its_orders_come_with_what_was_found(dock, session, qtbot):
    offered = [dock.order.itemText(i) for i in range(dock.order.count())]
    assert "Likely mislabelled" not in offered and "Label these next" not in offered
    qtbot.mouseClick(dock.help.check, Qt.MouseButton.LeftButton)
    assert session.jobs[-1].job.kind == "label-help"
    write_label_help(session.project.path, FOUND)
    session.label_help_changed.emit()
    assert dock.help.told.text() == (
        "1 likely mislabelled · 2 to label next · 1 near-copies in different groups, 1 of them across the split: a leak"
    )
    assert dock.help.told.property("role") == "problem"
    for order, expected in (("Label these next", [5, 2]), ("Likely mislabelled", [7])):
        dock.order.setCurrentText(order)
        dock.order.activated.emit(dock.order.currentIndex())
        assert [dock.queue.entry(i).object_id for i in range(len(expected))] == expected


def test_an_order_that_was_left_and_cannot_be_had_yet_says_what_it_needs(dock, session, qtbot):
    order = dock.order
    assert not dock.help.told.text()
    order.lose("Least certain")
    assert (
        dock.help.told.text() == ("“Least certain” needs suggestions or predictions; until then: Unlabelled first.")
        and not dock.help.told.isHidden()
    )
    dock.help.offer(True)
    assert dock.help.told.text() == "The order “Least certain” can be chosen again."
    order.setCurrentText("Least certain")
    order.activated.emit(order.currentIndex())
    assert not dock.help.told.text() and dock.queue.order == "Least certain"
    dock.help.offer(False)
    assert order.currentText() == "Unlabelled first" and "“Least certain” needs" in dock.help.told.text()


def test_a_remembered_order_that_cannot_be_had_is_told_when_the_project_is_opened(dock, session, project_path):
    session.close_project()
    with Project.open(project_path) as project:
        write_view(project, View(image_id=1, choices={"order": "Different ones first"}))
    session.open(project_path)
    assert "“Different ones first” needs" in dock.help.told.text()
