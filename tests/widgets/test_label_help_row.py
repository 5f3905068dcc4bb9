import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt

from napari_cellsynth.project.label_help import LabelHelp, write_label_help
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
