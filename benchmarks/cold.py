"""How long each dock takes to its first paint in a fresh napari, and whether that loaded torch.

Run it on a virtual screen: ``scripts/screen.sh python benchmarks/cold.py``. Each dock is opened in a process of its
own, as napari's menu does it; what napari itself takes is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

COMMAND = "scripts/screen.sh python benchmarks/cold.py"
DOCKS = ("Segment colonies", "Label crops", "Train GANs", "Gallery", "Classify", "Evaluate", "CellSynth workspace")
REPEATS = 3


def opened(name: str) -> None:
    """Open a dock in this process; print seconds and processor seconds to its paint, and whether torch is loaded."""
    import time

    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=True)
    for _ in range(5):
        QApplication.processEvents()
    begun, worked = time.perf_counter(), time.process_time()
    _, dock = viewer.window.add_plugin_dock_widget("napari-cellsynth", name)
    QApplication.processEvents()
    dock.repaint()
    seconds = [time.perf_counter() - begun, time.process_time() - worked]
    print(json.dumps([*seconds, "torch" in sys.modules]))
    viewer.close()


def figures(name: str) -> tuple[list[float], list[float], bool]:
    """Return seconds and processor seconds of fresh processes, and whether any of them loaded torch."""
    found = []
    for _ in range(REPEATS):
        command = [sys.executable, __file__, "--open", name]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found.append(json.loads(next(line for line in said.splitlines() if line.startswith("["))))
    return [each[0] for each in found], [each[1] for each in found], any(each[2] for each in found)


def main() -> None:
    if "--open" in sys.argv:
        opened(sys.argv[-1])
        return
    rows = []
    for name in DOCKS:
        seconds, worked, torch = figures(name)
        loaded = "torch was loaded" if torch else "torch not loaded"
        rows.append(
            {
                "work": f"{name}: opened in a fresh napari, to its first paint",
                "peer": "–",
                "ours": f"{np.median(seconds):.2f} s, of the processor {np.median(worked):.2f} s; {loaded}",
                "theirs": "–",
                "ratio": "–",
                "spread": f"{min(seconds):.2f}–{max(seconds):.2f} s",
                "aim": "< 1 s",
                "command": f"`{COMMAND}`",
            }
        )
    print(json.dumps({"rows": rows}) if "--json" in sys.argv else "\n".join(f"{r['work']}: {r['ours']}" for r in rows))


if __name__ == "__main__":
    main()
