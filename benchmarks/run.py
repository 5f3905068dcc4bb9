"""Run every benchmark alone, one after the other, and write docs/benchmarks.md."""

from __future__ import annotations

import datetime
import json
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = (
    "segmentation",
    "dcgan",
    "cellsynth",
    "at_once",
    "classify",
    "labels",
    "window",
    "cold",
    "overlay",
    "gallery",
)


def main() -> None:
    rows: list[dict[str, str]] = []
    for name in BENCHMARKS:
        done = subprocess.run(
            [sys.executable, str(HERE / f"{name}.py"), "--json"],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        rows += json.loads(done.stdout.splitlines()[-1])["rows"]  # Qt and napari may talk before it
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "scikit-image", "numba", "numpy"))
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. A ratio is product against peer in one process run, the two taking turns; medians.",
        "",
        f"{datetime.date.today()} · {processor()} · Python {platform.python_version()} · {versions}",
        "",
        "| work | peer | product | peer's | ratio | spread of the ratio | aim | repeat with |",
        "|---|---|---|---|---|---|---|---|",
    ]
    keys = ("work", "peer", "ours", "theirs", "ratio", "spread", "aim", "command")
    lines += ["| " + " | ".join(str(row[key]) for key in keys) + " |" for row in rows]
    target = HERE.parent / "docs" / "benchmarks.md"
    target.write_text("\n".join(lines) + "\n" + notes(target))
    print(target.read_text())


def notes(document: Path) -> str:
    """Return what people wrote below the table: all from the first heading of the second level on."""
    _, heading, rest = (document.read_text() if document.exists() else "").partition("\n## ")
    return heading + rest


def processor() -> str:
    import os

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        name = next(
            (line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")),
            name,
        )
    return f"{name}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
