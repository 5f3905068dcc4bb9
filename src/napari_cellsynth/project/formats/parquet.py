"""The table of objects as Parquet, numbers as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.export import objects_table
from napari_cellsynth.project.formats.place import file_beside, library
from napari_cellsynth.project.project import Project


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
        table = reader.read_table(file)
    except (OSError, pyarrow.ArrowException, ValueError) as error:
        raise UserError(f"{file} cannot be read as Parquet.", "Export it again.") from error
    yield from rows_of_texts(table.to_pylist())


def rows_of_texts(rows: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield numbered rows with every cell as a text; what is missing is none."""
    for number, row in enumerate(rows, start=1):
        yield number, {name: "" if value is None or value != value else str(value) for name, value in row.items()}
