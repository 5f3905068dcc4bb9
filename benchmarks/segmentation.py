"""Segmentation against the same steps with scikit-image, in one process, on a simulated 2098 x 2098 frame.

Run ``python benchmarks/segmentation.py`` (``--json`` for one JSON object). Every figure is the median of the repeats;
the two sides take turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage
from skimage.filters import rank, threshold_otsu
from skimage.measure import label
from skimage.morphology import disk, opening, remove_small_objects

from napari_cellsynth.imaging.entropy import local_entropy
from napari_cellsynth.imaging.segment import segment_colonies
from napari_cellsynth.imaging.simulate import simulate_timelapse

RADIUS, OPENING, MIN_AREA = 9, 5, 500


def peer_filter(frame: np.ndarray) -> np.ndarray:
    return rank.entropy(frame, disk(RADIUS))


def peer_pipeline(frame: np.ndarray) -> np.ndarray:
    texture = peer_filter(frame)
    mask = opening(texture > threshold_otsu(texture), disk(OPENING))
    mask = remove_small_objects(ndimage.binary_fill_holes(mask), max_size=MIN_AREA - 1)
    return label(mask)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(size: int, repeats: int) -> dict[str, Any]:
    frame = simulate_timelapse(1, size, max(1, round(60 * (size / 2098) ** 2)), 0).images[0, 0]
    local_entropy(frame[:64, :64], RADIUS)
    segment_colonies(frame[:64, :64])
    work: dict[str, Callable[[], Any]] = {
        "filter": lambda: local_entropy(frame, RADIUS),
        "filter_peer": lambda: peer_filter(frame),
        "whole": lambda: segment_colonies(frame, radius=RADIUS, opening=OPENING, min_area=MIN_AREA),
        "whole_peer": lambda: peer_pipeline(frame),
    }
    seconds: dict[str, list[float]] = {name: [] for name in work}
    results: dict[str, Any] = {}
    for _ in range(repeats):
        for name, job in work.items():
            taken, results[name] = timed(job)
            seconds[name].append(taken)
    medians = {name: float(np.median(times)) for name, times in seconds.items()}
    ours, theirs = results["whole"] > 0, results["whole_peer"] > 0
    return {
        "size": size,
        "radius": RADIUS,
        "repeats": repeats,
        "seconds": {name: round(value, 4) for name, value in medians.items()},
        "filter_ratio": round(medians["filter_peer"] / medians["filter"], 2),
        "whole_ratio": round(medians["whole_peer"] / medians["whole"], 2),
        "largest_entropy_difference": float(np.abs(results["filter"] - results["filter_peer"]).max()),
        "mask_iou": float((ours & theirs).sum() / (ours | theirs).sum()),
        "objects": int(results["whole"].max()),
        "objects_peer": int(results["whole_peer"].max()),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def rows(result: dict) -> list[dict[str, str]]:
    seconds, table = result["seconds"], []
    same = f"mask IoU {result['mask_iou']:.4f}, entropy within {result['largest_entropy_difference']:.0e}"
    for name, work, aim in (
        ("filter", "entropy filter", "10×"),
        ("whole", "entropy → Otsu → opening → holes → small objects", "6×, IoU ≥ .999"),
    ):
        table.append(
            {
                "work": f"{work}, {result['size']}×{result['size']}, radius {result['radius']}",
                "peer": "scikit-image",
                "ours": f"{seconds[name]:.3f} s",
                "theirs": f"{seconds[name + '_peer']:.2f} s",
                "ratio": f"{result[name + '_ratio']:.1f}×",
                "spread": f"{same} ({result['repeats']} repeats)",
                "aim": aim,
                "command": "`python benchmarks/segmentation.py`",
            }
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--size", type=int, default=2098, help="side of the frame, pixels")
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    result = measure(args.size, args.repeats)
    if args.json:
        print(json.dumps({"rows": rows(result)}))
        return
    seconds = result["seconds"]
    for name, title in (("filter", "entropy filter"), ("whole", "whole segmentation")):
        line = f"{title}: {seconds[name]:.2f} s, with scikit-image {seconds[name + '_peer']:.2f} s"
        print(f"{line}, {result[name + '_ratio']:.1f} times as fast")
    print(f"mask IoU {result['mask_iou']:.6f}, {result['objects']} and {result['objects_peer']} objects")


if __name__ == "__main__":
    main()
