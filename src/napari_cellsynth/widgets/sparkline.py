"""A histogram in one line of text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: NDArray[Any], bins: int = 12) -> str:
    """Return the histogram of positive `values` (log scale, 1st to 99th percentile) as a line of blocks."""
    logs = np.log(np.maximum(values.astype(np.float64), 1.0))
    low, high = np.percentile(logs, [1, 99])
    counts, _ = np.histogram(logs, bins=bins, range=(low, max(high, low + 1e-9)))
    top = max(1, counts.max())
    return "".join(BARS[round(count / top * (len(BARS) - 1))] for count in counts)
