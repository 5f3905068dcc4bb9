"""The gallery's rows, its delegate, and the reader of its patches: nothing is read before it is seen."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, QRect, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_cellsynth.evaluate.patch_figures import patch_words
from napari_cellsynth.project import Project
from napari_cellsynth.project.patches import FIGURES
from napari_cellsynth.widgets.thumbnails import PatchReader, Recent, ThumbnailThread

REAL, SYNTHETIC = "real", "synthetic"
ACCEPTED: Literal["accepted"] = "accepted"
REJECTED: Literal["rejected"] = "rejected"

KEEP = 3000
"""Thumbnails kept: about fifty screens, some 50 MB of 64 × 64 pixels."""

REAL_SIZE = 96
"""Side in pixels to which a real crop is brought for the gallery."""

COLUMNS = ["kind", "id", "run", "class_id", "review", "reason", "nearest_object", "distance", *FIGURES]
"""The columns of the table behind the model, one row a patch."""


class PatchKey(NamedTuple):
    """What a patch is read by; the run tells which patches are stored alike."""

    kind: str
    id: int
    run: str = ""


class ProjectPatches:
    """Reads real crops and synthetic patches of a project, with a connection of its own.

    Parameters
    ----------
    path : Path
        The project folder.
    """

    def __init__(self, path: Path) -> None:
        self._project = Project.open(path, read_only=True)

    def read(self, keys: Sequence[Hashable]) -> list[NDArray[np.generic]]:
        """Return one (C, Y, X) array for each `PatchKey`, in raw intensities."""
        found: dict[Hashable, NDArray[np.generic]] = {}
        alike: dict[tuple[str, str], list[PatchKey]] = {}
        for key in keys:
            assert isinstance(key, PatchKey)
            alike.setdefault((key.kind, key.run), []).append(key)
        for (kind, _run), group in alike.items():
            ids = [key.id for key in group]
            patches: Iterable[NDArray[np.generic]]
            if kind == REAL:
                patches = self._project.crops(ids, size=REAL_SIZE, fit="whole")
            else:
                patches = self._project.read_synthetic(ids)
            found.update(zip(group, patches, strict=True))
        return [found[key] for key in keys]

    def close(self) -> None:
        """Close the connection."""
        self._project.close()


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
        self._keys: list[PatchKey] = []
        self._row_of: dict[PatchKey, int] = {}
        self._reviews: list[str] = []
        self._classes: list[int] = []
        self._names: dict[int, str] = {}
        self._colors: dict[int, QColor] = {}
        self.suggested: dict[int, int] = {}
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
            self._thread.start()

    def set_classes(self, names: Mapping[int, str], colors: Mapping[int, str]) -> None:
        """Set the classes' names and colours."""
        self._names = dict(names)
        self._colors = {class_id: QColor(color) for class_id, color in colors.items()}

    def set_suggested(self, class_ids: Mapping[int, int]) -> None:
        """Set the classes that are suggested for real crops, by the object's id."""
        self.suggested = dict(class_ids)

    def set_table(self, table: pd.DataFrame) -> None:
        """Show these patches; where only reviews differ from what is shown, the rows and the selection stay.

        Parameters
        ----------
        table : DataFrame
            With the columns `COLUMNS`, in the order on the screen.
        """
        # Lists of plain values: walking through a column of pandas takes ten times as long.
        keys = list(map(PatchKey, *(table[name].tolist() for name in ("kind", "id", "run"))))
        if keys == self._keys:
            self._fill(table)
            if keys:
                self.dataChanged.emit(self.index(0), self.index(len(keys) - 1))
            return
        self.beginResetModel()
        if self._thread is not None:
            self._thread.forget()
        self._keys = keys
        self._row_of = {key: row for row, key in enumerate(keys)}
        self._fill(table)
        self.endResetModel()

    def _fill(self, table: pd.DataFrame) -> None:
        self.table = table.reset_index(drop=True)
        self._reviews = table["review"].tolist()
        self._classes = table["class_id"].tolist()

    def set_reviews(self, rows: Sequence[int], verdict: str, reason: str) -> None:
        """Show a verdict on some rows (one at least) without reading the others again."""
        self.table.loc[list(rows), ["review", "reason"]] = [verdict, reason]
        for row in rows:
            self._reviews[row] = verdict
        # Once for all of them: thousands are judged by one key.
        self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))

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
        return self._row_of.get(key)

    def key(self, row: int) -> PatchKey:
        """Return what the patch of a row is read by."""
        return self._keys[row]

    def review(self, row: int) -> str:
        """Return the verdict on a row's patch: empty, accepted or rejected."""
        return self._reviews[row]

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
        return 0 if parent is not None and parent.isValid() else len(self._keys)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what the delegate paints of a row."""
        if not index.isValid() or index.row() >= len(self._keys):
            return None
        row = index.row()
        if role == Qt.ItemDataRole.DecorationRole:
            return self.pixmap(self._keys[row])
        if role == self.KeyRole:
            return self._keys[row]
        if role == self.ReviewRole:
            return self._reviews[row]
        if role == self.ColorRole:
            return self._colors.get(self._classes[row])
        if role == self.SuggestedRole:
            key = self._keys[row]
            return self._colors.get(self.suggested.get(key.id, 0)) if key.kind == REAL else None
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._words(row)
        return None

    def _words(self, row: int) -> str:
        key, values = self._keys[row], self.table.iloc[row]
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
        rows = [self._row_of[key] for key, _ in pictures if key in self._row_of]
        if rows:
            self.dataChanged.emit(self.index(min(rows)), self.index(max(rows)))
        else:
            # A patch beside the list (the nearest real one) has come.
            self.dataChanged.emit(QModelIndex(), QModelIndex())


class PatchDelegate(QStyledItemDelegate):
    """Paints a patch with its class as a bar below it, a mark for its verdict, and a frame where it is selected."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.side = 64

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the size of a cell, the same for all."""
        return QSize(self.side + 4, self.side + 7)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one cell."""
        area = QRect(option.rect.x() + 2, option.rect.y() + 2, self.side, self.side)
        pixmap = index.data(Qt.ItemDataRole.DecorationRole)
        review = index.data(GalleryModel.ReviewRole)
        if pixmap is None:
            painter.fillRect(area, QColor("#3a3f4a"))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.setOpacity(0.35 if review == REJECTED else 1.0)
            painter.drawPixmap(area, pixmap)
            painter.setOpacity(1.0)
        color = index.data(GalleryModel.ColorRole)
        if color is not None:
            # Real patches have a whole bar, synthetic ones a broken one: told apart without reading.
            self._bar(painter, area, color, broken=index.data(GalleryModel.KeyRole).kind == SYNTHETIC)
        elif (suggested := index.data(GalleryModel.SuggestedRole)) is not None:
            # Hollow: nobody has labelled it yet.
            painter.setPen(QPen(suggested, 1))
            painter.drawRect(area.left(), area.bottom() + 1, area.width() - 1, 3)
        if review:
            self._mark(painter, area, review)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(QColor("#ffffff"), 2))
            painter.drawRect(area.adjusted(0, 0, -1, -1))

    @staticmethod
    def _bar(painter: QPainter, area: QRect, color: QColor, *, broken: bool) -> None:
        top = area.bottom() + 1
        if not broken:
            painter.fillRect(area.left(), top, area.width(), 3, color)
            return
        step = max(6, area.width() // 8)
        for left in range(area.left(), area.right(), step):
            painter.fillRect(left, top, step // 2, 3, color)

    @staticmethod
    def _mark(painter: QPainter, area: QRect, review: str) -> None:
        spot = QRect(area.right() - 14, area.top() + 1, 14, 14)
        painter.fillRect(spot, QColor("#1d7f4e" if review == ACCEPTED else "#b0472b"))
        painter.setPen(QColor("white"))
        painter.drawText(spot, int(Qt.AlignmentFlag.AlignCenter), "✓" if review == ACCEPTED else "✕")
