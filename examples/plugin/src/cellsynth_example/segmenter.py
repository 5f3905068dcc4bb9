"""A segmenter: a function from a frame to a label image; its keyword parameters become settings in the dock."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label
from skimage.morphology import remove_small_objects


def bright_spots(image: NDArray[Any], quantile: float = 0.9, smallest_px: int = 30) -> NDArray[np.int64]:
    """Find what is brighter than a quantile of the frame."""
    grey = image if image.ndim == 2 else image.mean(axis=-1)
    kept = remove_small_objects(grey > np.quantile(grey, quantile), max_size=smallest_px)
    return np.asarray(label(kept), np.int64)
