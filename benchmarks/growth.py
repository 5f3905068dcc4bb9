"""How time and memory grow: with frames, objects, synthetic patches and classes; the exponents of fitted power laws.

Run ``python benchmarks/growth.py``. Every size is done in a process of its own, several times; an exponent is the slope
of a straight line through the logarithms of the medians (of the larger half of the sizes, where a start that costs the
same each time weighs little). Memory is what the work adds to the process at its peak. 1 is linear; n log n shows as
1.1 or so over these ranges.

``frames``: segmenting so many frames of 256×256. ``objects``: putting so many boxes into a project and listing them.
``patches``: adding so many synthetic patches of 16×16 and reading their table. ``classes``: 20 steps of the classifier
`fast` on 480 crops of so many classes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from napari_cellsynth.project import Project
from peak import peak_mb

SIZES = {
    "frames": (6, 12, 24, 48, 96, 192, 384, 720),
    "objects": (100, 1_000, 10_000, 100_000),
    "patches": (100, 1_000, 10_000, 100_000),
    "classes": (2, 4, 8, 15, 30),
}
"""With --long patches go to a million."""


def frames(place: Path, count: int) -> None:
    from napari_cellsynth.jobs.run import do

    do(place, "segment", radius=5, opening=2, min_area=50)


def objects(place: Path, count: int) -> None:
    side = int(np.ceil(np.sqrt(count)))
    y, x = np.divmod(np.arange(count), side)
    boxes = pd.DataFrame({"y0": y, "x0": x, "y1": y + 1, "x1": x + 1})
    with Project.open(place) as project:
        project.set_objects(1, 0, boxes, None)
        assert len(project.objects()) == count


def patches(place: Path, count: int) -> None:
    with Project.open(place) as project:
        run, class_id = project.runs("gan")[0], project.classes()[0].id
        for first in range(0, count, 1000):
            some = np.zeros((min(1000, count - first), 1, 16, 16), np.uint8)
            project.add_synthetic(run.id, "made", class_id, 0, first, some)
        assert len(project.synthetic()) == count


def classes(place: Path, count: int) -> None:
    from napari_cellsynth.classify.run import train_classifier

    labels = np.arange(480) % count
    crops = np.random.default_rng(0).uniform(-1, 1, (480, 1, 64, 64)).astype(np.float32)
    train_classifier(crops, labels, "fast", epochs=1, least_steps=20, device="cpu")


WORK = {"frames": frames, "objects": objects, "patches": patches, "classes": classes}


def prepared(kind: str, place: Path, count: int) -> None:
    """Make the project that a piece of work begins with."""
    pixels = np.random.default_rng(0).integers(0, 255, (256, 256), dtype=np.uint8)
    side = max(64, int(np.ceil(np.sqrt(count))))
    with Project.create(place, classes=["a"]) as project:
        if kind == "frames":
            tifffile.imwrite(
                place.with_suffix(".tif"), np.broadcast_to(pixels, (count, 256, 256)), photometric="minisblack"
            )
            project.add_images([place.with_suffix(".tif")])
        if kind == "objects":
            tifffile.imwrite(place.with_suffix(".tif"), np.zeros((side, side), np.uint8))
            project.add_images([place.with_suffix(".tif")])
        if kind == "patches":
            project.new_run("gan", "dcgan", {"recipe": {"size": 16, "fit": "window"}}, groups=[], seed=0)


def be_worker(kind: str, place: Path, count: int) -> None:
    # What is loaded and compiled once is no part of the growth.
    if kind == "classes":
        import torch  # noqa: F401
    if kind == "frames":
        from napari_cellsynth.imaging.segment import segment_colonies

        segment_colonies(np.random.default_rng(0).integers(0, 255, (256, 256), dtype=np.uint8), 5, 2, 50)
    before = peak_mb()
    began = time.perf_counter()
    WORK[kind](place, count)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "memory": max(0.1, peak_mb() - before)}))


def once(kind: str, count: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "p.cellsynth"
        prepared(kind, place, count)
        command = [sys.executable, __file__, "--work", kind, str(place), str(count)]
        told = json.loads(
            subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
        )
    return told["seconds"], told["memory"]


def exponent(sizes: list[int], values: list[float]) -> float:
    """Return the slope through the logarithms of the larger half of the sizes, of three at least."""
    last = max(min(3, len(sizes)), -(-len(sizes) // 2))
    return float(np.polyfit(np.log(sizes[-last:]), np.log(values[-last:]), 1)[0])


def row(kind: str, sizes: list[int], rounds: int) -> dict[str, str]:
    taken = [[once(kind, size) for size in sizes] for _ in range(rounds)]
    medians = [
        [statistics.median(turn[place][which] for turn in taken) for place in range(len(sizes))] for which in (0, 1)
    ]
    each = sorted(exponent(sizes, [seconds for seconds, _ in turn]) for turn in taken)
    return {
        "work": f"growth with {kind}, {sizes[0]:,} to {sizes[-1]:,}",
        "peer": "–",
        "ours": f"time ~ n^{exponent(sizes, medians[0]):.2f} ({medians[0][0]:.2f} to {medians[0][-1]:.2f} s), "
        f"memory ~ n^{exponent(sizes, medians[1]):.2f} ({medians[1][0]:,.0f} to {medians[1][-1]:,.0f} MB more)",
        "theirs": "–",
        "ratio": "–",
        "spread": f"{each[0]:.2f}–{each[-1]:.2f}",
        "aim": "time ≤ n log n; memory flat" if kind == "frames" else "≤ n log n",
        "command": "`python benchmarks/growth.py`",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", nargs="*", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=0, help="leave larger sizes out")
    parser.add_argument("--long", action="store_true", help="patches up to a million")
    parser.add_argument("--work", nargs=3, metavar=("KIND", "PROJECT", "COUNT"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.work:
        be_worker(told.work[0], Path(told.work[1]), int(told.work[2]))
        return
    rows = []
    for kind in told.only:
        sizes = [*SIZES[kind], *([1_000_000] if told.long and kind == "patches" else [])]
        sizes = [size for size in sizes if not told.most or size <= told.most]
        if len(sizes) > 1:
            rows.append(row(kind, sizes, told.rounds))
    if told.json:
        print(json.dumps({"rows": rows}))
        return
    for each in rows:
        print(f"{each['work']}: {each['ours']} ({each['spread']})")


if __name__ == "__main__":
    main()
