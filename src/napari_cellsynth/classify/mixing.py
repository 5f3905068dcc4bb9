"""Mixup: pairs of patches are laid over each other, and their classes count as much as they do."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

Mixup = Literal["linear", "nonlinear"]

_GRID = 4
"""Places along a side at which nonlinear mixup draws how much of either patch is seen."""


class Batch(NamedTuple):
    """What a step learns from.

    Attributes
    ----------
    patches : Tensor
        (B, C, S, S) float32 in [-1, 1].
    labels : Tensor
        Classes (B,) int64, or 0/1 (B, K).
    others : Tensor or None
        The labels of what was mixed in, a patch's own where nothing was; None where nothing is mixed at all.
    share : float
        What ``labels`` count for in the loss; the rest is for ``others``.
    """

    patches: torch.Tensor
    labels: torch.Tensor
    others: torch.Tensor | None = None
    share: float = 1.0


def mixed(batch: Batch, alpha: float, kind: Mixup, rows: NDArray[np.int64], rng: np.random.Generator) -> Batch:
    """Return the batch with some patches mixed with one another.

    Parameters
    ----------
    batch : Batch
        Patches and classes.
    alpha : float
        Of the Beta(alpha, alpha) distribution that shares are drawn from; one draw a batch.
    kind : {"linear", "nonlinear"}
        ``linear``: share times one patch plus the rest times the other (Zhang et al. 2018, equation 1).
        ``nonlinear``: every place has a share of its own (as every dimension has in Guo 2020); classes count with
        the mean. Shares are drawn on a 4 x 4 grid and vary smoothly in between, which is ours: with independent pixels
        every mean would be one half. S3 names nonlinear mixup (Rana et al. 2022) without defining it.
    rows : ndarray of int
        Which patches take part; each is mixed with one of these.
    rng : Generator
        Where shares and partners are drawn from.
    """
    x, y = batch.patches, batch.labels
    index = torch.from_numpy(rows).to(x.device)
    partner = torch.from_numpy(rng.permutation(rows)).to(x.device)
    if kind == "linear":
        share = float(rng.beta(alpha, alpha))
        seen = torch.full((1, 1, 1, 1), share, device=x.device)
    else:
        grid = torch.from_numpy(rng.beta(alpha, alpha, (1, 1, _GRID, _GRID)).astype(np.float32)).to(x.device)
        seen = interpolate(grid, size=x.shape[-2:], mode="bilinear", align_corners=True)
        share = float(seen.mean())
    laid = seen * x[index] + (1 - seen) * x[partner]
    return Batch(x.index_copy(0, index, laid), y, y.index_copy(0, index, y[partner]), share)
