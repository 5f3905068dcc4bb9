"""The blind test: one patch after another at one size and contrast, to be called real or synthetic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeyEvent, QPixmap
from qtpy.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.blind import blind_score, blind_words
from napari_cellsynth.imaging.composite import to_rgb
from napari_cellsynth.jobs.blind import SHOWN, Shown, blind_round
from napari_cellsynth.project import Project
from napari_cellsynth.project.blind import BlindAnswer
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.dock import allow, button, label
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.theme import wear_theme
from napari_cellsynth.widgets.thumbnails import to_image

SIDE = 320
"""Pixels a side, of every patch alike."""

REAL_TIP = "I take it for a real one (R)."
SYNTHETIC_TIP = "I take it for a synthetic one (S)."


class BlindTest(QDialog):
    """A round of patches, half real and half synthetic, in random order, and the score at its end.

    Parameters
    ----------
    session : Session
        Its project is read and keeps the answers.
    patch_ids : sequence of int
        The synthetic patches to choose from.
    n : int
        How many patches.
    seed : int, optional
        Fixes the round.
    parent : QWidget, optional
        The dock.
    """

    def __init__(
        self,
        session: Session,
        patch_ids: Sequence[int],
        n: int = SHOWN,
        *,
        seed: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("blind_test")
        self.setWindowTitle("Real or synthetic?")
        wear_theme(self, session.viewer)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._path = session.need_project().path
        self._shown: list[Shown] = []
        self.answers: list[BlindAnswer] = []
        self.place = label("Reading the patches …", "quiet", name="place")
        self.picture = QLabel()
        self.picture.setObjectName("blind_patch")
        self.picture.setFixedSize(SIDE, SIDE)
        self.real = button("say_real", "Real  R", REAL_TIP)
        self.synthetic = button("say_synthetic", "Synthetic  S", SYNTHETIC_TIP)
        self.words = label("", name="blind_words", wrap=True)
        self._lay_out()
        self._reader = Background(self)
        self._reader.done.connect(lambda shown, _seconds: self._begin(shown))
        self._reader.failed.connect(self._on_failed)
        session.workers.append(self._reader)
        path, wanted = self._path, list(patch_ids)
        self._reader.run(lambda: _read(path, wanted, n, seed))
        self._show_next()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for each, said in ((self.real, False), (self.synthetic, True)):
            each.setAutoDefault(False)
            each.clicked.connect(lambda _checked=False, said=said: self.say(said))
            buttons.addWidget(each)
        layout = QVBoxLayout(self)
        layout.addWidget(self.place)
        layout.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addLayout(buttons)
        layout.addWidget(self.words)

    # ------------------------------------------------------------------ the round
    def _begin(self, shown: list[Shown]) -> None:
        self._shown = shown
        self._show_next()

    def _on_failed(self, error: UserError) -> None:
        self.reject()
        self._session.report(error)

    def _show_next(self) -> None:
        asked = len(self.answers) < len(self._shown)
        for each, tip in ((self.real, REAL_TIP), (self.synthetic, SYNTHETIC_TIP)):
            each.setVisible(asked or not self._shown)
            allow(each, "" if asked else "The patches are being read.", tip)
        if asked:
            picture = to_image(to_rgb(self._shown[len(self.answers)].pixels, -1.0, 1.0))
            smooth = Qt.TransformationMode.SmoothTransformation
            fit = Qt.AspectRatioMode.KeepAspectRatio
            self.picture.setPixmap(QPixmap.fromImage(picture).scaled(SIDE, SIDE, fit, smooth))
            self.place.setText(f"Patch {len(self.answers) + 1} of {len(self._shown)}: is it real or synthetic?")

    def say(self, synthetic: bool) -> None:
        """Take the patch on the screen for a synthetic or a real one, and show the next."""
        if len(self.answers) == len(self._shown):
            return
        self.answers.append(self._shown[len(self.answers)].answered(synthetic))
        self._show_next()
        if len(self.answers) == len(self._shown):
            self._finish()

    def _finish(self) -> None:
        score = blind_score([each.synthetic for each in self.answers], [each.said_synthetic for each in self.answers])
        fooled = sum(each.synthetic and not each.said_synthetic for each in self.answers)
        doubted = sum(each.said_synthetic and not each.synthetic for each in self.answers)
        self.picture.hide()
        self.place.setText(f"{fooled} synthetic taken for real · {doubted} real taken for synthetic")
        self.words.setText(blind_words(score))
        with self._session.reporting():
            project = self._session.need_project()
            if project.path != self._path:
                raise UserError("Another project was opened meanwhile: the round is not kept.", "Start it again.")
            project.add_blind_round(self.answers)
        self.adjustSize()

    # ------------------------------------------------------------------ Qt's side
    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take R for real and S for synthetic; a key held down counts once."""
        if event.key() in (Qt.Key.Key_R, Qt.Key.Key_S) and not event.modifiers():
            if not event.isAutoRepeat():
                self.say(event.key() == Qt.Key.Key_S)
            return
        super().keyPressEvent(event)

    def done(self, result: int) -> None:
        """End the reading thread with the dialog."""
        if self._reader in self._session.workers:
            self._session.workers.remove(self._reader)
            self._reader.shut_down()
        super().done(result)


def _read(path: Path, patch_ids: list[int], n: int, seed: int | None) -> list[Shown]:
    with Project.open(path, read_only=True) as project:
        return blind_round(project, patch_ids, n, seed=seed)
