"""Ragged crops on a device, and batches of fixed-size windows out of them without a loop over samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import UserError


class CropStore:
    """Crops of different sizes in one flat buffer on a device, in their raw dtype.

    The buffer holds pixels as rows of channels, so that one gather of whole pixels cuts a batch of windows,
    and the batch comes out in channels-last memory, which convolutions are fastest in. uint8 stays uint8;
    uint16 is kept exactly in two bytes (shifted into int16); everything else becomes float32.

    Parameters
    ----------
    crops : sequence of ndarray
        Arrays (C, h, w) of real numbers, all with the same C; h and w are at least `size` and may differ.
    low, high : array_like
        Per channel (C,), or one number: the raw intensities that become -1 and 1; beyond them is clipped.
    size : int
        Side of the windows in pixels.
    device : torch.device or str
        Where the buffer lives.
    classes : array_like of int, optional
        Class of each crop, 0 to K - 1; batches are then drawn class by class.

    Attributes
    ----------
    classes : Tensor
        Class of each crop, int64 (N,); all 0 where none were given.
    n_classes : int
        K; 0 where no classes were given.

    Raises
    ------
    UserError
        If there are no crops, one is smaller than `size`, their channels differ, or they hold NaN.
    """

    def __init__(
        self,
        crops: Sequence[NDArray[Any]],
        low: ArrayLike,
        high: ArrayLike,
        size: int,
        device: torch.device | str = "cpu",
        classes: ArrayLike | None = None,
    ) -> None:
        _check(crops, size)
        self.channels = int(crops[0].shape[0])
        self.size = int(size)
        self.device = torch.device(device)
        flat, shift = _raw_pixels(crops)
        self._flat = torch.from_numpy(flat).to(self.device)
        for given in (low, high):
            if np.ndim(given) and len(np.asarray(given)) not in (1, self.channels):
                raise UserError(
                    f"These crops have {self.channels} channel{'s' * (self.channels > 1)}, but the intensity range is "
                    f"of {len(np.asarray(given))}.",
                    "Use images with the same channels as in the training.",
                )
        bounds = np.empty((2, self.channels), np.float64)
        bounds[0], bounds[1] = low, high
        if not np.all(np.isfinite(bounds)) or np.any(bounds[1] <= bounds[0]):
            raise UserError("The intensity range of the crops is empty.", "Give a high above the low in each channel.")
        middle, scale = (bounds[0] + bounds[1]) / 2 - shift, 2 / (bounds[1] - bounds[0])
        self._middle = torch.tensor(middle, dtype=torch.float32, device=self.device)
        self._scale = torch.tensor(scale, dtype=torch.float32, device=self.device)
        shapes = np.array([crop.shape[1:] for crop in crops], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(shapes.prod(axis=1))[:-1]])
        self._heights = torch.from_numpy(shapes[:, 0].copy()).to(self.device)
        self._widths = torch.from_numpy(shapes[:, 1].copy()).to(self.device)
        self._starts = torch.from_numpy(starts).to(self.device)
        self._reach = torch.arange(self.size, device=self.device)
        given = np.zeros(len(crops), np.int64) if classes is None else np.asarray(classes, np.int64)
        self.n_classes = 0 if classes is None else int(given.max()) + 1
        self.classes = torch.from_numpy(given.copy()).to(self.device)
        counts = np.bincount(given, minlength=1)
        if len(given) != len(crops) or given.min(initial=0) < 0:
            raise UserError("Every crop needs a class, counted from 0.", "Give one class number for each crop.")
        self._empty = next((number for number, count in enumerate(counts) if not count), None)
        self._by_class = torch.from_numpy(np.argsort(given, kind="stable")).to(self.device)
        self._class_counts = torch.from_numpy(counts).to(self.device)
        self._class_starts = torch.from_numpy(np.cumsum(counts) - counts).to(self.device)

    @classmethod
    def from_patches(
        cls,
        patches: NDArray[np.float32],
        device: torch.device | str = "cpu",
        *,
        size: int | None = None,
        classes: ArrayLike | None = None,
    ) -> CropStore:
        """Return a store of patches that are in [-1, 1] already; they come out unchanged.

        Parameters
        ----------
        patches : ndarray
            Float32 (N, C, Y, X) in [-1, 1].
        device : torch.device or str
            Where the buffer lives.
        size : int, optional
            Side of the windows; the patches' shorter side if not given.
        classes : array_like of int, optional
            Class of each patch, 0 to K - 1.

        Raises
        ------
        UserError
            If the array has another shape, is empty, or leaves [-1, 1].
        """
        patches = np.asarray(patches, dtype=np.float32)
        if patches.ndim != 4 or 0 in patches.shape:
            raise UserError(
                f"Patches must have the shape (N, C, Y, X), not {patches.shape}.",
                "Add the missing axis, for example patches[:, None] for grey images.",
            )
        if not np.all(np.abs(patches) <= 1 + 1e-6):
            raise UserError("Patches must lie in [-1, 1].", "Rescale them, for example uint8 by x / 127.5 - 1.")
        return cls(list(patches), -1.0, 1.0, min(patches.shape[2:]) if size is None else size, device, classes)

    def __len__(self) -> int:
        return len(self._starts)

    def draw(self, count: int, generator: torch.Generator) -> torch.Tensor:
        """Draw which crops make a batch, with replacement.

        Parameters
        ----------
        count : int
            Crops in the batch.
        generator : torch.Generator
            Where they are drawn from.

        Returns
        -------
        Tensor
            Integers (count,): every crop alike, or, with classes, every class alike and every crop of a class alike,
            so that a rare class is seen as often as a common one.

        Raises
        ------
        UserError
            If a class below the greatest has no crop.
        """
        if not self.n_classes:
            return torch.randint(len(self), (count,), generator=generator, device=generator.device)
        if self._empty is not None:
            raise UserError(f"Class {self._empty} has no crop to learn from.", "Number the classes without gaps.")
        kinds = torch.randint(self.n_classes, (count,), generator=generator, device=generator.device).to(self.device)
        place = torch.rand(count, generator=generator, device=generator.device, dtype=torch.float64).to(self.device)
        of_class = self._class_counts[kinds]
        within = torch.minimum((place * of_class).long(), of_class - 1)
        return self._by_class[self._class_starts[kinds] + within]

    def windows(self, index: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return a random window of each crop of a batch.

        Parameters
        ----------
        index : Tensor
            Integers (B,): which crops; repeats are allowed.
        generator : torch.Generator
            Where the positions are drawn from.

        Returns
        -------
        Tensor
            Float32 (B, C, S, S) in [-1, 1], in channels-last memory.
        """
        drawn = torch.rand((2, len(index)), generator=generator, device=generator.device).to(self.device)
        return self._cut(index.to(self.device), drawn[0], drawn[1], random=True)

    def centred(self, index: torch.Tensor) -> torch.Tensor:
        """Return the middle window of each crop of a batch, float32 (B, C, S, S) in [-1, 1]."""
        half = torch.full((len(index),), 0.5, device=self.device)
        return self._cut(index.to(self.device), half, half, random=False)

    def grid(self, index: torch.Tensor, k: int) -> torch.Tensor:
        """Return `k` windows of each crop, always the same ones, spread evenly over the crop.

        Parameters
        ----------
        index : Tensor
            Integers (B,): which crops.
        k : int
            How many: 1 is the middle one, 4 the corners, 5 the corners and the middle, 9 three by three.

        Returns
        -------
        Tensor
            Float32 (B, k, C, S, S) in [-1, 1].
        """
        places = torch.tensor(_lattice(k), device=self.device)
        index = index.to(self.device).repeat_interleave(k)
        places = places.repeat(len(index) // k, 1)
        cut = self._cut(index, places[:, 0], places[:, 1], random=False)
        return cut.view(-1, k, self.channels, self.size, self.size)

    def exceeds_size(self, index: torch.Tensor) -> bool:
        """Return whether any of these crops is larger than a window, so that its windows differ."""
        index = index.to(self.device)
        return bool(((self._heights[index] > self.size) | (self._widths[index] > self.size)).any())

    def window_counts(self) -> int:
        """Return how many windows fit into the crops side by side, without overlap."""
        return int(((self._heights // self.size) * (self._widths // self.size)).sum())

    def _cut(self, index: torch.Tensor, down: torch.Tensor, right: torch.Tensor, *, random: bool) -> torch.Tensor:
        """Gather one window a sample; `down`, `right` in [0, 1] place it between the first and the last."""
        free_y, free_x = self._heights[index] - self.size, self._widths[index] - self.size
        if random:  # every position is equally likely; float32 rounding may reach the far end, hence the minimum
            top = torch.minimum((down * (free_y + 1)).long(), free_y)
            left = torch.minimum((right * (free_x + 1)).long(), free_x)
        else:
            top, left = (down * free_y).long(), (right * free_x).long()
        rows = self._starts[index, None] + (top[:, None] + self._reach) * self._widths[index, None]
        pixels = rows[:, :, None] + (left[:, None] + self._reach)[:, None, :]
        raw = self._flat.index_select(0, pixels.flatten()).to(torch.float32)
        unit = ((raw - self._middle) * self._scale).clamp_(-1, 1)
        return unit.view(len(index), self.size, self.size, self.channels).permute(0, 3, 1, 2)


def _check(crops: Sequence[NDArray[Any]], size: int) -> None:
    """Raise a UserError for what cannot be cut into windows of this size."""
    if not len(crops):
        raise UserError("There are no crops to train on.", "Label some objects first.")
    channels = {crop.shape[0] if crop.ndim == 3 else -1 for crop in crops}
    if len(channels) != 1 or -1 in channels:
        raise UserError(
            "The crops do not all have the same channels.",
            "Use images with the same number of channels together.",
        )
    for number, crop in enumerate(crops):
        if min(crop.shape[1:]) < size:
            height, width = crop.shape[1:]
            raise UserError(
                f"Crop {number} is {height}×{width} pixels, smaller than the {size}×{size} windows.",
                "Choose a smaller size.",
            )
        if crop.dtype.kind == "f" and not np.all(np.isfinite(crop)):
            raise UserError(f"Crop {number} holds NaN or infinite values.", "Leave its image out, or mend it.")
        if crop.dtype.kind not in "fuib":
            raise UserError(f"Crop {number} is of type {crop.dtype}, not of real numbers.")


def _raw_pixels(crops: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], float]:
    """Return all pixels (P, C) in the smallest exact dtype torch gathers, and what was taken off."""
    kinds = {crop.dtype for crop in crops}
    if kinds == {np.dtype(np.uint8)}:
        return np.concatenate([_rows(crop) for crop in crops]), 0.0
    if kinds == {np.dtype(np.uint16)}:
        shifted = [(_rows(crop).astype(np.int32) - 32768).astype(np.int16) for crop in crops]
        return np.concatenate(shifted), 32768.0
    return np.concatenate([_rows(crop).astype(np.float32) for crop in crops]), 0.0


def _rows(crop: NDArray[Any]) -> NDArray[Any]:
    """Return the pixels of a crop (C, h, w) as rows of channels (h·w, C)."""
    return crop.reshape(crop.shape[0], -1).T


def _lattice(k: int) -> list[tuple[float, float]]:
    """Return `k` places (down, right) in [0, 1], symmetric about the middle."""
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if k == 5:
        return [(0.0, 0.0), (0.0, 1.0), (0.5, 0.5), (1.0, 0.0), (1.0, 1.0)]
    rows = round(k**0.5)
    counts = [k // rows + (row < k % rows) for row in range(rows)]
    return [(_spread(row, rows), _spread(column, count)) for row, count in enumerate(counts) for column in range(count)]


def _spread(position: int, count: int) -> float:
    """Return the place of one of `count` evenly spread things in 0..1; the middle if it is alone."""
    return 0.5 if count == 1 else position / (count - 1)
