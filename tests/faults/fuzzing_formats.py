"""The readers of other programs' formats on damaged copies of real exports, for `fuzzing`.

An export of a small project is damaged and imported into a project that has the classes only.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_cellsynth.project import Project
from napari_cellsynth.project.exporting import export
from napari_cellsynth.project.formats import h5ad
from tests.faults.mutation import TOKENS, VALUES, mutated, with_hostile_leaves

_OF_ZARR = {
    "ome-zarr": "zarr.json",
    "ome-zarr-labels": "labels/zarr.json",
    "ome-zarr-objects": "labels/objects/zarr.json",
    "ome-zarr-array": "labels/objects/0/zarr.json",
    "ome-zarr-chunk": "labels/objects/0/c/0/0/0",
    "ome-zarr-pixels": "0/zarr.json",
    "ome-zarr-table": "tables/objects/table.csv",
}
WITHIN = {
    "geojson": "out.geojson", "coco": "out.json", "parquet": "out.parquet", "parquet-cells": "out.parquet",
    "h5ad": "out.h5ad", "h5ad-cells": "out.h5ad", **{kind: f"out.zarr/{name}" for kind, name in _OF_ZARR.items()},
    "ome-zarr-0.4": "out.zarr/.zattrs", "ome-zarr-0.4-array": "out.zarr/labels/objects/0/.zarray",
}  # fmt: skip
"""Kinds by the file that is damaged, in what the format of its beginning writes."""
_TEXTS = (".geojson", ".json", ".zattrs", ".zarray")


def bench(kind: str, folder: Path, work: Path, into: Callable[[Project, Path], None]) -> tuple[bytes, Any, Any]:
    """Return the sound file of a kind, what is done with a damaged one, and how it is damaged."""
    from tests.faults.fuzzing import new_project

    h5ad._MOST_SECONDS = 40  # less than a try may take
    made = new_project(folder)
    shutil.copy(folder / "video.tif", work / "video.tif")
    (folder / "exports").mkdir()
    whole = folder / "exports" / WITHIN[kind].partition("/")[0]
    with Project.open(made) as project:
        export(project, whole, "ome-zarr-0.4" if kind.startswith("ome-zarr-0.4") else None)
    if kind == "ome-zarr-pixels":  # its own pixels are the image, not what they were made from
        told = json.loads((whole / "zarr.json").read_text())
        del told["attributes"]["napari_cellsynth"]["image"]
        (whole / "zarr.json").write_text(json.dumps(told))
    with Project.create(folder / "empty.cellsynth", classes=["Dense"]) as project:
        empty = project.path
    path = folder / "import.cellsynth"
    file, place = work / WITHIN[kind], work / whole.name
    content = (folder / "exports" / WITHIN[kind]).read_bytes()

    def act(content: bytes) -> None:
        if whole.is_dir():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(whole, place)
        file.write_bytes(content)
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(empty, path)
        with Project.open(path) as project:
            into(project, place)

    return content, act, _damage(kind, file, folder)


def _damage(kind: str, file: Path, folder: Path) -> Callable[[bytes, int], bytes]:
    if kind.endswith("-cells"):
        cells = _parquet_cells if kind.startswith("parquet") else _h5ad_cells
        return lambda content, seed: cells(content, seed, folder / f"hostile{file.suffix}")
    if file.suffix in _TEXTS or file.name in _TEXTS:
        return lambda content, seed: (with_leaves if seed % 2 else mutated)(content, seed)
    return mutated


def with_leaves(content: bytes, seed: int) -> bytes:
    """Return JSON with a few hostile values, among them names of files that there cannot be."""
    chance = random.Random(seed)
    made = with_hostile_leaves(content, seed)
    if chance.random() < 0.3:
        texts = [text for text in _texts(json.loads(content)) if text]
        name = chance.choice(("x" * 5000, "\ud800", "/dev/zero", "..", "~nobody/x", "a\0b", "/proc/self/mem", "\n"))
        made = content.replace(json.dumps(chance.choice(texts)).encode(), json.dumps(name).encode())
    return made


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _hostile_column(chance: random.Random, length: int) -> list[Any]:
    one = chance.choice((*VALUES, *[token.decode("latin1") for token in TOKENS], [1, 2], {"a": 1}, True, "x" * 5000))
    return [one] * length


def _parquet_cells(content: bytes, seed: int, file: Path) -> bytes:
    """Put values of another kind into whole columns, take columns away, or give two one name."""
    import pyarrow as pa
    import pyarrow.parquet

    file.write_bytes(content)
    table, chance = pyarrow.parquet.read_table(file), random.Random(seed)
    for _ in range(chance.choice((1, 1, 2))):
        at = chance.randrange(table.num_columns)
        name = table.column_names[at]
        if chance.random() < 0.2:
            table = table.remove_column(at)
        elif chance.random() < 0.2:
            table = table.append_column(name, table.column(at))
        else:
            try:
                column = pa.array(_hostile_column(chance, table.num_rows))
            except (pa.ArrowException, OverflowError, UnicodeEncodeError):
                continue
            table = table.set_column(at, name, column)
    pyarrow.parquet.write_table(table, file)
    return file.read_bytes()


def _h5ad_cells(content: bytes, seed: int, file: Path) -> bytes:
    """Take parts of the file away, give them another kind, or let them point elsewhere."""
    import h5py

    file.write_bytes(content)
    chance = random.Random(seed)
    with h5py.File(file, "a") as opened:
        places: list[str] = []
        opened.visit(places.append)
        for _ in range(chance.choice((1, 1, 2))):
            place = chance.choice(places)
            if place not in opened:
                continue
            attributes = dict(opened[place].attrs)
            what = chance.choice(("take", "other", "link", "attribute", "huge"))
            if what == "attribute":
                if attributes:
                    opened[place].attrs[chance.choice(list(attributes))] = chance.choice(("x", 3, "0.0.0", "dataframe"))
                continue
            del opened[place]
            if what == "link":
                opened[place] = h5py.ExternalLink("/etc/passwd", "/")
            elif what == "huge":
                opened.create_dataset(place, shape=(1 << 40,), dtype="i8", chunks=(1024,))
            elif what == "other":
                one = _hostile_column(chance, 2)
                try:
                    opened[place] = one
                except (TypeError, ValueError, OverflowError):
                    opened[place] = b"x"
            if what != "take" and place in opened and chance.random() < 0.5 and what != "link":
                for name, value in attributes.items():
                    opened[place].attrs[name] = value
    return file.read_bytes()
