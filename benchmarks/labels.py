"""How long a label takes to be on disk among 50,000 objects, and how long it takes to list them all."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from napari_cellsynth.project import Project

OBJECTS = 50_000
COMMAND = "python benchmarks/labels.py"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        tifffile.imwrite(Path(folder) / "frame.tif", np.zeros((300, 300), np.uint8))
        with Project.create(Path(folder) / "large", classes=["a", "b"]) as project:
            [image_id] = project.add_images([Path(folder) / "frame.tif"])
            corner = np.arange(OBJECTS) % 290
            project.add_boxes(image_id, 0, pd.DataFrame({"y0": corner, "x0": 0, "y1": corner + 5, "x1": 9}))
            listed = [_seconds(project.objects) for _ in range(5)]
            ids = project.objects().index.to_numpy()
            single = [_seconds(lambda i=i: project.label([int(ids[i * 97])], 2)) for i in range(300)]
    rows = [
        {
            "work": f"one label on disk (synchronous), {OBJECTS:,} objects",
            "peer": "–",
            "ours": f"p50 {1000 * np.median(single):.1f} ms, p95 {1000 * np.percentile(single, 95):.1f} ms",
            "theirs": "–",
            "ratio": "–",
            "spread": "–",
            "aim": "p95 < 50 ms",
            "command": f"`{COMMAND}`",
        },
        {
            "work": f"listing {OBJECTS:,} objects with their labels",
            "peer": "–",
            "ours": f"{np.median(listed):.2f} s",
            "theirs": "–",
            "ratio": "–",
            "spread": f"{min(listed):.2f}–{max(listed):.2f} s",
            "aim": "0.5 s",
            "command": f"`{COMMAND}`",
        },
    ]
    print(json.dumps({"rows": rows}) if "--json" in sys.argv else pd.DataFrame(rows).T.to_string())


def _seconds(work: object) -> float:
    start = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
