"""Every direct dependency stands in docs/licences.md with a licence, and none but PyQt is GPL."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "licences.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| ([a-z0-9.-]+) \| [^|]* \| ([^|]*) \|$", PAGE, re.MULTILINE)
ROWS = {name: licence for name, licence in LINES if licence != "licence"}
VIRAL = re.compile(r"\b[AL]?GPL", re.IGNORECASE)


def asked_for() -> set[str]:
    told = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = told["dependencies"] + [one for extra in told["optional-dependencies"].values() for one in extra]
    return {re.split(r"[\[<>=!~ ;]", one)[0].lower() for one in every} - {"napari-cellsynth"}


def test_every_dependency_is_listed_with_its_licence() -> None:
    assert set(ROWS) == asked_for() | {"pyqt5", "pyqt6", "pyside6"}
    assert not [name for name, licence in ROWS.items() if "not" in licence.split()]


def test_none_but_the_qt_bindings_is_gpl_on_the_page_and_as_installed() -> None:
    assert {name for name, licence in ROWS.items() if VIRAL.search(licence)} == {"pyqt5", "pyqt6", "pyside6"}
    for name in asked_for():
        try:
            told = metadata(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed here
        classes = [line for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
        words = [told.get("License-Expression") or "", (told.get("License") or "")[:200], *classes]
        assert not any(VIRAL.search(word) for word in words), name
