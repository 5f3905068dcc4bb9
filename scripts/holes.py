"""What no test runs, from ``coverage json``: branch coverage of each package, and the lines of files below a share.

``holes.py coverage.json [85]``; a share is what coverage.py calls covered: lines and branches together.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

COUNTS = ("covered_lines", "num_statements", "covered_branches", "num_branches")


def main(file: str, wanted: float = 85.0) -> None:
    """Print both tables as Markdown."""
    files = json.loads(Path(file).read_text())["files"]
    packages: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(COUNTS, 0))
    for name, found in files.items():
        folder = Path(name.partition("napari_cellsynth/")[2]).parent
        for package in (str(folder).partition("/")[0], "all"):
            for count in COUNTS:
                packages[package][count] += found["summary"][count]
    print("| package | lines | of them run | branches | of them taken | both |\n|---|---:|---:|---:|---:|---:|")
    for package, has in sorted(packages.items()):
        lines, statements, taken, branches = (has[count] for count in COUNTS)
        both = 100 * (lines + taken) / max(1, statements + branches)
        print(f"| `{package}` | {statements} | {lines / max(1, statements):.1%} | ", end="")
        print(f"{branches} | {taken / max(1, branches):.1%} | {both:.1f} % |")
    print(f"\nBelow {wanted:g} %:\n")
    for name, found in sorted(files.items(), key=lambda item: float(item[1]["summary"]["percent_covered"])):
        if found["summary"]["percent_covered"] < wanted:
            short = name.partition("napari_cellsynth/")[2]
            print(f"- `{short}` {found['summary']['percent_covered']:.0f} %: {ranges(found['missing_lines'])}")


def ranges(lines: list[int]) -> str:
    """Return ``[1, 2, 3, 7]`` as ``1-3, 7``."""
    found: list[list[int]] = []
    for line in lines:
        if found and line == found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in found)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
