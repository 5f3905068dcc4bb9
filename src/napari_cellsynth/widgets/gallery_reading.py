"""A large project's tables read off the window's thread; until they are there the gallery shows the newest rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QWidget

from napari_cellsynth.project import Project
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.dock import delayed
from napari_cellsynth.widgets.gallery_source import GallerySource, Tables, read_objects, read_synthetic
from napari_cellsynth.widgets.gallery_table import NEWEST, Choice
from napari_cellsynth.widgets.session import Session

MANY = 5_000
"""Objects and patches that are read at once; a person would feel it if more were."""

PAGE = 300
"""Rows of either kind that are shown until all are there: more than one screen."""

AFTER_PAINT_MS = 20
_ANY = 2**62


class GalleryReading(QObject):
    """Says from which tables the gallery is to be made up, and calls ``then`` when all rows of them are there.

    Parameters
    ----------
    session : Session
        The viewer's session.
    source : GallerySource
        Gets the tables.
    dock : QWidget
        The dock that owns it.
    then : callable
        Makes the gallery up again.
    """

    def __init__(self, session: Session, source: GallerySource, dock: QWidget, then: Callable[[], None]) -> None:
        super().__init__(dock)
        self._session, self._source, self._then = session, source, then
        self._asked = 0
        self._worker = Background(self)
        self._worker.done.connect(self._on_done)
        self._worker.failed.connect(lambda error: session.report(error))
        self._soon = delayed(dock, AFTER_PAINT_MS, self._begin)
        session.workers.append(self._worker)
        session.project_changed.connect(self._forget)

    @property
    def under_way(self) -> bool:
        """Whether what is shown is not all, or not the newest."""
        return self._soon.isActive() or self._worker.busy

    def source(self, project: Project, choice: Choice) -> GallerySource:
        """Return the tables to show now: all of them, those read before while newer ones come, or the newest rows."""
        if not self._source.lacks() or sum(project.amounts()) <= MANY:
            return self._source
        self._soon.start()
        shown = self._source.as_it_was() or newest_rows(project, choice)
        shown.hidden, shown.concealed = self._source.hidden, self._source.concealed
        return shown

    def finish(self, project: Project) -> None:
        """Read here and now what has not been read."""
        self._forget()
        self._source.synthetic(project)
        self._source.objects(project)

    def _forget(self) -> None:
        self._soon.stop()
        self._worker.forget()

    def _begin(self) -> None:
        if (project := self._session.project) is not None:
            self._asked = self._source.changes
            self._worker.run(partial(_read, project.path))

    def _on_done(self, tables: Tables, _seconds: float) -> None:
        if self._asked != self._source.changes:  # something came in between
            self._begin()
            return
        self._source.take(tables)
        self._then()


def newest_rows(project: Project, choice: Choice) -> GallerySource:
    """Return the newest rows of a choice as a source of their own."""
    run = None if choice.run == NEWEST else choice.run
    chosen = choice.class_id
    page = GallerySource()
    synthetic = read_synthetic(project, run=run, class_id=chosen if chosen and chosen > 0 else None, newest=PAGE)
    if choice.objects is not None:
        real = list(choice.objects)[-PAGE:]
    else:
        # All classes, since an object may have several; else the one label that is no class.
        lowest, highest = (1, _ANY) if chosen is None or chosen > 0 else (chosen, chosen)
        real = project.newest_objects(PAGE, -_ANY if choice.every else lowest, _ANY if choice.every else highest)
    page.take((synthetic, read_objects(project, real)))
    return page


def _read(path: Path) -> Tables:
    # A connection of its own: the window's belongs to the window's thread.
    with Project.open(path, read_only=True) as project:
        return read_synthetic(project), read_objects(project)
