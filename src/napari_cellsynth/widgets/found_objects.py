"""What segmenting has found: how many objects, how large, and the labels that found no object."""

from __future__ import annotations

import numpy as np
import pandas as pd
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_cellsynth.widgets.dock import button, label
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.sparkline import sparkline


class FoundObjects(QWidget):
    """Sums up the project's objects; hidden parts have nothing to say.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._shown_orphan = -1
        self.heading = label("Found", "heading")
        self.summary = label("", name="found", wrap=True)
        self.areas = label("", "quiet", name="areas", wrap=True)
        self.carried = label("", name="carried", wrap=True)
        self.show_orphans = button("show_orphans", "show", "Go to the next place whose label found no object.")
        self.show_orphans.clicked.connect(self.show_next_orphan)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for parts in ((self.heading, self.summary), (self.areas,), (self.carried, self.show_orphans)):
            row = QHBoxLayout()
            row.setSpacing(6)
            for part in parts:
                row.addWidget(part, int(part is self.summary))
            row.addStretch(int(self.summary not in parts))
            layout.addLayout(row)

    def read(self) -> None:
        """Read the project's objects again."""
        project = self._session.project
        objects = project.objects() if project is not None else pd.DataFrame()
        for each in (self.heading, self.summary, self.areas):
            each.setVisible(len(objects) > 0)
        if len(objects):
            frames = len(objects.drop_duplicates(["image_id", "frame"]))
            self.summary.setText(f"{len(objects):,} objects · {len(objects) / frames:.1f} a frame")
            low, high = np.percentile(objects["area"], [1, 99])
            self.areas.setText(f"area  {low:,.0f} px {sparkline(objects['area'].to_numpy())} {high:,.0f} px")
        self.say_orphans(len(project.orphans()) if project is not None else 0)

    def say_orphans(self, count: int, carried: int | None = None) -> None:
        """Say how many labels found no object and, after segmenting again, how many went to other objects."""
        parts = [f"Carried over {carried:,} labels"] if carried else []
        if count:
            parts.append(f"{count:,} label{'s' * (count != 1)} could not be placed")
        self.carried.setText(" · ".join(parts))
        self.carried.setVisible(bool(parts))
        self.show_orphans.setVisible(count > 0)

    def show_next_orphan(self) -> None:
        """Bring the next label that found no object into view."""
        with self._session.reporting():
            orphans = self._session.need_project().orphans()
            if not len(orphans):
                return
            self._shown_orphan = (self._shown_orphan + 1) % len(orphans)
            row = orphans.iloc[self._shown_orphan]
            self._session.layers.place(int(row["image_id"]), int(row["frame"]), float(row["cy"]), float(row["cx"]))
