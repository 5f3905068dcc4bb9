"""Write docs/licences.md: what this program is built on, under which licences, from the installed packages' own words.

Usage: ``python scripts/licences.py`` in an environment with the extras ``pyqt5``, ``dev`` and ``docs``.
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

HERE = Path(__file__).parents[1]
PAGE = HERE / "docs" / "licences.md"
SAID_ELSEWHERE = {
    "bioimageio-spec": "MIT",
    "scikit-image": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "matplotlib": "Matplotlib (PSF-based)",
    "skops": "MIT",
    "pyqt5": "GPL-3.0-only, or commercial",
    "pyqt6": "GPL-3.0-only, or commercial",
    "pyside6": "LGPL-3.0-only, GPL or commercial",
}
"""Where a package's metadata say nothing, or a whole text; from its repository."""
QT = {"pyqt5": "pyqt5", "pyqt6": "pyqt6", "pyside6": "pyside6"}
"""The binding that each extra brings, through napari's own."""
HEAD = """# Licences

napari-cellsynth is BSD-3-Clause. What it is built on, as `pyproject.toml` asks for it; each package brings more of its
own (`pip-licenses` lists all that are installed). Written by `scripts/licences.py` from what the packages say of
themselves.

**PyQt5 and PyQt6 are GPL** (or commercial, from Riverbank Computing). This program does not contain them: it asks for a
Qt binding by way of `qtpy`, and you install the one that you want. Whoever passes on a bundle of it *with* PyQt passes
the whole on under the GPL; with PySide6 (LGPL, the extra `pyside6`) that is not so. Using it yourself asks nothing of
you either way. Weights that are downloaded on your click (timm, Inception) have licences of their own, which their
pages tell.

| package | needed for | licence |
|---|---|---|
"""


def required() -> dict[str, str]:
    """Return every direct dependency with the extras that ask for it; none is the program itself."""
    told = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = {"": told["dependencies"]} | told["optional-dependencies"]
    found: dict[str, list[str]] = {}
    for extra, requirements in parts.items():
        for requirement in [*requirements, *([QT[extra]] if extra in QT else [])]:
            name = re.match(r"[A-Za-z0-9_.-]+", requirement)
            assert name is not None
            found.setdefault(name[0].lower(), []).append(extra)
    found.pop("napari-cellsynth")
    return {name: ", ".join(extra or "everything" for extra in extras) for name, extras in sorted(found.items())}


def licence(name: str) -> str:
    """Return a package's licence in its own words, shortened to a name."""
    if name in SAID_ELSEWHERE:
        return SAID_ELSEWHERE[name]
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return "not installed where this page was written"
    if told.get("License-Expression"):
        return str(told["License-Expression"])
    classes = [line.rpartition("::")[2].strip() for line in told.get_all("Classifier") or [] if "License ::" in line]
    first = str(told.get("License") or "").strip().splitlines()[:1]
    return next((text for text in [*first, *classes] if text and len(text) < 60), "not said")


def main() -> None:
    """Write the page."""
    rows = [f"| {name} | {extras} | {licence(name)} |\n" for name, extras in required().items()]
    PAGE.write_text(HEAD + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
