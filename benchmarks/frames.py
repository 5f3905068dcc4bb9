"""A time-lapse from files to the table of objects and predictions: frames a second, and the most memory it takes.

Run ``python benchmarks/frames.py``. A series of 2098×2098 frames of 16 bits (some 26 colonies each) is written, linked,
segmented, and every object predicted with a small network, each in a process of its own whose peak memory is read at
its end. There is no peer: the aim is a memory that does not grow with the frames (48 under 1.5 GB), so a quarter of the
frames is done too. The classifier is trained on a few crops beforehand.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import tifffile

from napari_cellsynth.jobs.run import do
from napari_cellsynth.project import Project
from peak import peak_mb

TINY = {"size": 64, "epochs": 1, "least_steps": 10}


def write(folder: Path, frames: int, side: int) -> None:
    """Write frames of rough round colonies, 26 a frame of full size: a few different ones over and over."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    y, x = np.mgrid[:side, :side]
    kinds = []
    for _ in range(4):
        rough = np.zeros((side, side), bool)
        for cy, cx in rng.uniform(60, side - 60, (max(4, round(26 * (side / 2098) ** 2)), 2)):
            rough |= (y - cy) ** 2 + (x - cx) ** 2 < rng.uniform(20, 45) ** 2
        noise = rng.normal(0, 1, rough.shape)
        kinds.append((2000 + noise * np.where(rough, 600, 20)).clip(0, 65535).astype(np.uint16))
    for t in range(frames):
        tifffile.imwrite(folder / f"t{t:04d}.tif", np.roll(kinds[t % 4], 7 * t, axis=1))


def alone(work: str, place: Path, *given: str) -> tuple[float, float]:
    """Do a piece of work in a process of its own; return its seconds, without the start, and its peak memory in MB."""
    command = [sys.executable, __file__, "--work", work, str(place), *given]
    process = psutil.Popen(command, stdout=subprocess.PIPE, text=True)
    told = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{work} failed")
    done = json.loads(told.splitlines()[-1])
    return done["seconds"], done["memory"]


def be_worker(work: str, place: Path, given: list[str]) -> None:
    began = time.perf_counter()
    do(place, work, **json.loads(given[0]))
    print(json.dumps({"seconds": time.perf_counter() - began, "memory": peak_mb()}))


def trained(place: Path) -> str:
    """Label the larger half of the objects as one class and the smaller as another, train, and return the run."""
    with Project.open(place) as project:
        table = project.objects().head(200)
        large = table["area"] > table["area"].median()
        first, second = (record.id for record in project.classes())
        project.label(table.index[large].tolist(), first)
        project.label(table.index[~large].tolist(), second)
        project.set_split(dict.fromkeys(project.splits(), "train"))
    return str(do(place, "train-classifier", recipe="hescnet", overrides=TINY | {"width": 0.25})["run"])


def measure(frames: int, side: int) -> list[dict[str, str]]:
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for count in (max(2, frames // 4), frames):
            folder, place = Path(scratch) / f"{count}", Path(scratch) / f"{count}.cellsynth"
            write(folder, count, side)
            with Project.create(place, classes=["large", "small"]) as project:
                project.add_images([folder])
            segmented = alone("segment", place, "{}")
            run = trained(place)
            predicted = alone("predict", place, json.dumps({"run": run}))
            with Project.open(place, read_only=True) as project:
                objects = len(project.objects())
            for work, (seconds, memory) in (("segmenting", segmented), ("predicting", predicted)):
                rows.append(
                    {
                        "work": f"{work} {count} frames of {side}×{side}, 16 bits ({objects:,} objects), file to table",
                        "peer": "–",
                        "ours": f"{count / seconds:.2f} frames/s ({seconds:.0f} s), peak {memory:,.0f} MB",
                        "theirs": "–",
                        "ratio": "–",
                        "spread": "–",
                        "aim": "peak < 1,500 MB, flat in frames" if work == "segmenting" else "flat in frames",
                        "command": f"`python benchmarks/frames.py --frames {frames}`",
                    }
                )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--frames", type=int, default=720)
    parser.add_argument("--side", type=int, default=2098, help="of a frame, pixels")
    parser.add_argument("--work", nargs=3, metavar=("WORK", "PROJECT", "PARAMETERS"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.work:
        be_worker(told.work[0], Path(told.work[1]), told.work[2:])
        return
    rows = measure(told.frames, told.side)
    if told.json:
        print(json.dumps({"rows": rows}))
        return
    for each in rows:
        print(f"{each['work']}: {each['ours']}")


if __name__ == "__main__":
    main()
