"""Run benchmarks alone, one after the other (all, or those named), and write their rows into docs/benchmarks.md."""

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
    chosen = sys.argv[1:] or list(BENCHMARKS)
    target = HERE.parent / "docs" / "benchmarks.md"
    measured = f"{datetime.date.today()}, {processor()}"
    keys = ("work", "peer", "ours", "theirs", "ratio", "spread", "aim", "command")
    new: dict[str, list[str]] = {}
    for name in chosen:
        done = subprocess.run(
            [sys.executable, str(HERE / f"{name}.py"), "--json"], check=True, stdout=subprocess.PIPE, text=True
        )
        rows = json.loads(done.stdout.splitlines()[-1])["rows"]  # Qt and napari may talk before it
        new[name] = ["| " + " | ".join([*(str(row[key]) for key in keys), measured]) + " |" for row in rows]
    before = target.read_text().splitlines() if target.exists() else []
    table: list[str] = []
    for name in BENCHMARKS:
        table += new.get(name, [line for line in before if line.startswith("|") and f"benchmarks/{name}.py" in line])
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "scikit-image", "numba", "numpy"))
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; `make bench ROWS='labels gallery'` measures these again and leaves the others.",
        "A ratio is product against peer in one process run, the two taking turns; medians.",
        "",
        f"Python {platform.python_version()} · {versions}",
        "",
        "| work | peer | product | peer's | ratio | spread of the ratio | aim | repeat with | measured |",
        "|---|---|---|---|---|---|---|---|---|",
        *table,
    ]
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
