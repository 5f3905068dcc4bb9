"""What a click on the canvas does: choose an object, or give it a class."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QWidget

from napari_cellsynth.project import BAD_SEGMENTATION, UNSURE
from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.patch_list import may_shrink, refill
from napari_cellsynth.widgets.session import Session

TIP = (
    "What a click on an object on the canvas does, while the objects or classes layer is selected. A right click takes "
    "the label away. Dragging and the wheel stay napari's."
)


class ClickRow(QWidget):
    """Arms the mouse with a class.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.box = may_shrink(QComboBox())
        self.box.setObjectName("click")
        self.box.setAccessibleName("A click on the canvas")
        self.box.setToolTip(TIP)
        self.box.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label("Click"))
        row.addWidget(self.box, 1)
        self.box.currentIndexChanged.connect(lambda _index: self._arm())
        session.project_changed.connect(self._disarm)
        session.classes_changed.connect(self._read)
        self._read()

    def _read(self) -> None:
        project = self._session.project
        records = project.classes() if project is not None else []
        gives = [(f"gives {record.name}", record.id) for record in records]
        gives += [("gives unsure", UNSURE), ("gives bad segmentation", BAD_SEGMENTATION)] if records else []
        refill(self.box, [("chooses", None), *gives])

    def _arm(self) -> None:
        self._session.armed = self.box.currentData()

    def _disarm(self) -> None:
        self._read()
        self.box.setCurrentIndex(0)
