"""What is suggested for objects: by the model that learns while one labels, where it is on, else by a classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject

from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.suggestion_table import Suggested, SuggestionTable


class Offers(QObject):
    """Reads the newest predictions once, when they are first asked for, and follows the live model.

    Parameters
    ----------
    session : Session
        The viewer's session.
    parent : QObject
        The dock that owns it.
    """

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._predicted: Suggested | None = None
        self._all: Any = {}  # object id to all classes
        session.project_changed.connect(self.forget)
        session.predictions_changed.connect(self.forget)
        session.classes_changed.connect(self.forget)

    def forget(self) -> None:
        """Read the predictions again when they are next asked for."""
        self._predicted, self._all = None, {}

    @property
    def suggested(self) -> Suggested:
        """The live model's suggestions where there are any, else a classifier's predictions."""
        return self._session.suggested or self._read()

    def classes(self, object_id: int) -> tuple[int, ...]:
        """Return all classes that are suggested for an object; none where nothing is."""
        told = self.suggested.get(object_id)
        if told is None:
            return ()
        several = {} if self._session.suggested else self._all
        found: tuple[int, ...] = several.get(object_id, (told[0],))
        return found

    def confidence(self, object_id: int) -> float:
        """Return how sure the suggestion is, in [0, 1]; not-a-number where there is none."""
        return self.suggested.get(object_id, (0, float("nan")))[1]

    def on_change(self, act: Callable[[], None]) -> None:
        """Do something whenever other classes may be suggested."""
        self._session.predictions_changed.connect(act)
        self._session.suggestions_changed.connect(act)

    def _read(self) -> Suggested:
        if self._predicted is not None:
            return self._predicted
        self._predicted = {}
        project = self._session.project
        predicted = project.predictions() if project is not None else None
        if predicted is not None and len(predicted):
            told = (predicted[name].to_numpy() for name in ("class_id", "confidence"))
            self._predicted = SuggestionTable(predicted.index.to_numpy(), *told)
            self._all = predicted["classes"]
        return self._predicted
