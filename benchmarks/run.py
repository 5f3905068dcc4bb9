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
TARGET = HERE.parent / "docs" / "benchmarks.md"
BENCHMARKS = (
    "segmentation",
    "dcgan",
    "cellsynth",
    "at_once",
    "classify",
    "frames",
    "growth",
    "labels",
    "window",
    "cold",
    "overlay",
    "gallery",
)


def main() -> None:
    for name in sys.argv[1:] or BENCHMARKS:
        done = subprocess.run(
            [sys.executable, str(HERE / f"{name}.py"), "--json"], check=False, stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            print(f"{name} failed; its rows stay as they were", file=sys.stderr)
            continue
        rows = json.loads(done.stdout.splitlines()[-1])["rows"]  # Qt and napari may talk before it
        write(name, rows)  # at once: a benchmark that fails later takes nothing away
    print(TARGET.read_text())


def write(name: str, rows: list[dict[str, str]]) -> None:
    """Put a benchmark's rows into the table in place of its older ones."""
    keys = ("work", "peer", "ours", "theirs", "ratio", "spread", "aim", "command")
    measured = f"{datetime.date.today()}, {processor()}"
    new = ["| " + " | ".join([*(str(row[key]) for key in keys), measured]) + " |" for row in rows]
    before = TARGET.read_text().splitlines() if TARGET.exists() else []
    table: list[str] = []
    for each in BENCHMARKS:
        old = [line for line in before if line.startswith("|") and f"benchmarks/{each}.py" in line]
        table += new if each == name else old
    versions = ", ".join(f"{each} {version(each)}" for each in ("torch", "scikit-image", "numba", "numpy"))
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
    TARGET.write_text("\n".join(lines) + "\n" + notes(TARGET))


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
