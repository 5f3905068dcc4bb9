"""Adding images to the project: files, a folder, a pattern, or a layer that is on the canvas."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QInputDialog, QMenu, QPushButton, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.series import series_in
from napari_cellsynth.imaging.source import ENDINGS
from napari_cellsynth.project import Project
from napari_cellsynth.project.groups import groups_in_words
from napari_cellsynth.widgets.background import Background
from napari_cellsynth.widgets.button_text import literal
from napari_cellsynth.widgets.session import Session

_LONGEST = 200
"""Bytes of a file's stem."""

FILTER = f"Images ({' '.join(f'*{ending}' for ending in ENDINGS)})"


class Added(NamedTuple):
    """The project that images were added to, their ids there, how many are new, and what is to be said of them."""

    project: Path
    ids: list[int]
    new: int
    notices: list[str]


class ImageAdder(QWidget):
    """The “Add…” button.

    Reading and hashing many files takes a while, so it is done in a thread that opens the project for itself.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._reader = Background(self)
        session.workers.append(self._reader)
        self._reader.done.connect(self._on_added)
        self._reader.failed.connect(self._on_failed)
        self.group_by = ""
        self._source_layer: Any = None
        self.button = QPushButton("Add…")
        self.button.setObjectName("add_images")
        self.menu = QMenu(self.button)
        self.menu.aboutToShow.connect(self._fill)
        self.button.setMenu(self.menu)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)

    def add(self, paths: Sequence[Path | str]) -> None:
        """Link these series (files, folders or globs) to the project."""
        project = self._session.project
        if project is None:
            self._session.report(UserError("No project is open.", "Make or open one in the bar at the top."))
            return
        self.button.setText("Adding…")
        self.button.setEnabled(False)
        self._reader.run(partial(_add, Path(project.path), [str(path) for path in paths], self.group_by or None))

    def add_layer(self, layer: Any) -> None:
        """Link the file of an image layer; a layer that is only in memory is first saved beside the project."""
        project = self._session.project
        if project is None:
            self.add([])
            return
        path = layer.source.path
        self._source_layer = layer
        # A reader plugin's layer may be one channel or one series of a file; only the whole file can be linked.
        if path and Path(path).exists() and Path(path).suffix.lower() in ENDINGS:
            self.add([path])
            return
        target = free_path(Path(project.path).parent / f"{Path(project.path).stem}-images", layer.name)
        with self._session.reporting():
            read = time_series(layer)
            self.button.setText("Saving…")
            self.button.setEnabled(False)
            self._session.inform(f"“{layer.name}” is only in memory: it is saved as {target} and linked from there.")
            folder, group = Path(project.path), self.group_by or None
            self._reader.run(lambda: _save_and_add(read, target, folder, group))

    # ------------------------------------------------------------------ asking the person
    def _fill(self) -> None:
        self.menu.clear()
        self.menu.addAction("Files…", self.ask_files).setToolTip("Each file is one series.")
        self.menu.addAction("Folder…", self.ask_folder).setToolTip("A time-lapse, a folder of videos, or a plate.")
        self.menu.addAction("Pattern as one time-lapse…", self.ask_pattern)
        viewer = self._session.viewer
        layers = [] if viewer is None else [x for x in viewer.layers if is_addable(self._session, x)]
        if layers:
            self.menu.addSeparator()
        for layer in layers:
            self.menu.addAction(f"Layer “{literal(layer.name)}”", partial(self.add_layer, layer))

    def ask_files(self) -> None:
        """Ask for files; each becomes a series."""
        chosen, _ = QFileDialog.getOpenFileNames(self, "Add images", "", FILTER)
        if chosen:
            self.add(chosen)

    def ask_folder(self) -> None:
        """Ask for a folder: the frames of one time-lapse, videos, a plate or an OME-Zarr image."""
        chosen = QFileDialog.getExistingDirectory(self, "Add a folder of frames, a folder of videos, or a plate")
        if chosen:
            self.add([chosen])

    def ask_pattern(self) -> None:
        """Ask for a pattern that matches the frames of one time-lapse."""
        text, good = QInputDialog.getText(self, "Add a pattern", "Files of one time-lapse (e.g. /data/well1_t*.tif):")
        if good and text.strip():
            self.add([text.strip()])

    # ------------------------------------------------------------------ answers
    def _on_added(self, added: Added, _seconds: float) -> None:
        self._rest()
        layer, self._source_layer = self._source_layer, None
        project = self._session.project
        # The person may have gone on to another project, whose images have the same ids.
        if project is None or Path(project.path) != added.project:
            self._session.inform(f"The images were added to {added.project}.")
            return
        self._session.images_changed.emit()
        if self.group_by and added.new:
            groups = project.images().loc[added.ids, "group"]
            self._session.inform(f"{added.new} series added, in {groups_in_words(groups)}.")
        if not added.new and added.ids:
            self._session.report("These images are in the project already.")
        elif added.notices:
            self._session.inform(" ".join(added.notices))
        if added.ids:
            self._session.show_image(added.ids[0])
            # The same pixels are on the canvas twice now; the person's own layer is only hidden.
            if layer is not None:
                layer.visible = False

    def _on_failed(self, error: UserError) -> None:
        self._rest()
        self._source_layer = None
        self._session.report(error)

    def _rest(self) -> None:
        """Make the button ready for the next images."""
        self.button.setText("Add…")
        self.button.setEnabled(True)


def is_addable(session: Session, layer: Any) -> bool:
    """Whether a layer on the canvas is an image that is not the project's own."""
    return type(layer).__name__ == "Image" and not session.layers.owns(layer)


