"""The records of trainings: ``runs/<id>/run.json`` is the only truth, written beside and renamed into place."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from napari_cellsynth.atomic import write_text
from napari_cellsynth.errors import UserError
from napari_cellsynth.project.base import plain
from napari_cellsynth.project.paths import inside, is_plain
from napari_cellsynth.project.run_bin import RunBin, binned, no_run

RunKind = Literal["gan", "classifier", "experiment", "drawing"]
RunStatus = Literal["running", "stopped", "finished", "failed"]
_KINDS = ("gan", "classifier", "experiment", "drawing")
_STATUSES = ("running", "stopped", "finished", "failed")
_CHANGEABLE = {"parameters", "groups", "fold", "result", "ended"}


@dataclass(frozen=True)
class RunRecord:
    """One training.

    Attributes
    ----------
    id : str
        For example ``"gan-0003"``; also its folder's name.
    kind : {"gan", "classifier", "experiment", "drawing"}
        What was trained or compared; or that artificial patches were drawn.
    recipe : str
        The recipe's name.
    parameters : dict
        Every hyperparameter.
    class_id : int or None
        The class of a GAN that learned one alone.
    groups : tuple of str
        All groups that any of its training data came from; the guard against leaks reads them.
    fold : int or None
        The fold whose held-out groups it did not see.
    seed : int
        Of the training.
    status : {"running", "stopped", "finished", "failed"}
        A run whose process is gone is ``"stopped"``.
    created, ended : str
        ISO 8601, UTC; ``ended`` is empty while it runs.
    result : dict
        What the training returned.
    folder : Path
        Where its metrics, weights and samples are.
    """

    id: str
    kind: RunKind
    recipe: str
    parameters: dict[str, Any]
    class_id: int | None
    groups: tuple[str, ...]
    fold: int | None
    seed: int
    status: RunStatus
    created: str
    ended: str
    result: dict[str, Any]
    folder: Path = field(compare=False)
    process: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def class_ids(self) -> tuple[int, ...]:
        """The classes that a run knows; an id's place is the class's number in the network."""
        if self.class_id is not None:
            return (self.class_id,)
        return tuple(int(class_id) for class_id in self.parameters.get("class_ids", ()))

    def objects_of(self, class_id: int) -> list[int]:
        """Return the objects of a class that a GAN run has learned from."""
        objects = [int(object_id) for object_id in self.parameters.get("objects", ())]
        if "object_classes" not in self.parameters:
            return objects if class_id == self.class_id else []
        if class_id not in self.class_ids:
            return []
        place = self.class_ids.index(class_id)
        of_class = self.parameters["object_classes"]
        return [object_id for object_id, each in zip(objects, of_class, strict=True) if each == place]

    def quality(self, class_id: int) -> dict[str, Any]:
        """Return the figures of a GAN run's patches of a class; empty where they have not been measured."""
        table = (self.result.get("quality") or {}).get(str(class_id))
        return table if isinstance(table, dict) else {}


class Runs(RunBin):
    """Starting, changing and listing runs."""

    def new_run(
        self,
        kind: RunKind,
        recipe: str,
        parameters: dict[str, Any],
        *,
        class_id: int | None = None,
        groups: Sequence[str],
        seed: int,
        fold: int | None = None,
    ) -> RunRecord:
        """Record the start of a training and make its folder; the next free id is taken, by one process alone.

        Raises
        ------
        UserError
            When the project is read-only or its folder cannot be written.
        """
        if kind not in _KINDS:
            raise ValueError(f"kind is one of {_KINDS}, not {kind!r}")
        self._check_writable()
        folder = self._new_folder(kind)
        record = RunRecord(
            id=folder.name,
            kind=kind,
            recipe=recipe,
            parameters=dict(parameters),
            class_id=class_id,
            groups=tuple(sorted(set(groups))),
            fold=fold,
            seed=int(seed),
            status="running",
            created=_now(),
            ended="",
            result={},
            folder=folder,
            process=_this_process(),
        )
        _write(record)
        self._changed("runs_changed")
        return record

    def update_run(self, run_id: str, status: RunStatus | None = None, **changes: Any) -> RunRecord:
        """Change a run's record: its status, or ``result``, ``parameters``, ``groups``, ``fold``, ``ended``.

        Raises
        ------
        UserError
            When there is no such run, or it is to be marked as running and another process of this machine trains it.
        """
        unknown = set(changes) - _CHANGEABLE
        if unknown:
            raise TypeError(f"a run's {sorted(unknown)} cannot be changed")
        if status is not None and status not in _STATUSES:
            raise ValueError(f"status is one of {_STATUSES}, not {status!r}")
        self._check_writable()
        if status != "running":
            return self._updated(self.run(run_id), status, changes)
        with self._db.transaction():  # two processes that ask for one run at once are let in one after the other
            record = self.run(run_id)
            if record.status == "running" and _runs_elsewhere(record.process):
                raise UserError(f"{run_id} is being trained by another process.", "Wait for it, or stop it first.")
            return self._updated(record, status, changes)

    def _updated(self, record: RunRecord, status: RunStatus | None, changes: dict[str, Any]) -> RunRecord:
        if "groups" in changes:
            changes["groups"] = tuple(sorted(set(changes["groups"])))
        if status == "running":
            changes |= {"status": status, "process": _this_process(), "ended": ""}
        elif status is not None:
            changes = {"ended": _now()} | changes | {"status": status, "process": {}}
        record = replace(record, **changes)
        _write(record)
        self._changed("runs_changed")
        return record

    def run(self, run_id: str) -> RunRecord:
        """Return a run's record.

        Raises
        ------
        UserError
            When there is none, or it is damaged.
        """
        # An id is a plain name: nothing outside of the project's runs can be meant.
        folder = inside(self.path / "runs", run_id) if is_plain(run_id) else None
        if folder is None or not os.path.isfile(folder / "run.json"):
            raise no_run(self.path, run_id, [record.id for record in self.runs()])
        return _read(folder)

    def runs(self, kind: RunKind | None = None) -> list[RunRecord]:
        """Return the runs (of one kind), newest first; damaged records are left out (`run` says what is wrong)."""
        records = []
        for file in (self.path / "runs").glob("*/run.json"):
            # One damaged record must not hide the others.
            with suppress(UserError):
                records.append(_read(inside(self.path / "runs", file.parent.name)))
        wanted = [record for record in records if kind is None or record.kind == kind]
        return sorted(wanted, key=lambda record: (record.created, record.id), reverse=True)

    def _check_writable(self) -> None:
        if self.read_only:
            raise UserError(f"{self.path} was opened read-only.", "Open it for writing to train.")

    def _new_folder(self, kind: str) -> Path:
        place = self.path / "runs"
        try:
            place.mkdir(exist_ok=True)
            # An id that patches or predictions name is never given again, even where its folder was deleted: they would
            # pass for the new run's, and what that run saw for what theirs saw.
            named = self._db.read("SELECT run FROM patches UNION SELECT run FROM prediction_runs")
            ids = [folder.name for folder in place.iterdir()] + binned(self.path) + [str(row[0]) for row in named]
            taken = [int(found[1]) for name in ids if (found := re.fullmatch(rf"{kind}-([0-9]{{1,9}})", name))]
            number = max(taken, default=0) + 1
            while True:
                folder = place / f"{kind}-{number:04d}"
                try:
                    folder.mkdir()  # Fails where another process was quicker.
                except FileExistsError:
                    number += 1
                else:
                    return folder
        except OSError as error:
            raise UserError(f"{place} cannot be written: {error.strerror}.", "Check the permissions.") from error


