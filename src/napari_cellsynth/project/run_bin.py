"""The bin for runs: a deleted run's folder waits in ``bin/``, and what it made is out of sight until it is taken back.

A move of one folder is all there is to it. Where the folder lies says whether the run is deleted, so a crash leaves it
here or there and never in between, and its patches, reviews and predictions come back with it as they were.

Emptying the bin leaves each run's folder there with a note in it: it keeps the run's patches out of sight, whose rows
the journal of reviews names, and its id from being given again.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.arrays import patch_chunks
from napari_cellsynth.project.base import ProjectPart
from napari_cellsynth.project.paths import inside, is_plain

BIN = "bin"
EMPTIED = "emptied"
"""The note in the folder of a run that cannot be taken back."""


def binned(project: Path) -> list[str]:
    """Return the ids of the deleted runs of the project in this folder, sorted."""
    place = inside(project, BIN)
    try:
        return sorted(entry.name for entry in os.scandir(place) if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{place} cannot be read: {error.strerror}.", "Check the permissions.") from error


class RunBin(ProjectPart):
    """Deleting runs and taking them back."""

    def deleted_runs(self) -> list[str]:
        """Return the ids of the runs in the bin that can be taken back."""
        return [name for name in binned(self.path) if not (self.path / BIN / name / EMPTIED).exists()]

    def bin_size(self, run_ids: Collection[str] | None = None) -> int:
        """Return how many bytes `empty_bin` would free on the disk: the runs' folders and their patches' pixels."""
        names = self._to_empty(run_ids)
        files = [file for name in names for file in _files(self.path / BIN / name)]
        return sum(_size(file) for file in [*files, *self._lone_chunks(names)])

    def empty_bin(self, run_ids: Collection[str] | None = None) -> list[str]:
        """Delete runs that are in the bin for good: record, weights, samples, predictions and patches.

        Parameters
        ----------
        run_ids : collection of str, optional
            Of the runs in the bin these; all of them by default.

        Returns
        -------
        list of str
            The runs that are gone.

        Raises
        ------
        UserError
            When the project is read-only, one of them is not in the bin, or a file cannot be deleted.
        """
        if self.read_only:
            raise UserError(f"{self.path} was opened read-only.", "Open it for writing.")
        names = self._to_empty(run_ids)
        if missing := sorted(set(run_ids or ()) - set(names)):
            raise UserError(f"There is no {missing[0]!r} in the bin.", "Delete the run first.")
        chunks = self._lone_chunks(names)
        try:
            for name in names:
                # From here on it cannot be taken back, whenever this breaks off.
                (self.path / BIN / name / EMPTIED).touch()
            for name in names:
                for entry in sorted((self.path / BIN / name).iterdir()):
                    if entry.is_dir() and not entry.is_symlink():
                        shutil.rmtree(entry)
                    elif entry.name != EMPTIED:
                        entry.unlink()
                self._db.write("DELETE FROM predictions WHERE run = ?", (name,))
            for file in chunks:
                file.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"The bin cannot be emptied: {error.strerror or error}.", "Close what uses it.") from error
        self._changed("runs_changed")
        return names

    def _to_empty(self, run_ids: Collection[str] | None) -> list[str]:
        """Return the runs to delete; what an earlier try left of others goes with them."""
        left = [name for name in binned(self.path) if len(os.listdir(self.path / BIN / name)) > 1]
        whole = self.deleted_runs()
        return [name for name in sorted({*left, *whole}) if run_ids is None or name in run_ids or name not in whole]

    def _lone_chunks(self, run_ids: Collection[str]) -> list[Path]:
        """Return the files of pixels in which no other run than these (and those emptied before) has a patch."""
        gone = {*run_ids, *(name for name in binned(self.path) if name not in self.deleted_runs())}
        of: dict[tuple[str, int], set[str]] = {}
        rows = self._db.read("SELECT array, slot, run FROM patches")
        sizes = {name: patch_chunks(name)[0] for name in {row[0] for row in rows}}
        for name, slot, run in rows:
            of.setdefault((name, int(slot) // sizes[name]), set()).add(run)
        found = [chunk for chunk, runs in of.items() if runs <= gone]
        place = inside(self.path, "patches.zarr")
        files = [place.joinpath(name, "c", str(chunk), "0", "0", "0") for name, chunk in found]
        return [file for file in files if file.exists()]

    def delete_run(self, run_id: str) -> None:
        """Move a run into the project's bin: its record, weights, curves and samples.

        Its synthetic patches and predictions are kept, but nothing shows them or learns from them until `restore_run`.

        Raises
        ------
        UserError
            When there is no such run, it is being trained, the project is read-only, or the folder cannot be moved.
        """
        status = self.run(run_id).status  # type: ignore[attr-defined]
        if status == "running":
            raise UserError(f"{run_id} is being trained.", "Stop it first.")
        self._move(self.path / "runs" / run_id, self.path / BIN / run_id)

    def restore_run(self, run_id: str) -> None:
        """Take a run back out of the bin, with its patches and predictions.

        Raises
        ------
        UserError
            When it is not in the bin, the project is read-only, or the folder cannot be moved.
        """
        if run_id not in self.deleted_runs():
            names = ", ".join(self.deleted_runs()[:5])
            raise UserError(f"There is no {run_id!r} in the bin.", f"It holds {names}." if names else "It is empty.")
        self._move(self.path / BIN / run_id, self.path / "runs" / run_id)

    def _move(self, source: Path, target: Path) -> None:
        if self.read_only:
            raise UserError(f"{self.path} was opened read-only.", "Open it for writing.")
        inside(target.parent.parent, target.parent.name)
        if os.path.lexists(target):
            raise UserError(f"{target} exists already.", "Move it away first.")
        try:
            target.parent.mkdir(exist_ok=True)
            os.rename(source, target)
        except OSError as error:
            raise UserError(
                f"{source} cannot be moved to {target.parent.name}/: {error.strerror}.", "Check disk and permissions."
            ) from error
        for name in ("runs_changed", "synthetic_changed", "predictions_changed"):
            self._changed(name)


def size_words(size: int) -> str:
    """Return a number of bytes for people: ``12.3 MB``."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"


def _files(folder: Path) -> list[Path]:
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0


def no_run(project: Path, run_id: str, known: list[str]) -> UserError:
    """Return what is said where a run is asked for that there is not."""
    if is_plain(run_id) and run_id in binned(project):
        if (project / BIN / run_id / EMPTIED).exists():
            return UserError(f"{run_id} was deleted for good with the bin.", "Train again.")
        return UserError(f"{run_id} is in the bin.", f"Take it back: runs PROJECT {run_id} --restore")
    names = ", ".join(known[:5])
    return UserError(
        f"There is no run {run_id!r}.", f"The newest are {names}." if names else "The project has none yet."
    )


def without_binned(project: Path, column: str) -> tuple[str, list[Any]]:
    """Return an SQL condition that leaves the rows of deleted runs out, and its parameters."""
    names = binned(project)
    return (f"{column} NOT IN (SELECT value FROM json_each(?))", [json.dumps(names)]) if names else ("1", [])
