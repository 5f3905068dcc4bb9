"""Features of patches for classifiers: of the object in the middle, and of the patch as a whole."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from napari_cellsynth.imaging.features.objects import Columns, Objects
from napari_cellsynth.imaging.features.table import content, object_features
from napari_cellsynth.imaging.morphology import fill_holes, otsu_threshold

_PAD = 4
"""Pixels between two patches, so that no filter reaches from one into the other."""


_NUMBERED = re.compile(r"(?<=lbp)\d_\d+$|(?<=glcm)\d_[a-z]+$|(?<=[hm]u)\d+$|_\d+$")


def patch_features(patches: NDArray[np.floating[Any]]) -> pd.DataFrame:
    """Measure patches: the object in the middle of each, and the whole of it.

    The object is always found in the patch itself (see `foreground`), for crops of projects with masks too. Synthetic
    patches and imported boxes have no masks: were real crops measured by their masks and synthetic ones by Otsu's, a
    classifier would learn to tell the two ways of segmenting apart. One way for all keeps the two alike.

    Parameters
    ----------
    patches : ndarray of float, shape (N, C, S, S)
        In [-1, 1], as networks see them, so that the depth of the images does not matter.

    Returns
    -------
    DataFrame
        One row a patch, float64, without NaN: the columns of `object_features`, then ``patch_foreground`` (share of
        the patch that is foreground), ``patch_pieces`` (into how many pieces it falls), and with ``patch_`` before
        the name the moments, histogram and texture of each channel over the whole patch.
    """
    count, _, height, width = patches.shape
    padded = np.pad(np.asarray(patches, np.float64), ((0, 0), (0, 0), (_PAD, _PAD), (_PAD, _PAD)), mode="edge")
    strip = padded.transpose(1, 0, 2, 3).reshape(patches.shape[1], -1, width + 2 * _PAD)
    masks, share, pieces = foreground(patches)
    number = np.arange(1, count + 1)[:, None, None]
    table = object_features(strip, _strip(masks * number), low=-1.0, high=1.0)
    whole = Objects.of_labels(_strip(np.broadcast_to(number, (count, height, width))))
    columns: Columns = {"patch_foreground": share, "patch_pieces": pieces}
    for channel, plane in enumerate(strip):
        found = content(whole, np.clip((plane + 1) / 2, 0, 1))
        columns |= {f"patch_c{channel}_{name}": value for name, value in found.items()}
    return pd.concat([table, pd.DataFrame(columns, index=table.index)], axis=1).reset_index(drop=True)


def feature_names(channels: int) -> list[str]:
    """Return the names of the columns of `patch_features` for patches with so many channels."""
    return list(patch_features(np.zeros((1, channels, 16, 16), np.float32)).columns)


def families(names: list[str]) -> dict[str, list[int]]:
    """Return which columns belong together, by the name that they share before their number.

    ``c0_histogram_00`` … ``c0_histogram_31`` are the family ``c0_histogram``; ``area`` is a family of its own.
    """
    found: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        found.setdefault(_NUMBERED.sub("", name), []).append(number)
    return found


def foreground(
    patches: NDArray[np.floating[Any]],
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Find the object in the middle of each patch.

    Foreground is what differs from the patch's border, whether it is lighter or darker: the distance of every pixel
    from the median of the border pixels, over all channels, smoothed a little (Gaussian, σ = side / 64), above Otsu's
    threshold; holes are filled. The object is the connected piece with the greatest weight around the centre
    (Gaussian, σ = side / 6), so that specks and neighbours do not count.

    Parameters
    ----------
    patches : ndarray of float, shape (N, C, S, S)
        Patches.

    Returns
    -------
    masks : ndarray of bool, shape (N, S, S)
        The objects; the whole patch where nothing differs from the border.
    share : ndarray of float, shape (N,)
        Share of the patch that is foreground.
    pieces : ndarray of float, shape (N,)
        Connected pieces of at least 1 % of the patch.
    """
    count, _, height, width = patches.shape
    edge = np.ones((height, width), bool)
    edge[1:-1, 1:-1] = False
    border = np.median(patches[:, :, edge], axis=2)[:, :, None, None]
    apart = np.sqrt(((patches - border) ** 2).mean(axis=1))
    apart = ndimage.gaussian_filter(apart.astype(np.float64), min(height, width) / 64, axes=(1, 2))
    over = np.stack([plane > otsu_threshold(plane) for plane in apart]) if count else apart > 0
    over = fill_holes(_strip(over)).reshape(count, height + 2 * _PAD, -1)[:, _PAD:-_PAD, _PAD:-_PAD]
    flat = np.zeros((3, 3, 3), bool)
    flat[1] = True
    parts, found = ndimage.label(over, structure=flat)
    area = np.bincount(parts.ravel(), minlength=found + 1)
    y, x = np.ogrid[:height, :width]
    far = (y - (height - 1) / 2) ** 2 / (height / 6) ** 2 + (x - (width - 1) / 2) ** 2 / (width / 6) ** 2
    # Beyond the Gaussian's reach 1/r² decides, so that the nearest of far pieces wins.
    near = np.broadcast_to(np.exp(-far / 2) + 1e-9 / (1 + far), parts.shape)
    weight = np.bincount(parts.ravel(), weights=near.ravel(), minlength=found + 1)
    weight[0] = 0
    owner = np.zeros(found + 1, np.int64)
    at = np.nonzero(parts)
    owner[parts[at]] = at[0]
    best = np.zeros(count, np.int64)
    rising = np.argsort(weight[1:], kind="stable") + 1
    best[owner[rising]] = rising
    masks = (parts == best[:, None, None]) & (parts > 0)
    masks[best == 0] = True
    large = np.flatnonzero(area >= 0.01 * height * width)
    large = large[large > 0]
    return masks, over.mean(axis=(1, 2)), np.bincount(owner[large], minlength=count).astype(np.float64)


def _strip(stack: NDArray[Any]) -> NDArray[Any]:
    """Return a stack (N, Y, X) as one image, its planes one below the other with empty pixels between."""
    padded = np.pad(stack, ((0, 0), (_PAD, _PAD), (_PAD, _PAD)))
    return padded.reshape(-1, padded.shape[2])
