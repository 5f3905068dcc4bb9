"""Figures of paired patches: a patch and its nearest real neighbour, its reconstruction, or its match.

They say how alike the two patches of a pair are, pixel by pixel, and nothing about how real unpaired patches look.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError

Patches = NDArray[np.float32]
Floats = NDArray[np.float64]

RANGE = 2.0
"""Patches lie in [-1, 1]. The range is this one, whatever a batch holds."""
MOST_PSNR = 100.0
"""Decibels; two equal patches have an infinite ratio, which would swallow every mean."""
_LEAST_SSIM, _SIGMA = 11, 1.5
"""Side of the Gaussian window of the structural similarity and its standard deviation, pixels."""


def psnr(first: Patches, second: Patches) -> float:
    """Return the mean peak signal-to-noise ratio of pairs of patches, in decibels; higher is more alike.

    Parameters
    ----------
    first, second : ndarray of float32, shape (N, C, Y, X)
        In [-1, 1]; patch i of one goes with patch i of the other.

    Returns
    -------
    float
        ``10 log10(4 / mean squared difference)``, averaged over pairs; infinite where a pair is equal.

    Raises
    ------
    UserError
        If there are no pairs, or the shapes differ.
    """
    return float(_psnr(*_pair(first, second)).mean())


def ssim(first: Patches, second: Patches) -> float:
    """Return the mean structural similarity of pairs of patches; 1 for equal ones.

    Parameters and errors as for `psnr`; the patches need at least 11 pixels a side. The window is Gaussian with a
    standard deviation of 1.5 pixels; the channels are averaged.
    """
    return float(_ssim(*_pair(first, second)).mean())


def l1(first: Patches, second: Patches) -> float:
    """Return the mean absolute difference of pairs of patches, in units of [-1, 1] (2 is black against white).

    Parameters and errors as for `psnr`.
    """
    return float(_l1(*_pair(first, second)).mean())


def l2(first: Patches, second: Patches) -> float:
    """Return the mean squared difference of pairs of patches, in squared units of [-1, 1].

    Parameters and errors as for `psnr`.
    """
    return float(_l2(*_pair(first, second)).mean())


def pair_figures(first: Patches, second: Patches) -> dict[str, Floats]:
    """Return ``psnr``, ``ssim``, ``l1`` and ``l2`` of each pair.

    ``psnr`` is cut at `MOST_PSNR`; ``ssim`` is left out for patches of less than 11 pixels a side. Parameters and
    errors as for `psnr`; the values have the shape (N,).
    """
    pair = _pair(first, second)
    found = {"psnr": np.minimum(_psnr(*pair), MOST_PSNR)}
    if min(pair[0].shape[2:]) >= _LEAST_SSIM:
        found["ssim"] = _ssim(*pair)
    return {**found, "l1": _l1(*pair), "l2": _l2(*pair)}


def _pair(first: Patches, second: Patches) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = (torch.from_numpy(np.ascontiguousarray(each, dtype=np.float64)) for each in (first, second))
    if a.ndim != 4 or a.shape != b.shape:
        raise UserError(f"Pairs need two sets of the shape (N, C, Y, X), not {tuple(a.shape)} and {tuple(b.shape)}.")
    if len(a) == 0:
        raise UserError("There are no pairs to compare.")
    return a, b


def _psnr(a: torch.Tensor, b: torch.Tensor) -> Floats:
    with np.errstate(divide="ignore"):
        found: Floats = 10 * np.log10(RANGE**2 / _l2(a, b))
    return found


def _ssim(a: torch.Tensor, b: torch.Tensor) -> Floats:
    """Return the structural similarity (Wang et al. 2004, section III), the patches reflected beyond their border."""
    if min(a.shape[2:]) < _LEAST_SSIM:
        raise UserError(f"The structural similarity needs patches of at least {_LEAST_SSIM} pixels a side.")
    reach = 4 * (_LEAST_SSIM // 2,)
    a, b = (torch.nn.functional.pad(each, reach, mode="reflect") for each in (a, b))
    mean_a, mean_b, square_a, square_b, product = (_weighted(each) for each in (a, b, a * a, b * b, a * b))
    variances = (square_a - mean_a**2).clamp(min=0) + (square_b - mean_b**2).clamp(min=0)
    small, smaller = (0.03 * RANGE) ** 2, (0.01 * RANGE) ** 2
    alike = (2 * mean_a * mean_b + smaller) * (2 * (product - mean_a * mean_b) + small)
    return np.asarray((alike / ((mean_a**2 + mean_b**2 + smaller) * (variances + small))).mean(dim=(1, 2, 3)))


def _weighted(x: torch.Tensor) -> torch.Tensor:
    """Return the mean of every window, weighted by a Gaussian; torchmetrics, whose import takes seconds, agrees."""
    places = torch.arange(_LEAST_SSIM, dtype=x.dtype) - _LEAST_SSIM // 2
    weights = torch.exp(-0.5 * (places / _SIGMA) ** 2)
    rows = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    across = torch.nn.functional.conv2d(x, rows, groups=x.shape[1])
    return torch.nn.functional.conv2d(across, rows.transpose(2, 3), groups=x.shape[1])


def _l1(a: torch.Tensor, b: torch.Tensor) -> Floats:
    return np.asarray((a - b).abs().mean(dim=(1, 2, 3)))


def _l2(a: torch.Tensor, b: torch.Tensor) -> Floats:
    return np.asarray(((a - b) ** 2).mean(dim=(1, 2, 3)))
