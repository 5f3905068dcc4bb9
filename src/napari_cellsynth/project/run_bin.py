"""The bin for runs: a deleted run's folder waits in ``bin/``, and what it made is out of sight until it is taken back.

A move of one folder is all there is to it. Where the folder lies says whether the run is deleted, so a crash leaves it
here or there and never in between, and its patches, reviews and predictions come back with it as they were.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.base import ProjectPart
from napari_cellsynth.project.paths import inside, is_plain

BIN = "bin"


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
        """Return the ids of the runs in the bin."""
        return binned(self.path)

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


def no_run(project: Path, run_id: str, known: list[str]) -> UserError:
    """Return what is said where a run is asked for that there is not."""
    if is_plain(run_id) and run_id in binned(project):
        return UserError(f"{run_id} is in the bin.", f"Take it back: runs PROJECT {run_id} --restore")
    names = ", ".join(known[:5])
    return UserError(
        f"There is no run {run_id!r}.", f"The newest are {names}." if names else "The project has none yet."
    )


def without_binned(project: Path, column: str) -> tuple[str, list[Any]]:
    """Return an SQL condition that leaves the rows of deleted runs out, and its parameters."""
    names = binned(project)
    return (f"{column} NOT IN (SELECT value FROM json_each(?))", [json.dumps(names)]) if names else ("1", [])
