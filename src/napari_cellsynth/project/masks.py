"""The instance masks: OME-Zarr label images, one an image, one chunk a frame, changed together with the objects' rows.

A new mask goes into the database within the transaction that changes the objects, and from there into ``masks.zarr``.
Whoever is killed in between leaves a mask that waits; readers look there first, and the next writer moves it.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.atomic import force_to_disk
from napari_cellsynth.errors import UserError
from napari_cellsynth.project.arrays import check_chunks, opened
from napari_cellsynth.project.base import ZARR_ERRORS
from napari_cellsynth.project.large_masks import LargeMasks
from napari_cellsynth.project.values import telling_damage


class Masks(LargeMasks):
    """Writing and reading the label image of a frame."""

    @telling_damage
    def mask(self, image_id: int, frame: int) -> NDArray[np.int32] | None:
        """Return a frame's instance mask.

        Returns
        -------
        ndarray of int32, shape (Y, X), or None
            0 is background, other values are the objects' ``mask_label``; None when the frame has no mask. That of a
            frame larger than memory is an `imaging.large.Large`, which windows are read of.
        """
        height, width = self._image_row(image_id, "height, width")
        rows = self._db.read("SELECT waiting FROM masks WHERE image_id = ? AND frame = ?", (int(image_id), int(frame)))
        if not rows:
            return None
        if self.is_large(image_id):
            return cast("NDArray[np.int32]", self._large_mask(image_id, frame))
        try:
            if rows[0][0] is not None:
                return unpacked(rows[0][0], height, width)
            array = self._mask_array(image_id, write=False)
            check_chunks(array, self.path / "masks.zarr" / str(image_id) / "0", [int(frame)])
            return np.asarray(array[int(frame)], np.int32)
        except (*ZARR_ERRORS, zlib.error) as error:
            raise UserError(
                f"The masks of image {image_id} in {self.path / 'masks.zarr'} are missing or damaged.",
                "Segment the image again.",
            ) from error

    def _put_mask(self, image_id: int, frame: int, labels: NDArray[np.integer[Any]] | None) -> None:
        """Make a mask current with the running transaction, and move it to ``masks.zarr`` after it."""
        self._db.write("DELETE FROM masks WHERE image_id = ? AND frame = ?", (image_id, frame))
        if labels is None:
            self._forget_large_mask(image_id, frame)
            return
        packed = zlib.compress(np.ascontiguousarray(labels, "<i4").tobytes(), 1)
        self._db.write("INSERT INTO masks (image_id, frame, waiting) VALUES (?, ?, ?)", (image_id, frame, packed))
        self._db.after_commit("masks", self._move_masks)

    def _move_masks(self) -> None:
        """Move the masks that wait in the database into ``masks.zarr``."""
        places = self._db.read("SELECT image_id, frame FROM masks WHERE waiting IS NOT NULL")
        for image_id, frame in places:
            # Inside a transaction, so that two processes never write the same frame in the wrong order.
            with self._db.transaction():
                mask = self.mask(image_id, frame)
                if mask is None:
                    continue
                place = self.path / "masks.zarr"
                try:
                    array = self._mask_array(image_id, write=True)
                    array[frame] = mask
                    chunk = place / str(image_id) / "0" / "c" / str(frame) / "0" / "0"
                    if chunk.exists():  # an all-zero chunk has no file
                        force_to_disk(chunk)  # before the database lets go of its copy
                except OSError as error:
                    raise UserError(
                        f"{place} cannot be written: {error.strerror or error}.", "Check disk and permissions."
                    ) from error
                except ZARR_ERRORS as error:
                    raise UserError(f"{place} is damaged.", "Restore it from a backup.") from error
                self._db.write("UPDATE masks SET waiting = NULL WHERE image_id = ? AND frame = ?", (image_id, frame))

    def _mask_array(self, image_id: int, *, write: bool) -> Any:
        frames, height, width = self._image_row(image_id, "frames, height, width")
        place = self.path / "masks.zarr" / str(int(image_id)) / "0"

        def whole(mode: str) -> Any:
            return opened(place, mode, (1, height, width), "int32", (frames, height, width))

        if write:
            try:
                return whole("r+")
            except ZARR_ERRORS:
                self._make_label_image(image_id)
        return whole("r+" if write else "r")

    def _make_label_image(self, image_id: int) -> None:
        """Describe an image's masks, anew where the description is damaged; what can be read of them stays."""
        frames, height, width, pixel = self._image_row(image_id, "frames, height, width, pixel_size_um")
        place = self.path / "masks.zarr"
        root, image = _group(place), _group(place / str(image_id))
        (place / str(image_id) / "0" / "zarr.json").unlink(missing_ok=True)
        image.create_array("0", shape=(frames, height, width), chunks=(1, height, width), dtype="int32", fill_value=0)
        self._forget_lost(image_id)
        unit = {"unit": "micrometer"} if pixel else {}
        axes = [
            {"name": "t", "type": "time"},
            {"name": "y", "type": "space", **unit},
            {"name": "x", "type": "space", **unit},
        ]
        scale = [{"type": "scale", "scale": [1.0, pixel or 1.0, pixel or 1.0]}]
        scales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]
        image.attrs["ome"] = {"version": "0.5", "multiscales": scales, "image-label": {"version": "0.5"}}
        root.attrs["ome"] = {"version": "0.5", "labels": sorted(root.group_keys(), key=int)}

    def _forget_lost(self, image_id: int) -> None:
        """Take the frames whose masks are gone from the disk as not segmented (empty ones, that have no chunk, too)."""
        stored = self._db.read("SELECT frame FROM masks WHERE image_id = ? AND waiting IS NULL", (image_id,))
        chunks = self.path / "masks.zarr" / str(image_id) / "0" / "c"
        lost = [(image_id, frame) for (frame,) in stored if not (chunks / str(frame) / "0" / "0").exists()]
        self._db.write_many("DELETE FROM masks WHERE image_id = ? AND frame = ?", lost)


def unpacked(waiting: bytes, height: int, width: int) -> NDArray[np.int32]:
    """Return a mask that waits in the database; bytes that unpack to more than a mask are refused, not unpacked."""
    size = 4 * height * width
    raw = zlib.decompressobj().decompress(waiting, size + 1)
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes for a mask of {size}")
    return np.frombuffer(raw, "<i4").reshape(height, width).astype(np.int32)


def _group(place: Path) -> Any:
    """Open or make a group; a description that cannot be read is written anew, all that it says is known."""
    import zarr

    try:
        return zarr.open_group(str(place), mode="a", zarr_format=3)
    except ZARR_ERRORS:
        (place / "zarr.json").unlink(missing_ok=True)
        return zarr.open_group(str(place), mode="a", zarr_format=3)
