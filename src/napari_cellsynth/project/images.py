"""The linked images of a project: relative path, content hash, and the series opened from them."""

from __future__ import annotations

import filecmp
import hashlib
import os
import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.series import series_in
from napari_cellsynth.imaging.source import ImageSource, open_image
from napari_cellsynth.project.base import ProjectPart, table
from napari_cellsynth.project.database import Database, Row
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.values import telling_damage

_OPEN_SOURCES = 8
_FRAME_BYTES = 128 << 20
_WHOLE_HASH_BYTES = 128 << 20
_SAMPLE_BYTES = 256 << 10
_COLUMNS = ["name", "path", "frames", "channels", "height", "width", "dtype", "group", "split", "pixel_size_um"]


@dataclass(frozen=True)
class ImageFacts:
    """What is known of a series before it is linked: all that needs its files to be read."""

    path: str
    name: str
    shape: tuple[int, int, int, int]
    dtype: str
    pixel_size_um: float | None
    content_hash: str
    size_bytes: int
    modified_ns: int


class Images(ProjectPart):
    """Linking, listing and reading images."""

    def __init__(self, path: Path, database: Database) -> None:
        super().__init__(path, database)
        self._sources: OrderedDict[int, ImageSource] = OrderedDict()
        self._frames: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._frame_bytes = 0

    @telling_damage
    def add_images(
        self, paths: Iterable[str | Path], *, group_by: str | None = None, groups: Sequence[str] | None = None
    ) -> list[int]:
        """Link series of images to the project; nothing is copied.

        Parameters
        ----------
        paths : iterable of str or Path
            Files, folders of frames or globs of frames: one series each. A plate, or a folder of videos, is all its
            series (`imaging.series`).
        group_by : str, optional
            A regular expression with one capturing group, searched in each path (with ``/`` between folders); what it
            captures is the series' group, which never straddles a split. Without it a series is its own group.
        groups : sequence of str, optional
            The groups themselves, one a path. Without any, the fields of a plate belong to their well.

        Returns
        -------
        list of int
            Image ids in the order of `paths`, those of one path together; a series whose content is linked already
            keeps its id.

        Raises
        ------
        UserError
            When a series cannot be opened, or the expression is wrong or does not match; nothing is added then.
        """
        listed = [str(path) for path in paths]
        if groups is not None and len(groups) != len(listed):
            raise UserError(f"{len(groups)} groups were given for {len(listed)} images.", "Give one group an image.")
        given = groups or [""] * len(listed)
        series = [(one, group) for path, group in zip(listed, given, strict=True) for one in series_in(path).series]
        found = [group_of(one.path, group_by) if group_by else group or one.group for one, group in series]
        facts = [read_facts(one.path) for one, _ in series]
        with self._db.transaction():
            return self._link(facts, found)

    @telling_damage
    def images(self) -> pd.DataFrame:
        """Return all linked series.

        Returns
        -------
        DataFrame
            Index ``image_id``; columns name, path (absolute), frames, channels, height, width, dtype, group, split
            (``"train"``, ``"test"`` or ``""``), pixel_size_um and missing (the file is not where it was).
        """
        rows = self._db.read(
            "SELECT i.id, i.name, path, relative_path, frames, channels, height, width, dtype, group_name, split, "
            "pixel_size_um FROM images i JOIN groups g ON g.name = i.group_name ORDER BY i.id"
        )
        placed = [(row, self._place(row[2], row[3])) for row in rows]
        whole = [(row[0], row[1], path, *row[4:], not here) for row, (path, here) in placed]
        return table(whole, [*_COLUMNS, "missing"], "image_id").astype({"pixel_size_um": "float64", "missing": "bool"})

    @telling_damage
    def source(self, image_id: int) -> ImageSource:
        """Return the opened series; the few used last stay open.

        Raises
        ------
        UserError
            When there is no such image, or its file is gone or is not what it was.
        """
        if image_id in self._sources:
            self._sources.move_to_end(image_id)
            return self._sources[image_id]
        name, path, relative, content, size, modified = self._image_row(
            image_id, "name, path, relative_path, content_hash, size_bytes, modified_ns"
        )
        where, here = self._place(path, relative)
        if not here:
            raise UserError(f"The image {name} is not at {where} any more.", "Relink it to where it is now.")
        source = open_image(where)
        if _stamp(source) != (size, modified) and fingerprint(source) != content:
            source.close()
            raise UserError(
                f"{where} has changed since it was added to the project.", "Put the old file back, or relink the image."
            )
        self._sources[image_id] = source
        while len(self._sources) > _OPEN_SOURCES:
            self._sources.popitem(last=False)[1].close()
        return source

    @telling_damage
    def frame(self, image_id: int, frame: int) -> NDArray[Any]:
        """Return one frame, raw intensities (C, Y, X), read-only; the frames used last are kept.

        A frame larger than memory is an `imaging.large.Large`, which windows are read of.

        Raises
        ------
        UserError
            When there is no such image or frame, or its file is gone or damaged.
        """
        key = (int(image_id), int(frame))
        if key in self._frames:
            self._frames.move_to_end(key)
            return self._frames[key]
        source = self.source(key[0])
        if not 0 <= key[1] < source.shape[0]:
            raise UserError(f"{source.name} has frames 0 to {source.shape[0] - 1}, not {key[1]}.")
        pixels = source.frame(key[1])
        if source.large:
            return pixels
        pixels.flags.writeable = False
        self._frames[key] = pixels
        self._frame_bytes += pixels.nbytes
        while len(self._frames) > 1 and self._frame_bytes > _FRAME_BYTES:
            self._frame_bytes -= self._frames.popitem(last=False)[1].nbytes
        return pixels

    def relink(self, image_id: int, new_path: str | Path) -> None:
        """Point a linked series to where its files are now.

        Raises
        ------
        UserError
            When the content there is another.
        """
        name, content = self._image_row(image_id, "name, content_hash")
        facts = read_facts(new_path)
        if facts.content_hash != content:
            raise UserError(f"{facts.path} is not the image {name}: its content differs.", "Choose the original file.")
        with self._db.transaction():
            self._db.write(
                "UPDATE images SET path = ?, relative_path = ?, size_bytes = ?, modified_ns = ? WHERE id = ?",
                (facts.path, self._relative(facts.path), facts.size_bytes, facts.modified_ns, image_id),
            )
            self._changed("images_changed")
        self._forget_source(image_id)

    def _link(self, facts: Sequence[ImageFacts], groups: Sequence[str]) -> list[int]:
        """Insert the series that are new; to be called inside a transaction."""
        known: dict[str, list[tuple[int, str]]] = {}
        for number, content, path, relative in self._db.read(
            "SELECT id, content_hash, path, relative_path FROM images"
        ):
            known.setdefault(content, []).append((number, self._place(path, relative)[0]))
        names = {row[0] for row in self._db.read("SELECT name FROM images")}
        ids = []
        for fact, group in zip(facts, groups, strict=True):
            same = [number for number, path in known.get(fact.content_hash, []) if _same_content(fact, path)]
            if same:
                ids.append(same[0])
                continue
            name = _free_name(fact, names)
            names.add(name)
            number = self._insert(fact, name, group.strip() or name)
            known.setdefault(fact.content_hash, []).append((number, fact.path))
            ids.append(number)
        self._changed("images_changed")
        return ids

    def _insert(self, fact: ImageFacts, name: str, group: str) -> int:
        self._db.write("INSERT OR IGNORE INTO groups (name) VALUES (?)", (group,))
        return self._db.write(
            "INSERT INTO images (name, path, relative_path, frames, channels, height, width, dtype, group_name, "
            "pixel_size_um, content_hash, size_bytes, modified_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                name, fact.path, self._relative(fact.path), *fact.shape, fact.dtype, group,
                fact.pixel_size_um if fact.pixel_size_um is not None else self._default_pixel_size(),
                fact.content_hash, fact.size_bytes, fact.modified_ns,
            ),
        )  # fmt: skip

    def _default_pixel_size(self) -> float | None:
        rows = self._db.read("SELECT value FROM settings WHERE name = 'pixel_size_um'")
        return float(rows[0][0]) if rows else None

    def _image_row(self, image_id: int, columns: str) -> Row:
        rows = self._db.read(f"SELECT {columns} FROM images WHERE id = ?", (int(image_id),))
        if not rows:
            raise UserError(f"There is no image with the id {image_id} in {self.path.name}.")
        return rows[0]

    def _relative(self, path: str) -> str:
        try:
            return Path(os.path.relpath(path, self.path)).as_posix()
        except ValueError:  # Windows: another drive has no relative path.
            return ""

    def _place(self, path: str, relative: str) -> tuple[str, bool]:
        """Return where a series is and whether it is there: beside the project as before, else where it was."""
        if relative:
            beside = os.path.normpath(self.path / relative)
            if beside != path and _there(beside):
                return beside, True
        return path, _there(path)

    def _forget_source(self, image_id: int) -> None:
        source = self._sources.pop(image_id, None)
        if source is not None:
            source.close()
        for key in [key for key in self._frames if key[0] == image_id]:
            self._frame_bytes -= self._frames.pop(key).nbytes

    def _close_sources(self) -> None:
        for image_id in list(self._sources):
            self._forget_source(image_id)


