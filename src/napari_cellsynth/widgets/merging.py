"""Asking for what is merged into a new project: its sources one after the other, and the table of their types."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished
from napari_cellsynth.jobs.job import Job, MergeParameters
from napari_cellsynth.widgets.session import Session


def ask_merge(session: Session, parent: QWidget) -> None:
    """Ask for the new project, its sources and their types, and queue the merge; the project is opened at its end."""
    target, _ = QFileDialog.getSaveFileName(parent, "Merge into a new project", "merged.cellsynth")
    if not target:
        return
    sources: list[str] = []
    while chosen := QFileDialog.getExistingDirectory(parent, f"Source {len(sources) + 1} (cancel after the last one)"):
        sources.append(chosen)
    if len(sources) < 2:
        session.report(UserError("A merge needs two sources or more.", "Choose one folder or project after the other."))
        return
    types, _ = QFileDialog.getSaveFileName(
        parent,
        "Table of types and classes: an edited one, or a new one to edit (cancel: every type is a class)",
        str(Path(target).with_name("types.csv")),
        "CSV (*.csv)",
        options=QFileDialog.Option.DontConfirmOverwrite,
    )
    with session.reporting():
        job = Job.of(Path(target), MergeParameters(sources=sources, types=types or None))
        handle = session.submit(job, "Merge")
        handle.ended.connect(lambda last: _tell(session, last))


def _tell(session: Session, last: object) -> None:
    """Open what was merged, unless the person has another project open by now."""
    if not isinstance(last, Finished):
        return
    if written := last.result.get("written"):
        session.inform(f"Every type is in {written}: group them in its column class, then merge again.")
        return
    told = " ".join([f"Merged into {last.result['project']}.", *last.result["notices"]])
    if session.project is None:
        session.open(last.result["project"])
    session.inform(told)