def _write(record: RunRecord) -> None:
    values = asdict(record)
    del values["folder"]
    text = json.dumps(values, indent=1, default=plain)
    try:
        write_text(record.folder / "run.json", text)
    except OSError as error:
        raise UserError(f"{record.folder} cannot be written: {error.strerror}.", "Check the disk.") from error


def _read(folder: Path) -> RunRecord:
    file = folder / "run.json"
    names = {item.name for item in fields(RunRecord)} - {"folder"}
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        _check_shape(values, folder)
        record = RunRecord(folder=folder, **{name: values[name] for name in names})
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{file} is damaged.", f"Move the folder {folder.name} out of runs/.") from error
    status: RunStatus = "stopped" if record.status == "running" and _is_gone(record.process) else record.status
    return replace(record, groups=tuple(record.groups), status=status)


def _check_shape(values: dict[str, Any], folder: Path) -> None:
    """Raise ValueError where a value is not what `RunRecord` says."""
    expected: dict[str, type | tuple[type, ...]] = {
        "recipe": str, "created": str, "ended": str, "parameters": dict, "result": dict, "process": dict,
        "groups": list, "seed": int, "class_id": (int, type(None)), "fold": (int, type(None)),
    }  # fmt: skip
    wrong = [name for name, kind in expected.items() if not isinstance(values[name], kind)]
    if wrong or values["kind"] not in _KINDS or values["status"] not in _STATUSES:
        raise ValueError(f"wrong values: {wrong}")
    # A copied or renamed folder is not the run that its record names.
    if values["id"] != folder.name or not all(isinstance(group, str) for group in values["groups"]):
        raise ValueError("wrong id or groups")
    _check_lists(values["parameters"], values["result"])


def _check_lists(parameters: dict[str, Any], result: dict[str, Any]) -> None:
    """Raise ValueError where what `RunRecord` itself reads out of parameters and result is not what it takes it for."""
    for name in ("class_ids", "objects", "object_classes"):
        numbers = parameters.get(name, [])
        if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
            raise ValueError(f"wrong {name}")
    places = parameters.get("object_classes")
    if places is not None and len(places) != len(parameters.get("objects", [])):
        raise ValueError("not one class for each object")
    if not isinstance(result.get("quality") or {}, dict):
        raise ValueError("wrong quality")


def _this_process() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid()}


def _runs_elsewhere(process: dict[str, Any]) -> bool:
    """Whether a run belongs to another process of this machine that is still there."""
    mine = process == _this_process()
    return not mine and process.get("host") == socket.gethostname() and not _is_gone(process)


def _is_gone(process: dict[str, Any]) -> bool:
    """Whether a run's process has ended without saying so; unknown (False) on another machine and on Windows."""
    if os.name != "posix" or process.get("host") != socket.gethostname():
        return False
    try:
        os.kill(int(process["pid"]), 0)
    except (ProcessLookupError, KeyError, TypeError, ValueError, OverflowError):
        return True
    except PermissionError:
        return False
    return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