def read_facts(path: str | Path) -> ImageFacts:
    """Open a series and read what linking it needs, its content hash among it."""
    try:
        source = open_image(usable(path))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.", "Check the permissions.") from error
    try:
        size, modified = _stamp(source)
        return ImageFacts(
            path=os.path.abspath(os.path.expanduser(str(path))),
            name=source.name,
            shape=source.shape,
            dtype=str(source.dtype),
            pixel_size_um=source.pixel_size_um,
            content_hash=fingerprint(source),
            size_bytes=size,
            modified_ns=modified,
        )
    finally:
        source.close()


def fingerprint(source: ImageSource) -> str:
    """Return what tells a series' content: its sha256, of samples of every file where the series is big.

    Above 128 MiB three samples of 256 KiB a file are hashed with the file's size, so that linking a long time-lapse
    does not read it all.
    """
    files = source.files
    if sum(path.stat().st_size for path in files) <= _WHOLE_HASH_BYTES:
        return source.content_hash()
    digest = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        name = path.name if len(files) > 1 else ""
        digest.update(f"{name}\0{size}\0".encode())
        with path.open("rb") as stream:
            for start in sorted({0, max(0, size // 2), max(0, size - _SAMPLE_BYTES)}):
                stream.seek(start)
                digest.update(stream.read(_SAMPLE_BYTES))
    return "sampled:" + digest.hexdigest()


def group_of(path: str, group_by: str) -> str:
    """Return what the expression's one capturing group finds in a path.

    Raises
    ------
    UserError
        When the expression is wrong, has not one capturing group, or finds nothing.
    """
    try:
        pattern = re.compile(group_by)
    except re.error as error:
        raise UserError(f"{group_by!r} is no regular expression: {error}.", r"Try for example '(plate\d+)'.") from error
    if pattern.groups != 1:
        raise UserError(
            f"{group_by!r} has {pattern.groups} capturing groups.", r"Put one part into brackets, as in '(plate\d+)'."
        )
    found = pattern.search(Path(path).as_posix())
    if not found or not found.group(1):
        raise UserError(f"{group_by!r} finds no group in {path}.", "The expression must match every path.")
    return str(found.group(1))


def _stamp(source: ImageSource) -> tuple[int, int]:
    stats = [path.stat() for path in source.files]
    return sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats)


def _there(path: str) -> bool:
    return os.path.exists(path) or (any(mark in path for mark in "*?[") and bool(glob(path, recursive=True)))


def _same_content(fact: ImageFacts, path: str) -> bool:
    """Whether an equal fingerprint means equal content; a sampled one is settled byte by byte."""
    if not fact.content_hash.startswith("sampled:") or path == fact.path or not _there(path):
        return True
    ours, theirs = open_image(fact.path), open_image(path)
    try:
        pairs = zip(ours.files, theirs.files, strict=True)
        return all(filecmp.cmp(mine, other, shallow=False) for mine, other in pairs)
    finally:
        ours.close()
        theirs.close()


def _free_name(fact: ImageFacts, taken: set[str]) -> str:
    """Return the series' name, with the folders above it or a number where the name is taken."""
    name = fact.name
    for parent in Path(fact.path).parents:
        if name not in taken or not parent.name:
            break
        name = f"{parent.name}/{name}"
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name} ({number})", number + 1
    return candidate
