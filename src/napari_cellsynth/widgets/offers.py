"""What is suggested for objects: by the model that learns while one labels, where it is on, else by a classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import QObject

from napari_cellsynth.widgets.session import Session

Suggested = Mapping[int, tuple[int, float]]
"""Object id to the class id that is suggested and its confidence in [0, 1]."""


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
        self._predicted: dict[int, tuple[int, float]] | None = None
        self._all: dict[int, tuple[int, ...]] = {}
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
        return several.get(object_id, (told[0],))

    def confidence(self, object_id: int) -> float:
        """Return how sure the suggestion is, in [0, 1]; not-a-number where there is none."""
        return self.suggested.get(object_id, (0, float("nan")))[1]

    def on_change(self, act: Callable[[], None]) -> None:
        """Do something whenever other classes may be suggested."""
        self._session.predictions_changed.connect(act)
        self._session.suggestions_changed.connect(act)

    def _read(self) -> dict[int, tuple[int, float]]:
        if self._predicted is not None:
            return self._predicted
        self._predicted = {}
        project = self._session.project
        predicted = project.predictions() if project is not None else None
        if predicted is not None and len(predicted):
            ids = predicted.index.tolist()
            pairs = zip(predicted["class_id"].tolist(), predicted["confidence"].tolist(), strict=True)
            self._predicted = dict(zip(ids, pairs, strict=True))
            self._all = dict(zip(ids, predicted["classes"].tolist(), strict=True))
        return self._predicted