def time_series(layer: Any) -> Callable[[], NDArray[Any]]:
    """Return what reads an image layer's pixels as (T, Y, X) or, for colour, (T, Y, X, 3).

    Reading is left to a thread: a lazy layer may take minutes to compute.

    Raises
    ------
    UserError
        Where the layer has other axes than time, rows and columns.
    """
    if layer.multiscale:
        raise UserError(f"“{layer.name}” is a pyramid.", "Save its full resolution as OME-TIFF and add that file.")
    pixels, spatial = layer.data, 2 + bool(layer.rgb)
    if pixels.ndim not in (spatial, spatial + 1):
        raise UserError(f"“{layer.name}” has {pixels.ndim} axes.", "Add layers of (time,) rows, columns.")
    color = bool(layer.rgb)

    def read() -> NDArray[Any]:
        series = np.asarray(pixels)
        series = series if series.ndim > spatial else series[None]
        return series[..., :3] if color else series

    return read


def free_path(folder: Path, name: str) -> Path:
    """Return a TIFF path in `folder` after a layer's name that is not taken."""
    stem = re.sub(r"[^\w.-]+", "_", name).strip("_.") or "image"
    # File systems allow 255 bytes, and some characters take four.
    stem = stem.encode()[:_LONGEST].decode(errors="ignore")
    path, number = folder / f"{stem}.tif", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.tif", number + 1
    return path


def _save_and_add(read: Callable[[], NDArray[Any]], target: Path, project: Path, group_by: str | None) -> Added:
    import tifffile

    pixels = read()
    try:
        target.parent.mkdir(exist_ok=True)
        color = pixels.ndim == 4
        tifffile.imwrite(
            target,
            pixels,
            photometric="rgb" if color else "minisblack",
            metadata={"axes": "TYXS" if color else "TYX"},
        )
    except OSError as error:
        text = f"{target} could not be written: {error.strerror}."
        raise UserError(text, "Check the folder and the disk.") from error
    return _add(project, [str(target)], group_by)


def _add(path: Path, images: list[str], group_by: str | None) -> Added:
    with Project.open(path) as project:
        before, notices = len(project.images()), [notice for image in images for notice in series_in(image).notices]
        ids = project.add_images(images, group_by=group_by)
        return Added(path, ids, len(project.images()) - before, notices)
