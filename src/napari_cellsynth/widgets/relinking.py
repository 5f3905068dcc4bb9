"""Finding moved images from the project menu: one file, or all of them in a folder, off the GUI thread."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog, QMenu, QWidget

from napari_cellsynth.project import Project
from napari_cellsynth.project.relinking import Relinked, relink_folder
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.button_text import literal
from napari_cellsynth.widgets.recent import start_folder

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session


class Relinking(QObject):
    """Says which images are missing when a project is opened, and looks for them; one for a session.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._stopping = False
        self._worker = Background(self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(session.report)
        session.workers.append(self)
        session.project_changed.connect(self._on_project)

    def shut_down(self) -> None:
        """End the search after the file in hand."""
        self._stopping = True
        self._worker.shut_down()

    def look_in(self, folder: str | Path) -> None:
        """Look for all missing images in a folder and below; the answer is a notification."""
        path = Path(self._session.need_project().path)

        def work() -> Relinked:
            with Project.open(path) as project:
                return relink_folder(project, folder, stop=lambda: self._stopping)

        self._session.inform("Looking for the missing images…")
        self._worker.run(work)

    def _on_done(self, told: Relinked, _seconds: float) -> None:
        self._session.others.look()
        (self._session.report if told.differing or told.missing else self._session.inform)(told.words())
        # Whoever had nothing to see until now sees the first image.
        if told.found and self._session.project is not None and self._session.current_image_id is None:
            self._session.remembering.restore()

    def _on_project(self) -> None:
        project = self._session.project
        if project is None:
            return
        with self._session.reporting():
            images = project.images()
            missing = int(images["missing"].sum())
            if missing:
                self._session.report(
                    f"{missing} of {len(images)} images are not where they were. Labels and objects are all there. "
                    "Project menu, Relink missing images: find them in a folder."
                )


def add_relinking(menu: QMenu, session: Session, parent: QWidget) -> None:
    """Add the missing images of the open project to its menu, and the search for all of them."""
    images = session.need_project().images()
    missing = images.index[images["missing"].astype(bool)]
    relink = menu.addMenu("Relink missing images")
    relink.addAction("Find all in a folder…", partial(_ask_folder, session, parent))
    relink.addSeparator()
    for image_id in missing[:30]:
        name = str(images.loc[image_id, "name"])
        relink.addAction(f"{literal(name)}…", partial(ask_relink, session, parent, int(image_id), name))
    relink.setEnabled(bool(len(missing)) and not session.need_project().read_only)


def ask_relink(session: Session, parent: QWidget, image_id: int, name: str) -> None:
    """Ask where an image is now, and link it there."""
    chosen, _ = QFileDialog.getOpenFileName(parent, f"Where is {name}?", str(start_folder()))
    if chosen:
        with session.reporting():
            session.need_project().relink(image_id, chosen)


def _ask_folder(session: Session, parent: QWidget) -> None:
    chosen = QFileDialog.getExistingDirectory(parent, "Where are the images now?", str(start_folder()))
    if chosen:
        with session.reporting():
            session.relinking.look_in(chosen)
