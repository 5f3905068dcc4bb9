"""What a classifier said about the held-out crops, one file a run: the source of every figure and of the mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.atomic import replacing
from napari_cellsynth.errors import UserError

FILE = "held_out.npz"


class HeldOut(NamedTuple):
    """True classes 0..K-1, int64 (N,), and calibrated probabilities, float32 (N, K), in the order of the run's test."""

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]


def write_held_out(folder: Path, labels: ArrayLike, probabilities: ArrayLike) -> Path:
    """Keep a run's held-out answers in its folder, in one atomic step, and return the file."""
    path = folder / FILE
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, labels=np.asarray(labels, np.int64), probabilities=np.asarray(probabilities, np.float32))
    return path


def read_held_out(folder: Path) -> HeldOut:
    """Return a run's held-out answers.

    Raises
    ------
    UserError
        If the run has none, or the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        raise UserError(f"{folder.name} has no answers on held-out crops.", "Hold out a group, then train again.")
    try:
        with np.load(path, allow_pickle=False) as kept:
            return HeldOut(kept["labels"], kept["probabilities"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} is damaged.", "Train again.") from error
