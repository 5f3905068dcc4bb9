"""One table of features for all objects of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import intensity_range
from napari_cellsynth.imaging.features.density import edge_profile, histogram, radial_profile
from napari_cellsynth.imaging.features.membrane import membrane
from napari_cellsynth.imaging.features.moments import moments
from napari_cellsynth.imaging.features.objects import Columns, Objects
from napari_cellsynth.imaging.features.shape import shape
from napari_cellsynth.imaging.features.texture import binary_patterns, co_occurrence


def object_features(
    image: NDArray[Any],
    labels: NDArray[np.integer[Any]],
    *,
    pixel_size_nm: float | None = None,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
) -> pd.DataFrame:
    """Measure every object of an image: outline, moments, intensities, profiles and texture.

    Parameters
    ----------
    image : ndarray, shape (C, Y, X)
        Intensities of any real dtype.
    labels : ndarray of int, shape (Y, X)
        0 is background; every other value is one object.
    pixel_size_nm : float, optional
        Side of a pixel in nanometres; adds ``maximum_width_nm``, ``length_nm`` (S4: the diameter) and ``area_nm2``.
    low, high : array_like, shape (C,), optional
        The intensities that become 0 and 1, beyond which is clipped; the image's own 0.1 and 99.9 percentiles if not
        given. Give them wherever the tables of several images are compared.

    Returns
    -------
    DataFrame
        Indexed by ``label``, float64, without NaN. Figures of the outline and of the mask's moments stand first; those
        of channel c begin with ``c{c}_``. ``docs/features.md`` lists them; their formulas and sources are in `shape`,
        `moments`, `density` and `texture`.

    Raises
    ------
    UserError
        If image and labels differ in size, the image holds NaN, or the range or the pixel size is not positive.
    """
    image, labels = np.asarray(image), np.asarray(labels)
    bottom, top = _range(image, labels, low, high)
    if pixel_size_nm is not None and not (np.isfinite(pixel_size_nm) and pixel_size_nm > 0):
        raise UserError(f"A pixel is {pixel_size_nm} nm wide.", "Give the side of a pixel, more than 0 nm.")
    objects = Objects.of_labels(labels)
    edges = membrane(objects)
    columns = shape(objects, edges) | moments(objects)
    if pixel_size_nm is not None:
        columns["maximum_width_nm"] = columns["maximum_width"] * pixel_size_nm
        columns["length_nm"] = columns["diameter"] * pixel_size_nm
        columns["area_nm2"] = columns["area"] * pixel_size_nm**2

    def of_channel(plane: NDArray[np.float64]) -> Columns:
        values = plane[objects.y, objects.x]
        profiles = radial_profile(objects, values) | edge_profile(objects, edges, plane)
        return content(objects, plane) | profiles

    columns |= _by_channel(image, bottom, top, of_channel)
    return pd.DataFrame(columns, index=pd.Index(objects.ids, name="label"))


def content(objects: Objects, plane: NDArray[np.float64]) -> Columns:
    """Return what can be said of one channel without an outline: moments, histogram and texture.

    Parameters
    ----------
    objects : Objects
        The objects.
    plane : ndarray of float, shape (Y, X)
        Intensities in [0, 1].
    """
    values = plane[objects.y, objects.x]
    return (
        moments(objects, values)
        | histogram(objects, values)
        | binary_patterns(objects, plane)
        | co_occurrence(objects, plane)
    )


def _by_channel(
    image: NDArray[Any],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    measure: Callable[[NDArray[np.float64]], Columns],
) -> Columns:
    columns: Columns = {}
    for channel, plane in enumerate(image):
        unit = np.clip((plane.astype(np.float64) - low[channel]) / (high[channel] - low[channel]), 0, 1)
        columns |= {f"c{channel}_{name}": value for name, value in measure(unit).items()}
    return columns


def _range(
    image: NDArray[Any], labels: NDArray[Any], low: ArrayLike | None, high: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the intensity range of each channel (C,), after a look at what was given."""
    if image.ndim != 3 or image.shape[1:] != labels.shape:
        raise UserError(
            f"The image is {image.shape} and its labels are {labels.shape}.", "Give (C, Y, X) and (Y, X) of one size."
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise UserError("The image holds NaN or infinite values.", "Leave it out, or mend it.")
    found = (0.0, 1.0) if low is not None and high is not None else intensity_range([image])
    bounds = np.empty((2, image.shape[0]), np.float64)
    bounds[0], bounds[1] = found[0] if low is None else low, found[1] if high is None else high
    if not (np.isfinite(bounds).all() and (bounds[1] > bounds[0]).all()):
        raise UserError("The intensity range of the image is empty.", "Give a high above the low in each channel.")
    return bounds[0], bounds[1]
