"""All patches and labelled crops of the open project, read once and kept until something changes them."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd

from napari_cellsynth.project import Project
from napari_cellsynth.project.patches import FIGURES
from napari_cellsynth.widgets.gallery_model import COLUMNS, REAL, SYNTHETIC


class GallerySource:
    """Tables with the columns of the gallery's model, and the images' names; a filter only chooses among them."""

    def __init__(self) -> None:
        self._synthetic: pd.DataFrame | None = None
        self._objects: pd.DataFrame | None = None
        self._images: dict[int, str] | None = None
        self.hidden = False
        """Whether the objects are told as if nobody had labelled them."""
        self.concealed: int | None = None
        """The one object that is told so."""

    def forget_synthetic(self) -> None:
        """Read the synthetic patches again when they are next wanted."""
        self._synthetic = None

    def forget_real(self) -> None:
        """Read the objects and the images' names again when they are next wanted."""
        self._objects = self._images = None

    def forget(self) -> None:
        """Read all of it again when it is next wanted."""
        self.forget_synthetic()
        self.forget_real()

    def synthetic(self, project: Project) -> pd.DataFrame:
        """Return all synthetic patches, in the order in which they were made."""
        if self._synthetic is None:
            with _uncollected():
                found = project.synthetic()
            found = found.assign(kind=SYNTHETIC, id=found.index)[COLUMNS].reset_index(drop=True)
            # Python's own few strings are compared and taken faster than Arrow's thousands.
            self._synthetic = found.assign(**{name: _interned(found[name]) for name in _OF_REAL})
        return self._synthetic

    def objects(self, project: Project) -> pd.DataFrame:
        """Return `Project.objects`, without the labels that are hidden."""
        if self._objects is None:
            with _uncollected():
                self._objects = project.objects()
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
        certainty: Mapping[int, float],
    ) -> pd.DataFrame:
        """Return labelled objects (or the chosen ones, or those with a reserved label) as rows of the gallery.

        ``certainty`` is the confidence in what is suggested for objects, by their ids.
        """
        objects = self.objects(project)
        if class_id is not None:
            # An object of several classes is shown with each of them.
            objects = project.per_class(objects)
        if chosen is not None:
            objects = objects[objects.index.isin(chosen)]
        elif class_id is None or class_id > 0:
            objects = objects[objects["class_id"] > 0]
        count = len(objects)
        words = {name: pd.Series([value] * count, dtype=object) for name, value in _OF_REAL.items()}
        numbers = {name: np.full(count, np.nan) for name in ("distance", *FIGURES)}
        ids = {"id": objects.index.to_numpy(), "class_id": objects["class_id"].to_numpy()}
        found = pd.DataFrame(words | ids | numbers | {"nearest_object": np.zeros(count, np.int64)})[COLUMNS]
        return found.assign(confidence=found["id"].map(certainty).astype(float)) if certainty else found


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
