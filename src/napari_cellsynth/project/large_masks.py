"""The instance masks of frames larger than memory: an OME-Zarr label image a frame, changed with the objects' rows.

Such a mask is made beside the project's others, chunk by chunk, and the row that names it is written in the transaction
that changes the objects: whoever is killed before leaves the old one, whoever is killed after it the new one.
"""

from __future__ import annotations

import re
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.large import Large, is_large
from napari_cellsynth.imaging.omezarr import OmeZarrReader
from napari_cellsynth.project.images import Images

FOLDER = "large_masks"
_WRITING_SECONDS = 3600.0
_NAME = re.compile(r"\d+-\d+-[0-9a-f]{12}")


class LargeMasks(Images):
    """Which frames are large, and where their masks are."""

    def is_large(self, image_id: int) -> bool:
        """Whether the frames of an image are read by parts and never whole."""
        return is_large(*self._image_row(image_id, "channels, height, width, dtype"))

    def new_large_mask(self, image_id: int, frame: int) -> Path:
        """Return where to make the label image of a frame; `set_objects` takes it over."""
        (self.path / FOLDER).mkdir(exist_ok=True)
        return self.path / FOLDER / f"{int(image_id)}-{int(frame)}-{uuid.uuid4().hex[:12]}"

    def unused_large_masks(self) -> list[Path]:
        """Return label images that no frame has, an hour after they were written last: killed programs left them."""
        rows = self._db.read("SELECT value FROM settings WHERE name LIKE 'large mask %'")
        used, old = {row[0] for row in rows}, time.time() - _WRITING_SECONDS
        found = sorted((self.path / FOLDER).glob("*"))
        return [place for place in found if place.name not in used and place.stat().st_mtime < old]

    def _large_mask(self, image_id: int, frame: int) -> Large:
        name, height, width = self._image_row(image_id, "name, height, width")
        place = self._place_of_mask(image_id, frame)
        reader = OmeZarrReader(place) if place is not None and place.is_dir() else None
        found = None if reader is None else (reader.frames, reader.height, reader.width, reader.dtype)
        if reader is None or found != (1, height, width, np.dtype(np.int32)):
            raise UserError(f"The mask of {name}, frame {frame}, is missing or damaged.", "Segment the image again.")

        def read(rows: slice, columns: slice) -> NDArray[Any]:
            pixels: NDArray[Any] = reader.window(0, rows, columns)[0]
            return pixels

        return Large((height, width), np.int32, read, f"The mask of {name}, frame {frame},")

    def _put_large_mask(self, image_id: int, frame: int, made: Path) -> None:
        """Make a label image current with the running transaction; the one before goes after it."""
        before = self._place_of_mask(image_id, frame)
        self._db.write("INSERT OR REPLACE INTO masks (image_id, frame) VALUES (?, ?)", (image_id, frame))
        self._db.write("INSERT OR REPLACE INTO settings VALUES (?, ?)", (_setting(image_id, frame), made.name))
        if before is not None and before != made:
            self._db.after_commit(before, lambda: shutil.rmtree(before, ignore_errors=True))

    def _forget_large_mask(self, image_id: int, frame: int) -> None:
        before = self._place_of_mask(image_id, frame)
        if before is not None:
            self._db.write("DELETE FROM settings WHERE name = ?", (_setting(image_id, frame),))
            self._db.after_commit(before, lambda: shutil.rmtree(before, ignore_errors=True))

    def _place_of_mask(self, image_id: int, frame: int) -> Path | None:
        rows = self._db.read("SELECT value FROM settings WHERE name = ?", (_setting(image_id, frame),))
        # A name from a stranger's table is a name within this folder, or none.
        return self.path / FOLDER / rows[0][0] if rows and _NAME.fullmatch(str(rows[0][0])) else None


def _setting(image_id: int, frame: int) -> str:
    return f"large mask {int(image_id)} {int(frame)}"
