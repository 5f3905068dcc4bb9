"""Reading a table of objects: boxes, labels, splits and groups with the images that it names, checked line by line."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.export import original_cell
from napari_cellsynth.project.images import read_facts
from napari_cellsynth.project.label_sets import checked_parts
from napari_cellsynth.project.paths import usable
from napari_cellsynth.project.plan import ImportPlan, PlannedObject, meaning

_BOX = ("x0", "y0", "x1", "y1")
REQUIRED = ("image", *_BOX, "label")


def table_plan(file: Path, known: Collection[str], rows: Iterable[tuple[int, dict[str, str]]]) -> ImportPlan:
    """Return what an import of a table's rows would write.

    Parameters
    ----------
    file : Path
        The table; the images' paths are relative to its folder.
    known : collection of str
        The classes that the project has.
    rows : iterable of (int, dict of str to str)
        Lines or numbers of rows, for messages, and their cells by column.

    Raises
    ------
    UserError
        Naming the file and the line that is wrong.
    """
    plan = ImportPlan()
    images: dict[str, int] = {}
    unknown_splits: set[str] = set()
    before: dict[tuple[object, ...], tuple[int, str, str]] = {}
    for line, row in rows:
        path = row["image"]
        if not path:
            _fail(file, line, "the image is missing")
        if path not in images:
            try:
                plan.facts.append(read_facts(_one_file(file.parent / path)))
            except UserError as error:
                raise UserError(f"{file}, line {line}: {error.message}", error.hint) from error
            images[path] = len(images)
            plan.groups.append(row.get("group", ""))
        image = images[path]
        if row.get("group", "") != plan.groups[image]:
            _fail(file, line, f"{path} is in the groups {plan.groups[image]!r} and {row.get('group', '')!r}")
        try:
            checked_parts(row["label"], known)
        except UserError as error:
            _fail(file, line, error.message)
        item = _object(plan, image, row, file, line)
        # By content: one image may be named in two ways. An equal hash of samples does not mean equal content.
        fact = plan.facts[image]
        whole = fact.content_hash if not fact.content_hash.startswith("sampled:") else fact.path
        box = (whole, *item[1:6])
        earlier, label, named = before.setdefault(box, (line, item.label, path))
        if meaning(label) != meaning(item.label):
            of = "" if path == named else f" ({path} is the same image as {named})"
            _fail(file, line, f"it labels the box of line {earlier} as {_shown(item.label)}, not {_shown(label)}{of}")
        plan.objects.append(item)
        split = row.get("split", "").casefold()
        if split in ("train", "test"):
            plan.splits.setdefault(image, set()).add(split)
        elif split not in ("", "none"):
            unknown_splits.add(row["split"])
    if not plan.objects:
        raise UserError(f"{file} has no rows.", "It needs one row for each object.")
    if unknown_splits:
        listed = ", ".join(sorted(unknown_splits)[:5])
        plan.notices.append(f"Splits other than train and test were ignored: {listed}.")
    return plan


def _one_file(path: Path) -> Path:
    """Return a path that an image cell names, refusing a folder or a glob: its boxes are meant for one image."""
    if usable(path).is_dir():
        raise UserError(f"{path} is a folder, not an image.", "Name the image's file.")
    if not path.is_file():
        raise UserError(f"{path} does not exist.", "Check the path.")
    return path


def _shown(label: str) -> str:
    return label or "unlabelled"


def _object(plan: ImportPlan, image: int, row: dict[str, str], file: Path, line: int) -> PlannedObject:
    frames, _, height, width = plan.facts[image].shape
    x0, y0, x1, y1 = (_whole_number(row[name], name, file, line) for name in _BOX)
    if x1 <= x0 or y1 <= y0:
        _fail(file, line, f"the box x {x0} to {x1}, y {y0} to {y1} is empty")
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        _fail(file, line, f"the box x {x0} to {x1}, y {y0} to {y1} is outside of its {width} x {height} image")
    frame = _whole_number(row["frame"], "frame", file, line) if row.get("frame") else 0
    if not 0 <= frame < frames:
        _fail(file, line, f"{row['image']} has frames 0 to {frames - 1}, not {frame}")
    return PlannedObject(image, frame, y0, x0, y1, x1, row["label"], user=row.get("user", ""))


def csv_rows(file: Path, required: Collection[str] = REQUIRED) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the lines of a CSV with their numbers, cells by column, formulas as they were before `safe_cell`."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "Check the permissions.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not a UTF-8 text.", "Save it as CSV UTF-8.") from error
    lines = text.splitlines(keepends=True)
    head = lines[0] if lines else ""
    # Spreadsheets of some languages write semicolons.
    delimiter = ";" if ";" in head and "," not in head else ","
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        missing = [name for name in required if name not in columns]
        if missing:
            columns_are = "columns are" if len(missing) > 1 else "column is"
            _fail(file, 1, f"the {columns_are} missing: {', '.join(missing)}")
        twice = next((name for name in columns if name and columns.count(name) > 1), "")
        if twice:
            _fail(file, 1, f"the column {twice} occurs twice")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                _fail(file, reader.line_num, f"{len(cells)} cells for {len(columns)} columns")
            values = (original_cell(cell.strip()) for cell in cells)
            yield reader.line_num, dict(zip(columns, values, strict=True))
    except csv.Error as error:
        raise UserError(f"{file}, line {reader.line_num}: {error}.", "Correct the table and import again.") from error


def _whole_number(text: str, name: str, file: Path, line: int) -> int:
    try:
        value = float(text)
    except ValueError:
        _fail(file, line, f"{name} is {text!r}, not a number")
    if not value.is_integer():
        _fail(file, line, f"{name} is {text!r}, not a whole number")
    return int(value)


def _fail(file: Path, line: int, what: str) -> NoReturn:
    raise UserError(f"{file}, line {line}: {what}.", "Correct the table and import again; nothing was imported.")
