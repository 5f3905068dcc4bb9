from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.merge_report import merge_report
from napari_cellsynth.project.types import read_types
from napari_cellsynth.widgets import merging
from napari_cellsynth.widgets.job_thread import start_process
from napari_cellsynth.widgets.session import Session
from tests.conftest import write_crops

pytestmark = pytest.mark.gui


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Answers of the dialogs that ask for folders; the types are asked for as ``types.csv``."""
    folders: list[str] = []
    saved = iter([str(tmp_path / "m.cellsynth"), str(tmp_path / "types.csv")] * 2)
    dialog = "napari_cellsynth.widgets.merging.QFileDialog"
    monkeypatch.setattr(f"{dialog}.getSaveFileName", lambda *_, **__: (next(saved), ""))
    monkeypatch.setattr(f"{dialog}.getExistingDirectory", lambda *_: folders.pop(0) if folders else "")
    return folders


def test_sources_are_merged_by_the_table_of_types_that_was_written_first(
    session: Session, qtbot: Any, tmp_path: Path, chosen: list[str]
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    sources = [write_crops(tmp_path / "one", groups=2), write_crops(tmp_path / "two", groups=1)]
    session.start_run = start_process

    def merge() -> None:
        chosen[:] = [str(source) for source in sources]
        merging.ask_merge(session, parent)
        qtbot.waitUntil(lambda: session.jobs[-1].state in ("finished", "failed"), timeout=120_000)

    merge()
    types = tmp_path / "types.csv"
    assert read_types(types) == {"blob": "blob", "stripes": "stripes"}
    assert not (tmp_path / "m.cellsynth").exists()
    types.write_text("type,class\nblob,debris\nstripes,dense\n", encoding="utf-8")
    merge()
    qtbot.waitUntil(lambda: session.project is not None)
    assert [record.name for record in session.project.classes()] == ["debris", "dense"]
    # The second source's only group is drawn as the first one's: all of its crops are copies.
    assert set(session.project.splits()) == {"one/g0", "one/g1"}
    assert merge_report(session.project.path)["identical"] == 10


def test_one_source_is_no_merge(session: Session, qtbot: Any, tmp_path: Path, chosen: list[str]) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    chosen[:] = [str(write_crops(tmp_path / "one"))]
    told: list[UserError] = []
    session.report = told.append  # type: ignore[method-assign]
    merging.ask_merge(session, parent)
    assert "two sources" in str(told[0]) and not session.jobs
