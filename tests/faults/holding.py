"""What a process holds: memory, threads, open files, memory of the GPU; and how fast that grows."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def held() -> dict[str, int]:
    """Return the bytes in memory, threads, open files and bytes of the GPU of this process (Linux)."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    told = {"bytes": resident, "threads": len(os.listdir("/proc/self/task")), "files": len(os.listdir("/proc/self/fd"))}
    torch = sys.modules.get("torch")
    told["gpu"] = int(torch.cuda.memory_allocated()) if torch is not None and torch.cuda.is_available() else 0
    return told | {"python_threads": threading.active_count()}


def growth(values: Sequence[float]) -> float:
    """Return by how much a value grows a round: the median slope over the later two thirds of the rounds.

    Theil and Sen's: the median over all pairs, which a single large allocation does not move.
    """
    later = np.asarray(values[len(values) // 3 :], float)
    first, second = np.triu_indices(len(later), 1)
    return float(np.median((later[second] - later[first]) / (second - first)))
