"""Brings an object's crop into view: its frame from the reading thread, its outline a moment later."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_cellsynth.imaging.crop import Box, cut_context
from napari_cellsynth.widgets.crop_view import CropView
from napari_cellsynth.widgets.keys import is_held, verb_of
from napari_cellsynth.widgets.label_queue import Entry
from napari_cellsynth.widgets.session import Session

MARGIN = 0.5
"""Surroundings on every side, as a share of the box: enough to see whether neighbours belong to it."""

MASKS = 6


class CropStage(QWidget):
    """Shows entries of a queue in a `CropView`, and takes the keys while it has the focus.

    Signals
    -------
    verb : str
        What a key stands for (see `keys.verb_of`).

    Attributes
    ----------
    view : CropView
    shown : Entry or None
        The object whose pixels are in the view; None while its frame is being read.
    """

    verb = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._wanted: Entry | None = None
        self._cut: Box | None = None
        self._masks: OrderedDict[tuple[int, int], NDArray[Any] | None] = OrderedDict()
        self.shown: Entry | None = None
        self.view = CropView()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # The outline takes a read of the frame's mask; the crop must not wait for it.
        self._outlining = QTimer(self)
        self._outlining.setSingleShot(True)
        self._outlining.timeout.connect(self._draw_outline)
        session.frames.ready.connect(self._on_ready)
        session.frames.failed.connect(self._on_failed)

    def show_entry(self, entry: Entry, ahead: Sequence[Entry]) -> None:
        """Show an object and have the frames of those that come next read."""
        self._wanted = entry
        pixels = self._session.frames.get(entry.image_id, entry.frame)
        if pixels is None:
            self.shown = None
            self.view.set_text("reading the frame…")
        else:
            self._draw(entry, pixels)
        frames = [(each.image_id, each.frame) for each in (entry, *ahead)]
        self._session.frames.read_ahead(frames)

    def show_text(self, text: str) -> None:
        """Show a line of text in place of an object."""
        self._wanted = self.shown = None
        self.view.set_text(text)

    def forget_masks(self) -> None:
        """Read outlines again (the objects have changed)."""
        self._masks.clear()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take our keys here: on their way up the scroll area would eat the arrows."""
        verb = verb_of(event)
        if not verb:
            super().keyPressEvent(event)
        elif not is_held(event, verb):
            self.verb.emit(verb)

    def _draw(self, entry: Entry, pixels: NDArray[Any]) -> None:
        crop, self._cut = cut_context(pixels, entry.box, MARGIN)
        self.view.set_crop(crop, self._cut, entry.box)
        self.shown = entry
        self._outlining.start(0)

    def _draw_outline(self) -> None:
        entry, cut = self.shown, self._cut
        if entry is None or cut is None or not entry.mask_label or self._session.project is None:
            return
        key = (entry.image_id, entry.frame)
        if key not in self._masks:
            with self._session.reporting():
                self._masks[key] = self._session.project.mask(*key)
        mask = self._masks.get(key)
        while len(self._masks) > MASKS:
            self._masks.popitem(last=False)
        if mask is not None:
            self.view.set_mask(mask[cut.y0 : cut.y1, cut.x0 : cut.x1] == entry.mask_label)

    def _on_ready(self, image_id: int, frame: int) -> None:
        entry = self._wanted
        if entry is None or self.shown is entry or (entry.image_id, entry.frame) != (image_id, frame):
            return
        pixels = self._session.frames.get(image_id, frame)
        if pixels is not None:
            self._draw(entry, pixels)

    def _on_failed(self, image_id: int, frame: int, message: str) -> None:
        entry = self._wanted
        if entry is not None and self.shown is not entry and (entry.image_id, entry.frame) == (image_id, frame):
            self.view.set_text(message)
