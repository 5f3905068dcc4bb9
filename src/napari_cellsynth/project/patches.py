"""The synthetic patches: pixels in ``patches.zarr``, where each came from, its review, and the guards against leaks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.errors import LeakError, UserError
from napari_cellsynth.project.actions import Change
from napari_cellsynth.project.arrays import check_chunks, opened, patch_chunks
from napari_cellsynth.project.base import ZARR_ERRORS, as_json
from napari_cellsynth.project.database import Row
from napari_cellsynth.project.journal import Labels
from napari_cellsynth.project.patch_table import COLUMNS, FIGURES, VERDICTS, Verdict, patch_table
from napari_cellsynth.project.run_bin import without_binned
from napari_cellsynth.project.runs import Runs
from napari_cellsynth.project.schema import FIRST_PATCH_ID
from napari_cellsynth.project.values import telling_damage

__all__ = ["FIGURES", "VERDICTS", "Synthetic", "Verdict", "assert_real"]


class Synthetic(Labels, Runs):
    """Keeping, reviewing and handing out synthetic patches."""

    def add_synthetic(
        self,
        run: str,
        checkpoint: str,
        class_id: int,
        seed: int,
        first_index: int,
        images: NDArray[Any],
    ) -> list[int]:
        """Keep patches that a run's generator made.

        Parameters
        ----------
        run : str
            The GAN run; its record says which groups it saw.
        checkpoint : str
            The weights' name in the run's folder.
        class_id : int
            What they show.
        seed, first_index : int
            With the checkpoint they make the same patches again: patch ``n`` has the index ``first_index + n``.
        images : ndarray, shape (N, C, S, S)
            Raw intensities in the dtype of the real images.

        Returns
        -------
        list of int
            Patch ids, from 1,000,000,000 on, so that none is an object's.

        Raises
        ------
        UserError
            When there is no such run or class.
        """
        if images.ndim != 4 or images.shape[2] != images.shape[3]:
            raise ValueError(f"patches are (N, C, S, S), not {images.shape}")
        self.run(run)
        count, channels, size, _ = images.shape
        name = f"{channels}x{size}x{size}_{images.dtype.name}"
        with self._db.transaction():
            class_id = self._checked_class(self._heirs().get(int(class_id), int(class_id)))
            [(slot,)] = self._db.read("SELECT coalesce(max(slot) + 1, 0) FROM patches WHERE array = ?", (name,))
            # The slots of a process that was killed here have no rows, so the next one fills them again.
            self._write_pixels(name, int(slot), images)
            ids = [
                self._db.write(
                    "INSERT INTO patches (run, checkpoint, class_id, seed, index_in_run, array, slot, size, channels) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (run, checkpoint, int(class_id), int(seed), int(first_index) + n, name, slot + n, size, channels),
                )
                for n in range(count)
            ]
            self._changed("synthetic_changed")
        return ids

    @telling_damage
    def synthetic(
        self,
        *,
        run: str | None = None,
        class_id: int | None = None,
        review: Verdict | None = None,
        newest: int | None = None,
    ) -> pd.DataFrame:
        """Return the synthetic patches (of a run, a class, a review), without those of runs in the bin.

        With ``newest`` only so many, those made last.

        Returns
        -------
        DataFrame
            Index ``patch_id``; run, checkpoint, class_id, seed, index_in_run, review (``""``, ``"accepted"``,
            ``"rejected"``), reason, nearest_object (0 when not measured), distance, size (pixels) and channels;
            realism, confidence (of its own class) and copy_ratio, NaN when not measured.
        """
        present, parameters = without_binned(self.path, "run")
        where = [present]
        code = VERDICTS.index(review) if review is not None else None
        for column, value in (("run", run), ("review", code)):
            if value is not None:
                where.append(f"{column} = ?")
                parameters.append(value)
        if class_id is not None:
            where.append("class_id IN (SELECT value FROM json_each(?))")
            parameters.append(self._as_class(class_id))
        rows = self._db.read(
            f"SELECT id, {', '.join(COLUMNS)} FROM patches WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",
            [*parameters, -1 if newest is None else int(newest)],
        )
        return patch_table(rows[::-1], self._heirs())

    def amounts(self) -> tuple[int, int]:
        """Return how many objects, superseded ones too, and how many synthetic patches are kept; none is read."""
        [row] = self._db.read("SELECT (SELECT count(*) FROM objects), (SELECT count(*) FROM patches)")
        return int(row[0]), int(row[1])

    @telling_damage
    def read_synthetic(self, patch_ids: Sequence[int]) -> NDArray[Any]:
        """Return patches as raw intensities (N, C, S, S), in the order of the ids.

        Raises
        ------
        UserError
            When a patch is unknown, or the patches differ in size, channels or bit depth.
        """
        wanted = [int(number) for number in patch_ids]
        rows = {row[0]: row[1:] for row in self._patch_rows(wanted, "id, array, slot")}
        arrays = sorted({row[0] for row in rows.values()})
        if len(arrays) != 1:
            raise UserError(
                f"These patches differ in shape: {', '.join(arrays)}." if arrays else "No patches were chosen.",
                "Choose patches of one size, channels and bit depth.",
            )
        slots = np.array([rows[number][1] for number in wanted])
        unique, where = np.unique(slots, return_inverse=True)
        try:
            chunks, place = patch_chunks(arrays[0]), self.path / "patches.zarr" / arrays[0]
            stored = opened(place, "r", chunks, arrays[0].rpartition("_")[2], (0, *chunks[1:]))
            check_chunks(stored, place, unique)
            found: NDArray[Any] = np.asarray(stored.oindex[unique])
            return found[where]
        except ZARR_ERRORS as error:
            raise UserError(
                f"{self.path / 'patches.zarr' / arrays[0]} is missing or damaged.", "Generate the patches again."
            ) from error

    @telling_damage
    def review(self, patch_ids: Sequence[int], verdict: Verdict, reason: str = "") -> None:
        """Accept or reject patches (``""`` takes a review back); one call is one step of `undo`.

        Raises
        ------
        UserError
            When a patch is unknown.
        """
        if verdict not in VERDICTS:
            raise ValueError(f"verdict is one of {VERDICTS}, not {verdict!r}")
        wanted = list(dict.fromkeys(int(number) for number in patch_ids))
        if not wanted:
            return
        with self._db.transaction():
            new = VERDICTS.index(verdict)
            rows = self._patch_rows(wanted, "id, review, reason")
            self._act("review", "review", [Change(number, old, new, was, reason) for number, old, was in rows])

    def set_nearest(
        self, patch_ids: Sequence[int], object_ids: Sequence[int], distances: Sequence[float] | NDArray[Any]
    ) -> None:
        """Record each patch's nearest real object and the distance to it, in the units of whoever measured."""
        triples = zip(object_ids, distances, patch_ids, strict=True)
        rows = [(int(number), float(distance), int(patch)) for number, distance, patch in triples]
        with self._db.transaction():
            self._patch_rows([row[2] for row in rows], "id")
            self._db.write_many("UPDATE patches SET nearest_object = ?, distance = ? WHERE id = ?", rows)
            self._changed("synthetic_changed")

    def set_figures(self, patch_ids: Sequence[int], figures: Mapping[str, ArrayLike]) -> None:
        """Record figures of patches, each in place of the one that was measured before.

        Parameters
        ----------
        patch_ids : sequence of int
            The patches.
        figures : mapping of str to array_like of shape (N,)
            Some of `FIGURES`: ``realism`` from 0 (1 and above: inside of the real ones), ``confidence`` in [0, 1],
            ``copy_ratio`` in [0, 1]. NaN is kept as not measured.

        Raises
        ------
        UserError
            When a patch is unknown.
        """
        if unknown := set(figures) - set(FIGURES):
            raise ValueError(f"figures are {FIGURES}, not {sorted(unknown)}")
        columns = [np.asarray(values, dtype=np.float64).tolist() for values in figures.values()]
        rows = list(zip(*columns, map(int, patch_ids), strict=True))  # SQLite keeps NaN as NULL
        with self._db.transaction():
            self._patch_rows([row[-1] for row in rows], "id")
            changes = ", ".join(f"{name} = ?" for name in figures)
            self._db.write_many(f"UPDATE patches SET {changes} WHERE id = ?", rows)
            self._changed("synthetic_changed")

    @telling_damage
    def synthetic_for_training(self, class_id: int, n: int | None, *, test_groups: Collection[str]) -> list[int]:
        """Return patches of a class that may be trained on: accepted ones first, then unreviewed, never rejected.

        Parameters
        ----------
        class_id : int
            The class.
        n : int or None
            At most so many; None for all.
        test_groups : collection of str
            All groups that the training will be tested on. Patches whose run saw one of them are never returned, nor
            those whose run's record is gone or damaged, because nobody knows what it saw.

        Raises
        ------
        LeakError
            When there are patches, but every one comes from a run that saw a test group or whose record is gone.
        """
        present, names = without_binned(self.path, "run")
        rows = self._db.read(
            "SELECT id, run FROM patches WHERE class_id IN (SELECT value FROM json_each(?)) AND review != 2 "
            f"AND {present} ORDER BY review = 1 DESC, id",
            (self._as_class(class_id), *names),
        )
        seen = {run: self._seen_of(test_groups, run) for run in {row[1] for row in rows}}
        clean = [int(number) for number, run in rows if seen[run] == []]
        if rows and not clean:
            run, groups = min(seen.items(), key=lambda item: (item[1] is None, item[0]))
            if groups is None:
                raise LeakError(
                    f"The record of the run {run} is gone or damaged, so nobody knows which groups its patches know.",
                    "Put the run's folder back, or generate from another run.",
                )
            raise LeakError(
                f"The run {run} was trained on {', '.join(groups[:3])}{' …' if len(groups) > 3 else ''}, "
                "which is in the test set.",
                "Train the GAN again on the training groups, then generate from that run.",
            )
        return clean if n is None else clean[: int(n)]

    def _as_class(self, class_id: int) -> str:
        """Return the ids under which a class's patches are kept, as JSON: its own and its merged classes'."""
        merged = [number for number, heir in self._heirs().items() if heir == int(class_id)]
        return as_json([int(class_id), *merged])

    def _seen_of(self, test_groups: Collection[str], run: str) -> list[str] | None:
        """Return the test groups that a run saw; None where its record is gone or damaged."""
        try:
            return sorted(set(test_groups) & set(self.run(run).groups))
        except UserError:
            return None

    def _patch_rows(self, wanted: list[int], columns: str) -> list[Row]:
        ids = list(dict.fromkeys(wanted))
        rows = self._db.read(
            f"SELECT {columns} FROM patches WHERE id IN (SELECT value FROM json_each(?))", (as_json(ids),)
        )
        if len(rows) != len(ids):
            known = {row[0] for row in self._db.read("SELECT id FROM patches")}
            unknown = next(number for number in ids if number not in known)
            raise UserError(f"There is no synthetic patch {unknown}.", "Reload the gallery.")
        return rows

    def _write_pixels(self, name: str, slot: int, images: NDArray[Any]) -> None:
        import zarr

        place = self.path / "patches.zarr"
        try:
            chunks = patch_chunks(name)
            group = zarr.open_group(str(place), mode="a", zarr_format=3)
            if name not in group:
                group.create_array(name, shape=(0, *chunks[1:]), chunks=chunks, dtype=images.dtype)
            stored = opened(place / name, "r+", chunks, images.dtype.name, (0, *chunks[1:]))
            if stored.shape[0] < slot + len(images):
                stored.resize((slot + len(images), *images.shape[1:]))
            stored[slot : slot + len(images)] = images
        except OSError as error:
            raise UserError(f"{place} cannot be written: {error.strerror}.", "Check disk and permissions.") from error
        except ZARR_ERRORS as error:
            raise UserError(f"{place} is damaged.", "Restore it from a backup.") from error


def assert_real(ids: Iterable[int]) -> None:
    """Refuse synthetic patches where only real objects may be, as in every test set.

    Raises
    ------
    LeakError
        When one of the ids is a synthetic patch's.
    """
    for number in ids:
        if number >= FIRST_PATCH_ID:
            raise LeakError(f"{number} is a synthetic patch and cannot be tested on.", "Test on real objects alone.")
