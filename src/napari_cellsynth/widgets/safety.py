"""Backups and checks from the window: a copy a day while it is open, going back to one, and looking a project over."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.backups import Backup, back_up, backups, restore
from napari_cellsynth.project.checking import Finding, check, mend_masks
from napari_cellsynth.widgets.background import Background

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

DAY_MS = 24 * 60 * 60 * 1000
_SHOWN = 12


class Safety(QObject):
    """Does it all off the GUI thread; one for a session, used by every dock's project menu."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._worker = Background(self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)
        self._copier = Background(self)
        self._timer = QTimer(self)
        self._timer.setInterval(DAY_MS)
        self._timer.timeout.connect(self.back_up)
        self._timer.start()
        self._opening: Path | None = None
        session.workers += [self._worker, self._copier]

    def back_up(self) -> None:
        """Copy the open project's database (opening a project makes the first copy, this one those of later days)."""
        if self._session.project is not None:
            self._copier.run(partial(back_up, self._session.project.path))

    def restore(self, folder: Path, backup: int | None = None) -> None:
        """Go back to a copy (the newest sound one by default) and open the project again."""
        if self._session.running is not None:
            self._session.report(UserError("A job is running.", "Stop it, or wait for its end, then restore."))
            return
        if self._session.project is not None and Path(self._session.project.path) == folder:
            self._session.close_project()
        self._opening = folder

        def work() -> str:
            chosen, aside = restore(folder, backup)
            lost = len(mend_masks(folder))
            when = chosen.time if isinstance(chosen, Backup) else str(chosen)
            frames = f" {lost} frames are to be segmented again." if lost else ""
            kept = f"; what was there until now is kept in {aside.name}" if aside else ""
            return f"Restored the backup of {when}{kept}.{frames}"

        self._worker.run(work)

    def check(self, *, mend: bool = False) -> None:
        """Look the open project over, and say what was found."""
        self._session.inform("Checking the project …")
        self._worker.run(partial(check, self._session.need_project().path, mend=mend))

    def _on_done(self, answer: Any, _seconds: float) -> None:
        if isinstance(answer, str):
            folder, self._opening = self._opening, None
            if folder is not None:
                self._session.open(folder)
            self._session.inform(answer)
        else:
            self._tell(answer)

    def _on_failed(self, error: UserError) -> None:
        folder, self._opening = self._opening, None
        self._session.report(error)
        if folder is not None and Path(folder, "project.db").is_file():
            self._session.open(folder)

    def _tell(self, findings: list[Finding]) -> None:
        if not findings:
            self._session.inform("The project is in order.")
            return
        lines = [f"{'Mended: ' if each.mended else ''}{each.message}" for each in findings[:_SHOWN]]
        if len(findings) > _SHOWN:
            lines.append(f"… and {len(findings) - _SHOWN} more; `napari-cellsynth check` lists them all.")
        self._session.report("\n".join(lines))


def add_actions(menu: QMenu, session: Session, parent: QWidget) -> None:
    """Add the project menu's entries for backups and checks."""
    project = session.project
    if project is None:
        menu.addAction("Restore a project…", partial(ask_restore, session, parent))
        return
    copies = menu.addMenu("Restore backup")
    for copy in backups(project.path)[:_SHOWN]:
        text = f"{copy.time}  {copy.why}".rstrip()
        copies.addAction(text, partial(_confirm, session, parent, Path(project.path), copy))
    copies.setEnabled(bool(copies.actions()))
    menu.addAction("Check project", session.safety.check)
    mending = menu.addAction("Check and mend project", partial(session.safety.check, mend=True))
    mending.setEnabled(not project.read_only)


def ask_restore(session: Session, parent: QWidget) -> None:
    """Ask for a project that cannot be opened, and bring it back to its newest sound copy."""
    chosen = QFileDialog.getExistingDirectory(parent, "Restore the project", str(Path.home()))
    if chosen:
        session.safety.restore(Path(chosen))


def _confirm(session: Session, parent: QWidget, folder: Path, copy: Backup) -> None:
    question = f"Go back to the backup of {copy.time}? What is there now is kept aside."
    if QMessageBox.question(parent, "Restore backup", question) == QMessageBox.StandardButton.Yes:
        session.safety.restore(folder, copy.number)
