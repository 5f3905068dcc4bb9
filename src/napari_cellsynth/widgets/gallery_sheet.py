"""The gallery's button for a contact sheet: what is shown, or what is selected, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.contact_sheet import Group, write_contact_sheet
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.dock import allow, button
from napari_cellsynth.widgets.gallery_model import CONTRASTS, PER_CLASS, SHARED
from napari_cellsynth.widgets.patch_grid import Section
from napari_cellsynth.widgets.session import Session

SHEET_TIP = (
    "Write the patches in view (or the selected ones, where there are several) into a PNG with headings, a scale bar "
    "and a legend."
)


class ContactSheet(QObject):
    """Asks for a file and writes it off the window's thread.

    Parameters
    ----------
    session : Session
        Its project is drawn.
    dock : QWidget
        The dock, which lays `button` out.
    """

    def __init__(self, session: Session, dock: QWidget) -> None:
        super().__init__(dock)
        self._session, self._dock = session, dock
        self._ids: Sequence[int] = ()
        self._sections: Sequence[Section] = ()
        self._selected: Sequence[int] = ()
        self._contrast = SHARED
        self.button = button("contact_sheet", "Contact sheet …", SHEET_TIP)
        self.button.clicked.connect(self.ask)
        self._worker = Background(self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(self._on_failed)
        session.workers.append(self._worker)
        self.follow((), ())

    def follow(self, ids: Sequence[int], sections: Sequence[Section]) -> None:
        """Draw these patches, in these sections of them."""
        self._ids, self._sections = ids, sections
        self._show()

    def follow_selection(self, ids: Sequence[int]) -> None:
        """Draw these alone where they are several."""
        self._selected = ids if len(ids) > 1 else ()

    def follow_contrast(self, contrast: str) -> None:
        """Draw between black and white as the gallery does."""
        self._contrast = contrast

    def ask(self) -> None:
        """Ask where the sheet goes, and write it."""
        chosen, _ = QFileDialog.getSaveFileName(self._dock, "Contact sheet", "contact_sheet.png", "PNG (*.png)")
        if chosen:
            self.write(Path(chosen).with_suffix(".png"))

    def write(self, file: Path) -> None:
        """Write the sheet; a notification tells when it is there."""
        with self._session.reporting():
            if self._session.labels_hidden:
                raise UserError("Labels are hidden, and a contact sheet tells them.", "Choose the mode “Label” first.")
            place = self._session.need_project().path
            contrast = {SHARED: "shared", PER_CLASS: "class"}.get(self._contrast, "each")
            assert self._contrast in CONTRASTS
            self._worker.run(partial(_write, place, self._groups(), file, contrast))
            self._show()

    def _groups(self) -> list[Group]:
        wanted = set(self._selected) or set(self._ids)
        sections = self._sections or [Section("", 0, len(self._ids))]
        return [
            Group(each.title, [number for number in self._ids[each.start : each.stop] if number in wanted])
            for each in sections
        ]

    def _show(self) -> None:
        busy = "The contact sheet is being written." if self._worker.busy else ""
        allow(self.button, busy or ("" if len(self._ids) else "No patches are shown."), SHEET_TIP)

    def _on_done(self, told: object, _seconds: float) -> None:
        assert isinstance(told, dict)
        of = f" of {told['of']:,}" if told["of"] > told["patches"] else ""
        self._session.inform(f"{told['file']}: {told['patches']:,}{of} patches.")
        self._show()

    def _on_failed(self, error: object) -> None:
        self._session.report(str(error))
        self._show()


def _write(place: Path, groups: list[Group], file: Path, contrast: str) -> dict[str, object]:
    # A connection of its own: the window's belongs to the window's thread.
    with Project.open(place, read_only=True) as project:
        return write_contact_sheet(project, groups, file, contrast=contrast)
