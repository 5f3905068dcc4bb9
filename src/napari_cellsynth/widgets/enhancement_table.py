"""What each enhancement does to the frame on the canvas: MSE, PSNR and SSIM, measured off the GUI thread."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.source import ImageSource
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.session import Session

TIP = (
    "Each enhancement against the frame as it is, on 0 … 255: the mean squared error, the peak signal-to-noise ratio "
    "(dB) and the structural similarity; the least changed has the highest ones of the last two."
)


class EnhancementTable(QWidget):
    """A line for every method; measured while it is seen, for the newest frame only."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.table = label("", "quiet", name="enhancements", wrap=True)
        self.table.setToolTip(TIP)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        self._worker = Background(self)
        session.workers.append(self._worker)
        self._worker.done.connect(lambda rows, _seconds: self.table.setText(table_text(rows)))
        self._worker.failed.connect(lambda error: self.table.setText(escape(str(error))))
        session.frame_changed.connect(lambda _image_id, _frame: self.measure())
        session.project_changed.connect(self.measure)

    def measure(self) -> None:
        """Measure the frame on the canvas, if this is seen."""
        session = self._session
        self._worker.forget()
        self.table.setText("")
        if session.project is None or session.current_image_id is None or not self.isVisible():
            return
        image_id, frame = session.current_image_id, session.current_frame
        try:
            source = session.project.source(image_id)
        except UserError as error:
            self.table.setText(escape(str(error)))
            return
        self.table.setText("…")
        self._worker.run(partial(_effects, source, frame, session.frames.get(image_id, frame)))

    def showEvent(self, event: Any) -> None:
        """Measure when the fold is opened."""
        super().showEvent(event)
        self.measure()


def table_text(rows: list[Any]) -> str:
    """Return the lines as a table in rich text."""
    cells = [("", "MSE", "PSNR", "SSIM")]
    cells += [(row.method.upper(), f"{row.mse:,.0f}", f"{row.psnr:.1f} dB", f"{row.ssim:.3f}") for row in rows]
    lines = ("".join(f"<td align='right'>{cell}&nbsp;&nbsp;</td>" for cell in line) for line in cells)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _effects(source: ImageSource, frame: int, pixels: NDArray[np.generic] | None) -> list[Any]:
    from napari_cellsynth.imaging.enhance import effects
    from napari_cellsynth.imaging.segment import to_gray

    name = f"Frame {frame + 1}"
    return list(effects(to_gray(source.frame(frame) if pixels is None else pixels, name=name), name=name))
