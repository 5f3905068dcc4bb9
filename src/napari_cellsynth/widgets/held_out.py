"""The row that says which groups are held out for the test, and holds them out."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QWidget

from napari_cellsynth.widgets.dock import allow, button, label, set_property
from napari_cellsynth.widgets.session import Session

SHARES = (0.1, 0.2, 0.25, 0.33, 0.5)
HOLD_OUT_TIP = (
    "Set whole groups (videos, slides, wells) aside for the test. Neither a GAN nor a classifier learns from them. "
    "Do it before the first GAN is trained: patches of a GAN that saw a test group are refused."
)


def held_out_text(splits: dict[str, str]) -> str:
    """Return the words for a split: "3 of 15 groups"."""
    test = sum(split == "test" for split in splits.values())
    return f"{test} of {len(splits)} groups"


class HeldOutRow(QWidget):
    """Shows the held-out groups. Where none were chosen, the first training chooses.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.text = label("", name="held_out", wrap=True)
        self.share = QComboBox()
        self.share.setObjectName("share")
        self.share.setToolTip("The share of the labelled crops that is held out, in whole groups.")
        for share in SHARES:
            self.share.addItem(f"{share:.0%}", share)
        self.share.setCurrentIndex(SHARES.index(0.25))
        self.hold_out = button("hold_out", "Hold out", HOLD_OUT_TIP)
        self.hold_out.clicked.connect(self._on_hold_out)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(label("Held out"))
        layout.addWidget(self.text, 1)
        layout.addWidget(self.share)
        layout.addWidget(self.hold_out)
        for signal in (
            session.project_changed,
            session.images_changed,
            session.objects_changed,
            session.runs_changed,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Read the groups again."""
        project = self._session.project
        splits = {} if project is None else project.splits()
        test = sorted(group for group, split in splits.items() if split == "test")
        if project is None:
            why_not = "No project is open."
        elif len(splits) < 2:
            why_not = "Holding out needs labels in two groups (videos, slides, wells): there will be no score."
        else:
            why_not = ""
        undecided = (
            "a quarter, set aside when the first training begins"
            if not any(splits.values())
            else "none: there will be no score"
        )
        self.text.setText(held_out_text(splits) if test else "no second group" if why_not else undecided)
        self.text.setToolTip(f"Never trained on: {', '.join(test)}" if test else why_not or HOLD_OUT_TIP)
        set_property(self.text, "role", "" if test else "quiet")
        allow(self.hold_out, why_not, HOLD_OUT_TIP)
        self.hold_out.setText("Choose" if test else "Hold out")

    def _on_hold_out(self) -> None:
        with self._session.reporting():
            self._session.need_project().hold_out(fraction=float(self.share.currentData()))
            # A split says of every group where it belongs; the images' table and the counts follow from it.
            self._session.images_changed.emit()
            self._session.labels_changed.emit([])
