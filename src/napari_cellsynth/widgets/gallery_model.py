"""The gallery's rows, its delegate, and the reader of its patches: nothing is read before it is seen."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import pandas as pd
from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QColor, QImage, QPixmap

from napari_cellsynth.evaluate.patch_figures import patch_words
from napari_cellsynth.project.patches import FIGURES
from napari_cellsynth.widgets.thumbnails import PatchReader, Recent, ThumbnailThread

REAL, SYNTHETIC = "real", "synthetic"
ACCEPTED: Literal["accepted"] = "accepted"
REJECTED: Literal["rejected"] = "rejected"

KEEP = 3000
"""Thumbnails kept: about fifty screens, some 50 MB of 64 × 64 pixels."""

REAL_SIZE = 96
"""Side in pixels to which a real crop is brought for the gallery."""

SHARED, PER_CLASS, EACH = CONTRASTS = ("shared contrast", "contrast per class", "contrast each")
"""What patches share black and white with."""

SAMPLE = 48
"""Patches that decide what is black and white for a group."""

COLUMNS = ["kind", "id", "run", "class_id", "review", "reason", "nearest_object", "distance", *FIGURES]
"""The columns of the table behind the model, one row a patch."""


class PatchKey(NamedTuple):
    """What a patch is read by; the run tells which patches are stored alike."""

    kind: str
    id: int
    run: str = ""


class ViewContrast:
    """Ranges decided by an even sample of the patches in view, anew when crops or runs come that were not.

    Parameters
    ----------
    contrast : str
        One of `CONTRASTS`.
    table : DataFrame
        The patches in view, with `COLUMNS`.
    """

    def __init__(self, contrast: str, table: pd.DataFrame) -> None:
        self.contrast = contrast
        self._sources = _sources(table)
        self.follow(table)

    def knows(self, table: pd.DataFrame) -> bool:
        """Whether crops and runs in a table were in view, too, when the ranges were decided."""
        return _sources(table) <= self._sources

    def follow(self, table: pd.DataFrame) -> None:
        """Take the patches that are in view now; a range that was decided stays."""
        self._table = table
        self._class_of: dict[tuple[str, int], int] = {}
        if self.contrast == PER_CLASS:
            self._class_of = dict(
                zip(zip(table["kind"], table["id"], strict=True), table["class_id"].tolist(), strict=True)
            )

    def group(self, key: Hashable) -> Hashable:
        """Return a key's class, the same for all, or None."""
        assert isinstance(key, PatchKey)
        if self.contrast == PER_CLASS:
            return self._class_of.get((key.kind, key.id), "beside")
        return None if self.contrast == EACH else "all"

    def sample(self, group: Hashable) -> Sequence[Hashable]:
        """Return up to 48 keys of a group."""
        table = self._table
        if self.contrast == PER_CLASS:
            table = table[table["class_id"] == group]
        table = table.iloc[:: max(1, len(table) // SAMPLE)].head(SAMPLE)
        return list(map(PatchKey, *(table[name].tolist() for name in ("kind", "id", "run"))))


def _sources(table: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(table["kind"].tolist(), table["run"].tolist(), strict=True))


class GalleryModel(QAbstractListModel):
    """One row a patch, real or synthetic.

    Parameters
    ----------
    parent : QObject, optional
        The object that owns the model.
    """

    KeyRole = int(Qt.ItemDataRole.UserRole) + 1
    ReviewRole = KeyRole + 1
    ColorRole = KeyRole + 2
    SuggestedRole = KeyRole + 3

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.table = pd.DataFrame(columns=COLUMNS)
        self._kinds: list[str] = []
        self._ids: list[int] = []
        self._runs: list[str] = []
        self._reviews: list[str] = []
        self._classes: list[int] = []
        self._row_of: dict[PatchKey, int] | None = None  # made when it is first asked for
        self._contrast = ViewContrast(SHARED, self.table)
        self._names: dict[int, str] = {}
        self._colors: dict[int, QColor] = {}
        self.suggested: Mapping[int, int] = {}
        self._pixmaps = Recent(KEEP)
        self._thread: ThumbnailThread | None = None
        self.on_failure: Callable[[str], None] = lambda sentence: None

    # ------------------------------------------------------------------ what is shown
    def open_patches(self, open_reader: Callable[[], PatchReader] | None) -> None:
        """Read patches from here on with this reader (None: from nowhere), and forget those of the last one."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None
        self._pixmaps.clear()
        if open_reader is not None:
            self._thread = ThumbnailThread(open_reader, self)
            self._thread.ready.connect(self._on_ready)
            self._thread.failed.connect(lambda sentence: self.on_failure(sentence))
            self._thread.set_contrast(self._contrast)
            self._thread.start()

    def set_classes(self, names: Mapping[int, str], colors: Mapping[int, str]) -> None:
        """Set the classes' names and colours."""
        self._names = dict(names)
        self._colors = {class_id: QColor(color) for class_id, color in colors.items()}

    def set_suggested(self, class_ids: Mapping[int, int]) -> None:
        """Set the classes that are suggested for real crops, by the object's id."""
        self.suggested = class_ids

    def set_table(self, table: pd.DataFrame) -> None:
        """Show these patches; where only reviews differ from what is shown, the rows and the selection stay.

        Parameters
        ----------
        table : DataFrame
            With the columns `COLUMNS`, in the order on the screen.
        """
        # Lists of plain values: walking through a column of pandas takes ten times as long.
        kinds, ids, runs = (table[name].tolist() for name in ("kind", "id", "run"))
        if ids == self._ids and kinds == self._kinds:
            self._fill(table)
            if ids:
                self.dataChanged.emit(self.index(0), self.index(len(ids) - 1))
            return
        self.beginResetModel()
        if self._thread is not None:
            self._thread.forget()
        self._kinds, self._ids, self._runs, self._row_of = kinds, ids, runs, None
        self._fill(table)
        self.endResetModel()
        # Real crops between the black and white of one early run's patches would be white all over.
        if not self._contrast.knows(self.table):
            self.set_contrast(self._contrast.contrast)

    def _fill(self, table: pd.DataFrame) -> None:
        self.table = table.reset_index(drop=True)
        self._contrast.follow(self.table)
        self._reviews = table["review"].tolist()
        self._classes = table["class_id"].tolist()

    def set_reviews(self, rows: Sequence[int], verdict: str, reason: str) -> None:
        """Show a verdict on some rows (one at least) without reading the others again."""
        self.table.loc[list(rows), ["review", "reason"]] = [verdict, reason]
        for row in rows:
            self._reviews[row] = verdict
        # Once for all of them: thousands are judged by one key.
        self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def set_contrast(self, contrast: str) -> None:
        """Draw patches between black and white as one of `CONTRASTS` says; those drawn otherwise are drawn again."""
        self._contrast = ViewContrast(contrast, self.table)
        self._pixmaps.clear()
        if self._thread is not None:
            self._thread.set_contrast(self._contrast)
        if self._ids:
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))

    def set_labels(self, rows: Sequence[int], class_ids: Sequence[int]) -> None:
        """Show new labels of some rows (one at least) without reading the others again."""
        self.table.loc[list(rows), "class_id"] = list(class_ids)
        for row, class_id in zip(rows, class_ids, strict=True):
            self._classes[row] = class_id
        self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

    def label_of(self, row: int) -> int:
        """Return the class of a row's patch."""
        return self._classes[row]

    def row_of(self, key: PatchKey) -> int | None:
        """Return where a patch is, or None."""
        if self._row_of is None:
            keys = map(PatchKey, self._kinds, self._ids, self._runs)
            self._row_of = {each: row for row, each in enumerate(keys)}
        return self._row_of.get(key)

    def key(self, row: int) -> PatchKey:
        """Return what the patch of a row is read by."""
        return PatchKey(self._kinds[row], self._ids[row], self._runs[row])

    def review(self, row: int) -> str:
        """Return the verdict on a row's patch: empty, accepted or rejected."""
        return self._reviews[row]

    def color(self, row: int) -> QColor | None:
        """Return the colour of a row's class; None where it has none."""
        return self._colors.get(self._classes[row])

    def suggested_color(self, row: int) -> QColor | None:
        """Return the colour of the class that is suggested for a row's crop; None where none is."""
        wanted = self.suggested.get(self._ids[row], 0) if self._kinds[row] == REAL else 0
        return self._colors.get(wanted)

    def pixmap(self, key: PatchKey) -> QPixmap | None:
        """Return a picture, or None and have it read (`dataChanged` tells when it has come, if it is in the table)."""
        pixmap = self._pixmaps.take(key)
        if pixmap is None and self._thread is not None:
            self._thread.want(key)
        return pixmap if isinstance(pixmap, QPixmap) else None

    @property
    def patches_read(self) -> int:
        """Patches read from disk since the project was opened."""
        return 0 if self._thread is None else self._thread.patches_read

    def close(self) -> None:
        """End the reading thread."""
        self.open_patches(None)

    # ------------------------------------------------------------------ Qt's side
    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of patches."""
        return 0 if parent is not None and parent.isValid() else len(self._ids)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the delegate paints of a row."""
        if not index.isValid() or index.row() >= len(self._ids):
            return None
        row = index.row()
        if role == Qt.ItemDataRole.DecorationRole:
            return self.pixmap(self.key(row))
        if role == self.KeyRole:
            return self.key(row)
        if role == self.ReviewRole:
            return self._reviews[row]
        if role == self.ColorRole:
            return self.color(row)
        if role == self.SuggestedRole:
            return self.suggested_color(row)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._words(row)
        return None

    def _words(self, row: int) -> str:
        key, values = self.key(row), self.table.iloc[row]
        name = self.name_of(row)
        words = [f"{key.kind} · {name}", f"{key.run} · patch {key.id}" if key.run else f"object {key.id}"]
        if key.kind == REAL and key.id in self.suggested:
            words.append(f"suggested: {self._names.get(self.suggested[key.id], '')}")
        if self._reviews[row]:
            words.append(f"{self._reviews[row]} {values['reason'] or ''}".strip())
        return "\n".join([*words, *patch_words(values, name)])

    def name_of(self, row: int) -> str:
        """Return the name of a row's class."""
        return self._names.get(self._classes[row], "unlabelled")

    def _on_ready(self, pictures: list[tuple[PatchKey, QImage]]) -> None:
        for key, image in pictures:
            self._pixmaps.put(key, QPixmap.fromImage(image))
        # To look up their rows among tens of thousands would take longer than to paint again what is on the screen.
        last = self.index(len(self._ids) - 1) if self._ids else QModelIndex()
        self.dataChanged.emit(self.index(0) if self._ids else last, last)
