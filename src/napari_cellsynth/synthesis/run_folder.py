"""The files of one GAN run: the resumable state, the kept generators, the figures and the sample sheets."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellsynth.atomic import replacing, write_text
from napari_cellsynth.errors import UserError

STATE = "state.safetensors"
"""The newest state: networks, average, optimisers, random numbers. Training resumes from it."""

FIGURES = "metrics.csv"

CHOSEN = "chosen.json"
"""Which kept generator patches are drawn from."""


def generator_name(step: int) -> str:
    """Return the name of the averaged generator kept at a step; its file adds ``.safetensors``."""
    return f"step-{step:07d}"


def checkpoints(folder: Path) -> list[str]:
    """Return the names of a run's kept generators, oldest first."""
    return sorted(path.stem for path in folder.glob("step-*.safetensors"))


def newest_checkpoint(folder: Path) -> str:
    """Return the name of a run's newest generator.

    Raises
    ------
    UserError
        If the run has none yet.
    """
    names = checkpoints(folder)
    if not names:
        raise UserError(f"The run {folder} has no checkpoint.", "Train it first.")
    return names[-1]


def choose(folder: Path, name: str, score: float) -> None:
    """Record which generator is drawn from, and its score (lower is better)."""
    write_text(folder / CHOSEN, json.dumps({"checkpoint": name, "score": score}))


def chosen(folder: Path) -> tuple[str, float] | None:
    """Return the generator that was chosen and its score; None where none was, or its file is gone."""
    try:
        told = json.loads((folder / CHOSEN).read_text(encoding="utf-8"))
        name, score = str(told["checkpoint"]), float(told["score"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (name, score) if name in checkpoints(folder) else None


def best_checkpoint(folder: Path) -> str:
    """Return the name of the generator to draw from: the chosen one, else the newest.

    Raises
    ------
    UserError
        If the run has none yet.
    """
    found = chosen(folder)
    return newest_checkpoint(folder) if found is None else found[0]


def checkpoint_path(folder: Path, name: str) -> Path:
    """Return the file of a generator, where ``best`` means the one that was chosen, else the newest.

    Raises
    ------
    UserError
        If the run has no such generator.
    """
    known = checkpoints(folder)
    name = best_checkpoint(folder) if name == "best" else name
    if name not in known:
        raise UserError(f"The run {folder} has no checkpoint {name!r}.", f"It has {', '.join(known) or 'none'}.")
    return folder / f"{name}.safetensors"


class Figures:
    """``metrics.csv``: one row of figures at a time, each on disk before the next.

    Parameters
    ----------
    folder : Path
        The run's folder.
    after : int
        The step that the run goes on from; rows of later steps, of a run that was cut off, are dropped.
    """

    def __init__(self, folder: Path, after: int) -> None:
        self._path = folder / FIGURES
        if not self._path.exists():
            return
        with self._path.open(newline="", encoding="utf-8") as file:
            head, *rows = list(csv.reader(file)) or [[]]
        kept = [row for row in rows if len(row) == len(head) and int(row[0]) <= after]
        with replacing(self._path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([head, *kept] if kept else [])

    def append(self, step: int, values: Mapping[str, float]) -> None:
        """Add the figures of a step."""
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if file.tell() == 0:
                writer.writerow(["step", *values])
            writer.writerow([step, *(f"{value:.6g}" for value in values.values())])


def sample_sheet(patches: NDArray[np.float32], columns: int = 8) -> Image.Image:
    """Return patches side by side as one picture, with a thin gap.

    Parameters
    ----------
    patches : ndarray
        Float32 (N, C, S, S) in [-1, 1]; three channels are red, green and blue, else the first is shown.
    columns : int
        Patches in a row.
    """
    count, channels, height, width = patches.shape
    shown = patches if channels == 3 else patches[:, :1]
    pixels = np.clip(np.rint((shown + 1) * 127.5), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 2), columns * (width + 2), shown.shape[1]), 128, np.uint8)
    for number, patch in enumerate(pixels):
        top, left = (number // columns) * (height + 2) + 1, (number % columns) * (width + 2) + 1
        sheet[top : top + height, left : left + width] = patch
    return Image.fromarray(sheet if sheet.shape[2] == 3 else sheet[:, :, 0])


def save_sheet(folder: Path, step: int, patches: NDArray[np.float32]) -> None:
    """Keep the sample patches of a step as ``samples/step-….png``."""
    (folder / "samples").mkdir(exist_ok=True)
    sample_sheet(patches).save(folder / "samples" / f"{generator_name(step)}.png")
