"""The gallery's buttons for what takes longer: score the patches, walk between two of them, the blind test."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from qtpy.QtWidgets import QPushButton, QWidget

from napari_cellsynth.jobs.job import Job, ScoreParameters
from napari_cellsynth.project.patches import FIGURES
from napari_cellsynth.widgets.between import Between
from napari_cellsynth.widgets.blind_test import BlindTest
from napari_cellsynth.widgets.dock import allow, button, set_property
from napari_cellsynth.widgets.gallery_model import SYNTHETIC, PatchKey
from napari_cellsynth.widgets.session import Session

SCORE_TIP = "Measure realism, class confidence, distance and copy ratio of every patch of the runs in view."
BETWEEN_TIP = "Show the way from one selected patch to the other through the generator's latent space."
BLIND_TIP = "Real or synthetic? Twenty patches of those in view, half of them real, in random order; R and S answer."


class GalleryTools(QWidget):
    """Three buttons, which the dock lays out; what they work on follows its table and selection.

    Parameters
    ----------
    session : Session
        The viewer's session.
    dock : QWidget
        The dock.
    """

    def __init__(self, session: Session, dock: QWidget) -> None:
        super().__init__(dock)
        self.hide()
        self._session, self._dock = session, dock
        self._runs: list[str] = []
        self._ids: list[int] = []
        self._pair: tuple[int, int] | None = None
        self.score = button("score", "Score patches", SCORE_TIP)
        self.between = button("between", "Between two …", BETWEEN_TIP)
        self.blind = button("blind_test", "Blind test …", BLIND_TIP)
        self.score.clicked.connect(self._on_score)
        self.between.clicked.connect(self._on_between)
        self.blind.clicked.connect(self._on_blind)

    @property
    def buttons(self) -> tuple[QPushButton, ...]:
        """The buttons, in order."""
        return self.score, self.between, self.blind

    def follow(self, table: pd.DataFrame) -> None:
        """Work on these patches in view."""
        synthetic = table[table["kind"] == SYNTHETIC]
        self._ids, self._runs = synthetic["id"].tolist(), synthetic["run"].unique().tolist()
        none = "" if self._ids else "No synthetic patches are shown."
        allow(self.score, none, SCORE_TIP)
        allow(self.blind, none, BLIND_TIP)
        unscored = bool(len(synthetic)) and bool(synthetic[list(FIGURES)].isna().all(axis=None))
        set_property(self.score, "primary", unscored and self._session.running is None)

    def follow_selection(self, selected: Sequence[PatchKey]) -> None:
        """Work on these selected synthetic patches."""
        one_run = len(selected) == 2 and selected[0].run == selected[1].run
        self._pair = (selected[0].id, selected[1].id) if one_run else None
        allow(self.between, "" if one_run else "Select two synthetic patches of one run (Ctrl and click).", BETWEEN_TIP)

    def _on_score(self) -> None:
        with self._session.reporting():
            path = self._session.need_project().path
            title = "Score · " + (self._runs[0] if len(self._runs) == 1 else f"{len(self._runs)} runs")
            self._session.submit(Job.of(path, ScoreParameters(runs=self._runs)), title)

    def _on_between(self) -> None:
        if self._pair is not None:
            with self._session.reporting():
                Between(self._session, *self._pair, self._dock).show()

    def _on_blind(self) -> None:
        with self._session.reporting():
            BlindTest(self._session, self._ids, parent=self._dock).open()
