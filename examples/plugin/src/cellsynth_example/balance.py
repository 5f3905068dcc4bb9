"""A way to balance classes: a function from the number of crops of each class to how often each is drawn in a pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def square_root(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Draw classes by the square root of their size, as many crops in all as there are."""
    roots = np.sqrt(counts)
    return np.asarray(counts.sum() * roots / roots.sum(), np.float64)
