"""All patches and labelled crops of the open project, read once and kept until something changes them."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from napari_cellsynth.project import Project
from napari_cellsynth.project.patches import FIGURES
from napari_cellsynth.widgets.gallery_model import COLUMNS, REAL, SYNTHETIC
from napari_cellsynth.widgets.suggestion_table import Suggested, as_table

Tables = tuple[pd.DataFrame, pd.DataFrame]
"""All synthetic patches, and all objects."""


class GallerySource:
    """Tables with the columns of the gallery's model, and the images' names; a filter only chooses among them.

    Attributes
    ----------
    changes : int
        How often something was to be read again.
    """

    def __init__(self) -> None:
        self._synthetic: pd.DataFrame | None = None
        self._objects: pd.DataFrame | None = None
        self._images: dict[int, str] | None = None
        self._stale: set[str] = set()
        self.changes = 0
        self.hidden = False
        """Whether the objects are told as if nobody had labelled them."""
        self.concealed: int | None = None
        """The one object that is told so."""

    def forget_synthetic(self) -> None:
        """Read the synthetic patches again when they are next wanted."""
        self._stale.add(SYNTHETIC)
        self.changes += 1

    def forget_real(self) -> None:
        """Read the objects and the images' names again when they are next wanted."""
        self._stale.add(REAL)
        self.changes += 1
        self._images = None

    def forget(self) -> None:
        """Forget all that was read: another project is open."""
        self._synthetic = self._objects = None
        self.forget_synthetic()
        self.forget_real()

    def lacks(self) -> bool:
        """Whether something has not been read since it changed."""
        return bool(self._stale) or self._synthetic is None or self._objects is None

    def as_it_was(self) -> GallerySource | None:
        """Return what was read before something changed; None where not all of it had been read."""
        if self._synthetic is None or self._objects is None:
            return None
        before = GallerySource()
        before.take((self._synthetic, self._objects))
        return before

    def take(self, tables: Tables) -> None:
        """Take tables over that were read elsewhere."""
        self._synthetic, self._objects = tables
        self._stale.clear()

    def synthetic(self, project: Project) -> pd.DataFrame:
        """Return all synthetic patches, in the order in which they were made."""
        if self._synthetic is None or SYNTHETIC in self._stale:
            self._synthetic = read_synthetic(project)
            self._stale.discard(SYNTHETIC)
        return self._synthetic

    def objects(self, project: Project) -> pd.DataFrame:
        """Return `Project.objects`, without the labels that are hidden."""
        if self._objects is None or REAL in self._stale:
            self._objects = read_objects(project)
            self._stale.discard(REAL)
        if self.hidden:
            return self._objects.assign(class_id=0, label=0)
        if self.concealed in self._objects.index:
            others = self._objects.index != self.concealed
            return self._objects.assign(
                **{name: self._objects[name].where(others, 0) for name in ("class_id", "label")}
            )
        return self._objects

    def images(self, project: Project) -> dict[int, str]:
        """Return the images' names by id."""
        if self._images is None:
            self._images = {int(str(number)): str(name) for number, name in project.images()["name"].items()}
        return self._images

    def set_reviews(self, patch_ids: Sequence[int], verdict: str, reason: str) -> None:
        """Note a verdict that was just kept, without reading everything again."""
        if self._synthetic is not None:
            judged = self._synthetic["id"].isin(patch_ids)
            self._synthetic.loc[judged, ["review", "reason"]] = [verdict, reason]

    def real(
        self,
        project: Project,
        chosen: Sequence[int] | None,
        class_id: int | None,
        certainty: Suggested,
        every: bool = False,
    ) -> pd.DataFrame:
        """Return labelled objects (or the chosen ones, those with a reserved label, or all) as rows of the gallery.

        ``certainty`` is what is suggested for objects, by their ids.
        """
        objects = self.objects(project)
        if class_id is not None:
            # An object of several classes is shown with each of them.
            objects = project.per_class(objects)
        if chosen is not None:
            objects = objects[objects.index.isin(chosen)]
        elif not every and (class_id is None or class_id > 0):
            objects = objects[objects["class_id"] > 0]
        count = len(objects)
        words = {name: pd.Series([value] * count, dtype=object) for name, value in _OF_REAL.items()}
        numbers = {name: np.full(count, np.nan) for name in ("distance", *FIGURES)}
        ids = {"id": objects.index.to_numpy(), "class_id": objects["class_id"].to_numpy()}
        found = pd.DataFrame(words | ids | numbers | {"nearest_object": np.zeros(count, np.int64)})[COLUMNS]
        return found.assign(confidence=as_table(certainty).of(ids["id"])[1]) if certainty else found


def read_synthetic(project: Project, **chosen: Any) -> pd.DataFrame:
    """Return synthetic patches as `Project.synthetic` chooses them, with the columns of the gallery's model."""
    with _uncollected():
        found = project.synthetic(**chosen)
    found = found.assign(kind=SYNTHETIC, id=found.index)[COLUMNS].reset_index(drop=True)
    # Python's own few strings are compared and taken faster than Arrow's thousands.
    return found.assign(**{name: _interned(found[name]) for name in _OF_REAL})


def read_objects(project: Project, object_ids: Sequence[int] | None = None) -> pd.DataFrame:
    """Return `Project.objects`, of all or of some."""
    with _uncollected():
        return project.objects(object_ids=object_ids)


_OF_REAL = {"kind": REAL, "run": "", "review": "", "reason": ""}


def _interned(words: pd.Series) -> pd.Series:
    """Return the words as Python strings, equal ones the same object."""
    codes, values = pd.factorize(words)
    return pd.Series(np.array([str(value) for value in values], object)[codes], dtype=object)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage: beside napari's objects each look takes long, and rows cause dozens."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
