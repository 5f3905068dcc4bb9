"""Opening the project's own Zarr arrays: what is not stored as this program stores it is damage, told before reading.

A project from a stranger may describe arrays of any size, and a few bytes of Zstandard may unpack to gigabytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PATCH_CHUNK_BYTES = 1 << 20
_PATCHES = re.compile(r"(\d{1,3})x(\d{1,5})x(\d{1,5})_(u?int8|u?int16|float32|float64|u?int32|float16|bool)")
_MOST_PATCH_BYTES = 1 << 28
_ZSTANDARD = b"\x28\xb5\x2f\xfd"


def opened(place: Path, mode: str, chunks: tuple[int, ...], dtype: str, shape: tuple[int, ...]) -> Any:
    """Open an array whose shape after the first axis, chunks and pixels are known.

    Parameters
    ----------
    place : Path
        The array's folder.
    mode : str
        ``"r"`` or ``"r+"``.
    chunks : tuple of int
        The shape of a chunk.
    dtype : str
        The pixels' type.
    shape : tuple of int
        The shape; a first axis of 0 stands for any length.

    Raises
    ------
    ValueError
        When it is described otherwise (zarr raises more, see `base.ZARR_ERRORS`).
    """
    import zarr
    from zarr.codecs import BytesCodec, ZstdCodec

    array: Any = zarr.open_array(str(place), mode=mode, zarr_format=3)
    codecs = [type(codec) for codec in array.metadata.codecs]
    right = array.shape[1:] == shape[1:] and shape[0] in (0, array.shape[0])
    if not right or array.chunks != chunks or str(array.dtype) != dtype or codecs != [BytesCodec, ZstdCodec]:
        raise ValueError(f"{place} is {array.shape} {array.dtype} in chunks of {array.chunks}")
    return array


def check_chunks(array: Any, place: Path, firsts: Iterable[int]) -> None:
    """Refuse chunks that would unpack to more than they may.

    Parameters
    ----------
    array : zarr.Array
        From `opened`.
    place : Path
        Its folder.
    firsts : iterable of int
        Positions on the first axis that are going to be read.

    Raises
    ------
    ValueError
        When a chunk is not one Zstandard frame of at most a chunk's bytes.
    """
    most = int(array.dtype.itemsize)
    for side in array.chunks:
        most *= int(side)
    for number in {int(first) // array.chunks[0] for first in firsts}:
        file = place.joinpath("c", str(number), *["0"] * (len(array.chunks) - 1))
        if file.exists() and _unpacked(file) > most:
            raise ValueError(f"{file} unpacks to more than a chunk")


def patch_chunks(name: str) -> tuple[int, int, int, int]:
    """Return the chunks of an array of patches from its name, ``1x64x64_uint8``.

    Raises
    ------
    ValueError
        When it is no such name (it comes from a table, and becomes a path).
    """
    found = _PATCHES.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is no array of patches")
    channels, height, width = (int(side) for side in found.groups()[:3])
    item = {"8": 1, "6": 2, "2": 4, "4": 8, "l": 1}[found[4][-1]]
    size = channels * height * width * item
    if not 0 < size <= _MOST_PATCH_BYTES:
        raise ValueError(f"{name!r} is no array of patches")
    return max(1, min(256, PATCH_CHUNK_BYTES // size)), channels, height, width


def _unpacked(file: Path) -> int:
    """Return how many bytes a Zstandard frame unpacks to, as its header says (RFC 8878, section 3.1.1.1)."""
    if os.path.getsize(file) < 6:
        raise ValueError(f"{file} is cut off")
    with file.open("rb") as stream:
        head = stream.read(18)
    flag, single = head[4] >> 6, bool(head[4] & 0x20)
    at = 5 + (0 if single else 1) + (0, 1, 2, 4)[head[4] & 3]
    length = (1 if single else 0, 2, 4, 8)[flag]
    if not head.startswith(_ZSTANDARD) or not length:
        raise ValueError(f"{file} is no Zstandard frame of a known size")
    return int.from_bytes(head[at : at + length], "little") + (256 if length == 2 else 0)
