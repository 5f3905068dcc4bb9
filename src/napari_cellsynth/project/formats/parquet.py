"""The table of objects as Parquet, numbers as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.export import objects_table
from napari_cellsynth.project.formats.place import file_beside, library
from napari_cellsynth.project.formats.reading import fail
from napari_cellsynth.project.project import Project
from napari_cellsynth.project.tables import REQUIRED

MOST_BYTES, MOST_ROWS = 1 << 29, 5_000_000
"""A table may have so much: more does not come of images that a person has labelled."""


def write_parquet(project: Project, out_path: str | Path) -> Path:
    """Write the table of `objects_table` as a Parquet file, with ``object_id`` among its columns.

    Raises
    ------
    UserError
        When it cannot be written, or pyarrow is not installed.
    """
    library("pyarrow", "Parquet")
    with file_beside(out_path) as (beside, out):
        objects_table(project, out.parent).reset_index().to_parquet(beside, engine="pyarrow", index=False)
    return out


def parquet_rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a Parquet file as a table of texts has them, numbered from 1.

    Raises
    ------
    UserError
        When it is no Parquet file, or pyarrow is not installed.
    """
    pyarrow, reader = library("pyarrow", "Parquet"), library("pyarrow.parquet", "Parquet")
    try:
        _check_size(file, reader.read_metadata(file))
        table = reader.read_table(file)
        rows = table.to_pylist()
    except (OSError, pyarrow.ArrowException, ValueError, MemoryError, LookupError) as error:
        raise UserError(f"{file} cannot be read as Parquet.", "Export it again.") from error
    yield from rows_of_texts(file, table.column_names, rows)


def _check_size(file: Path, about: Any) -> None:
    """Refuse what would unpack to more than may be: a few bytes of a Parquet file can say that they are gigabytes."""
    sizes = [about.row_group(number).total_byte_size for number in range(about.num_row_groups)]
    if sum(sizes) > MOST_BYTES or about.num_rows > MOST_ROWS:
        raise UserError(f"{file} is too large a table: {about.num_rows:,} rows.", "Export fewer images at a time.")


def rows_of_texts(file: Path, columns: list[str], rows: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield numbered rows with every cell as a text; what is missing is none.

    Raises
    ------
    UserError
        When a column that is needed is not there, or one is there twice.
    """
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        columns_are = "columns are" if len(missing) > 1 else "column is"
        fail(file, "columns", f"the {columns_are} missing: {', '.join(missing)}")
    if twice := next((name for name in columns if columns.count(name) > 1), ""):
        fail(file, "columns", f"{twice} occurs twice")
    for number, row in enumerate(rows, start=1):
        yield number, {name: "" if value is None or value != value else str(value) for name, value in row.items()}
