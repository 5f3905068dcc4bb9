"""Reading one PNG or JPEG file as a single frame."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellsynth.errors import UserError

_BROKEN = (
    OSError,
    ValueError,
    RuntimeError,
    SyntaxError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
)
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 1, 6: 3}
"""Channels without alpha, by the colour type in a PNG's header (a palette is looked up)."""


class PictureReader:
    """One PNG or JPEG file as one frame of shape (C, Y, X); alpha is left out.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    UserError
        If the file is no picture or is damaged.
    """

    frames = 1
    pixel_size_um: float | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                head = file.read(26)
            if head.startswith(_PNG):
                self.width, self.height, bits, colour = struct.unpack(">IIBB", head[16:26])
                self.channels = _PNG_CHANNELS[colour]
                self.dtype = np.dtype(np.uint16 if bits == 16 else np.uint8)
            else:
                with Image.open(path) as image:
                    self.width, self.height = image.size
                    self.channels = 1 if image.mode in ("L", "1") else 3
                self.dtype = np.dtype(np.uint8)
        except FileNotFoundError as error:
            raise UserError(f"{path} does not exist.", "Check the path.") from error
        except (*_BROKEN, LookupError) as error:
            raise self._damaged() from error

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def read(self, t: int) -> NDArray[Any]:
        """Read the picture; return (C, Y, X)."""
        del t
        try:
            pixels = self._sixteen_bits() if self.dtype == np.uint16 else self._eight_bits()
        except _BROKEN as error:
            raise self._damaged() from error
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0)[: self.channels])

    def _sixteen_bits(self) -> NDArray[Any]:
        # Pillow would cut 16-bit colour down to 8 bits.
        return np.asarray(imagecodecs.png_decode(self.path.read_bytes()))

    def _eight_bits(self) -> NDArray[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(self.path) as image:
                return np.asarray(image.convert("L" if self.channels == 1 else "RGB"))

    def _damaged(self) -> UserError:
        return UserError(
            f"{self.path.name} cannot be read as a picture.",
            "The file is damaged, cut off or of another kind; copy it again.",
        )
