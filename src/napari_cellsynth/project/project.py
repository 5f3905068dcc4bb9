"""The project: a folder ``NAME.cellsynth`` with all that was segmented, labelled, generated and trained."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.backups import FOLDER, BackingUp, backups
from napari_cellsynth.project.blind import BlindRounds
from napari_cellsynth.project.class_edits import ClassEdits
from napari_cellsynth.project.crops import Crops
from napari_cellsynth.project.database import Database
from napari_cellsynth.project.large_masks import FOLDER as LARGE_MASKS
from napari_cellsynth.project.opinions import Opinions
from napari_cellsynth.project.patches import Synthetic
from napari_cellsynth.project.paths import inside, usable
from napari_cellsynth.project.predictions import Predictions
from napari_cellsynth.project.run_bin import BIN
from napari_cellsynth.project.schema import APPLICATION_ID, GO_BACK, read_header
from napari_cellsynth.project.watching import Watched

SUFFIX = ".cellsynth"
_DATABASE = "project.db"


class Project(Crops, Synthetic, Opinions, ClassEdits, BlindRounds, Predictions, Watched):
    """An open project; made by `create` or `open`, used from one thread, closed by ``with`` or `close`.

    Several processes may have the same project open and write to it: every change is one short transaction, on the disk
    before the method returns. The psygnal signals ``labels_changed(list)``, ``objects_changed``, ``images_changed``,
    ``classes_changed``, ``synthetic_changed``, ``runs_changed`` and ``predictions_changed`` follow each change made
    through this object; `catch_up` emits them for what others have changed.

    Attributes
    ----------
    path : Path
        The folder, absolute.
    read_only : bool
        Whether nothing can be changed.

    Examples
    --------
    >>> import napari_cellsynth as cs
    >>> with cs.Project.create("cells.cellsynth", classes=["round", "long"]) as project:
    ...     images = project.add_images(["plate.tif"])
    ...     [record.name for record in project.classes()]
    ['round', 'long']
    """

    _backing_up: BackingUp | None = None

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        classes: Iterable[str] = (),
        pixel_size_um: float | None = None,
        multi_label: bool = False,
    ) -> Project:
        """Make a new project and open it.

        Parameters
        ----------
        path : str or Path
            The folder to make; ``.cellsynth`` is added where it is missing.
        classes : iterable of str
            The names of the first classes.
        pixel_size_um : float, optional
            The pixels' side in µm for images that do not state theirs.
        multi_label : bool
            Whether an object may have several classes (`set_multi_label`).

        Raises
        ------
        UserError
            When the folder exists and is not empty, or cannot be made.
        """
        if not str(path).strip() or Path(path).name in ("", ".."):
            raise UserError(f"{str(path)!r} is not a name for a project.", "Give it one, for example colonies.")
        folder = usable(_with_suffix(usable(path)))
        if folder.is_dir() and not (folder / _DATABASE).exists() and backups(folder):
            raise UserError(f"{folder} has lost its {_DATABASE}.", GO_BACK)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} exists already.", "Open it, or choose another name.")
        if pixel_size_um is not None and not 0 < pixel_size_um < 1e6:
            raise UserError(f"{pixel_size_um} µm is not a pixel size.", "Give the side of a pixel in micrometres.")
        # Made beside and renamed, so that nobody ever meets half a project.
        beside = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            beside.mkdir()
            try:
                _fill(beside, list(classes), pixel_size_um, multi_label)
                if folder.exists():
                    folder.rmdir()
                beside.rename(folder)
            except BaseException:
                shutil.rmtree(beside, ignore_errors=True)
                raise
        except OSError as error:
            raise UserError(f"{folder} cannot be made: {error.strerror}.", "Choose another folder.") from error
        return cls.open(folder)

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> Project:
        """Open a project.

        Parameters
        ----------
        path : str or Path
            Its folder; ``.cellsynth`` may be left out.
        read_only : bool
            Open without ever writing; needed where the folder cannot be written.

        Raises
        ------
        UserError
            When the folder is missing, is no project, is a newer program's, is damaged, or cannot be written.
        """
        folder = place_of(path)
        if not folder.is_dir():
            raise UserError(f"There is no project {Path(path)}.", "Check the path, or make a new project.")
        file = folder / _DATABASE
        if not file.is_file():
            if backups(folder):
                raise UserError(f"{folder} has lost its {_DATABASE}.", GO_BACK)
            raise UserError(f"{folder} is not a CellSynth project: it has no {_DATABASE}.", "Make a new project.")
        for name in (_DATABASE, "masks.zarr", "patches.zarr", LARGE_MASKS, "runs", BIN, FOLDER):
            inside(folder, name)
        if not read_only and not cls.is_writable(folder):
            raise UserError(f"{folder} cannot be written.", "Check the permissions, or open it read-only.")
        project = cls(folder.resolve(), Database(file.resolve(), read_only=read_only))
        if not read_only:
            # A mask that cannot be moved waits in the database, where readers find it.
            with suppress(UserError):
                project._move_masks()
            project._backing_up = BackingUp(project.path)
        return project

    @staticmethod
    def is_project(path: str | Path) -> bool:
        """Whether a folder is a project (of any version); ``.cellsynth`` may be left out, as in `open`."""
        try:
            return read_header(place_of(path) / _DATABASE)[0] == APPLICATION_ID
        except UserError:
            return False

    @staticmethod
    def is_writable(path: str | Path) -> bool:
        """Whether this user may change a project; ``.cellsynth`` may be left out, as in `open`."""
        folder = place_of(path)
        return os.access(folder, os.W_OK) and os.access(folder / _DATABASE, os.W_OK)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._close_sources()
        if self._backing_up is not None:
            self._backing_up.end()
        self._db.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Project {str(self.path)!r}>"


def place_of(path: str | Path) -> Path:
    """Return the folder that a path of an existing project means."""
    folder = usable(path)
    return folder if os.path.exists(folder) or not folder.name else usable(_with_suffix(folder))


def _with_suffix(path: Path) -> Path:
    path = path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX)
    return path.absolute()


def _fill(folder: Path, classes: list[str], pixel_size_um: float | None, multi_label: bool) -> None:
    Database.create(folder / _DATABASE)
    project = Project(folder, Database(folder / _DATABASE))
    try:
        for name in classes:
            project._insert_class(name)
        if pixel_size_um is not None:
            project._db.write("INSERT INTO settings VALUES ('pixel_size_um', ?)", (repr(float(pixel_size_um)),))
        if multi_label:
            project.set_multi_label(True)
    finally:
        project.close()
