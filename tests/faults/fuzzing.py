"""Every reader and importer on damaged copies of real files, in a process that may not take more than 2 GB.

``python -m tests.faults.fuzzing KIND,… FIRST COUNT`` tries COUNT seeds from FIRST on and prints a JSON line a seed:
what came of it (``right``, ``refused``), or what must not be (``traceback``, ``half done``, ``too long``).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.imaging.source import open_image
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder
from tests.faults import fuzzing_formats
from tests.faults.mutation import mutated, with_hostile_cells, with_hostile_leaves, with_sums

MOST_BYTES = 2 << 30
MOST_SECONDS = 60
RECORD, MASKS, PATCHES = "runs/gan-0001/run.json", "masks.zarr/1/0", "patches.zarr/1x16x16_uint8"
WITHIN = {
    "db": "project.db", "cells": "project.db", "run": RECORD, "leaves": RECORD,
    "mask": f"{MASKS}/c/0/0/0", "mask-meta": f"{MASKS}/zarr.json",
    "patch": f"{PATCHES}/c/0/0/0/0", "patch-meta": f"{PATCHES}/zarr.json",
}  # fmt: skip
TABLES = ("images", "objects", "classes", "journal", "groups", "masks")


class HalfDone(AssertionError):
    """A refused input has left something behind."""


def _pixels(shape: tuple[int, ...], dtype: str = "uint8") -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 250, shape).astype(dtype)


def _mask() -> np.ndarray[Any, Any]:
    labels = np.zeros((40, 48), np.int32)
    labels[4:20, 4:20], labels[22:38, 24:44] = 1, 2
    return labels


def write_images(folder: Path) -> dict[str, Path]:
    """Write one small file of each kind."""
    files = {kind: folder / name for kind, name in IMAGE_KINDS.items()}
    video = _pixels((3, 40, 48))
    tifffile.imwrite(files["tiff"], video, photometric="minisblack", metadata={"axes": "TYX"})
    tifffile.imwrite(files["deflated"], video.astype("uint16"), photometric="minisblack", compression="zlib")
    tifffile.imwrite(files["tiled"], _pixels((64, 80)), tile=(16, 16), compression="lzw")
    tifffile.imwrite(files["ome"], video, ome=True, metadata={"axes": "TYX", "PhysicalSizeX": 0.5})
    tifffile.imwrite(files["imagej"], video, imagej=True, metadata={"axes": "TYX", "unit": "um"})
    import imagecodecs
    from PIL import Image

    Image.fromarray(video[0]).save(files["png"])
    files["png16"].write_bytes(imagecodecs.png_encode(video[0].astype("uint16") * 200))
    Image.fromarray(_pixels((40, 48, 3))).save(files["jpeg"])
    return files


IMAGE_KINDS = {
    "tiff": "a.tif", "deflated": "b.tif", "tiled": "c.tif", "ome": "d.ome.tif", "imagej": "e.tif",
    "png": "f.png", "png16": "g.png", "jpeg": "h.jpg",
}  # fmt: skip


def new_project(folder: Path) -> Path:
    """Make a project with everything in it that is read from disk: masks, patches, labels, predictions, runs."""
    tifffile.imwrite(folder / "video.tif", _pixels((2, 40, 48)), photometric="minisblack", metadata={"axes": "TYX"})
    with Project.create(folder / "p.cellsynth", classes=["Dense", "Spread"]) as project:
        [image] = project.add_images([folder / "video.tif"])
        project.set_objects(image, 0, boxes_of(_mask()), _mask())
        project.label([1], 1)
        project.label([2], 2)
        run = project.new_run(
            "gan", "cellsynth", {"objects": [1], "class_ids": [1], "object_classes": [0]}, groups=["video"], seed=0
        )
        project.add_synthetic(run.id, "best", 1, 0, 0, _pixels((4, 1, 16, 16)))
        project.update_run(run.id, "finished", result={"quality": {"1": {"kid": 0.1}}})
        project.set_predictions(run.id, [1, 2], np.array([[0.9, 0.1], [0.2, 0.8]]), [1, 2])
        return project.path


def look_at_all(project: Project) -> None:
    """Read everything that a window reads."""
    for image_id in project.images().index:
        project.mask(int(image_id), 0)
    project.label_counts(), project.labels_per_minute(), project.history(1), project.unsure_below()
    project.objects(), project.objects(active=False), project.orphans(), project.classes(), project.splits()
    patches = project.synthetic()
    project.read_synthetic(list(patches.index[:2]))
    project.predictions(), project.blind_rounds(), project.training_objects()
    project.synthetic_for_training(1, None, test_groups=[])
    project.crops([1], size=16, fit="whole")
    for record in project.runs():
        record.objects_of(1), record.quality(1), record.class_ids


def image(files: dict[str, Path], kind: str, content: bytes, folder: Path) -> None:
    """Open an image and read two of its frames."""
    file = folder / IMAGE_KINDS[kind]
    file.write_bytes(content)
    source = open_image(file)
    try:
        source.content_hash()
        for t in range(min(2, source.shape[0])):
            frame = source.frame(t)
            assert frame.shape == source.shape[1:] and frame.dtype == source.dtype
    finally:
        source.close()


def into(project: Project, folder: Path) -> None:
    """Import a folder; what is refused must leave the project as it was."""

    def rows() -> list[Any]:
        return [project._db.read(f"SELECT count(*) FROM {name}") for name in TABLES]

    before = rows()
    try:
        import_folder(project, folder)
    except BaseException:
        if rows() != before:
            raise HalfDone(f"{before} became {rows()}") from None
        raise
    assert project._db.read("PRAGMA foreign_key_check") == []


class Bench:
    """Real files of a kind, and what is done with a damaged one."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.work = folder / "work"
        self.work.mkdir()
        self.act: Callable[[bytes], None]
        self.damage: Callable[[bytes, int], bytes] = mutated
        if kind in IMAGE_KINDS:
            files = write_images(folder)
            self.content = files[kind].read_bytes()
            self.act = lambda content: image(files, kind, content, self.work)
            if kind.startswith("png"):
                self.damage = lambda content, seed: (
                    with_sums(mutated(content, seed)) if seed % 2 else mutated(content, seed)
                )
        elif kind in ("csv", "labels"):
            self._for_imports()
        elif kind == "weights":
            self._for_weights()
        elif kind in fuzzing_formats.WITHIN:
            self.content, self.act, self.damage = fuzzing_formats.bench(kind, folder, self.work, into)
        else:
            self._for_projects()

    def _for_imports(self) -> None:
        tifffile.imwrite(self.work / "a.tif", _pixels((40, 48)))
        rows = ["image,x0,y0,x1,y1,label,split,group,frame"]
        rows += [f"a.tif,{x},2,{x + 9},20,{name},train,g,0" for x, name in ((1, "Dense"), (12, "Spread"), (25, ""))]
        if self.kind == "csv":
            file, self.content = self.work / "objects.csv", "\n".join(rows).encode() + b"\n"
        else:
            file = self.work / "a_masks.tif"
            tifffile.imwrite(file, _mask().astype(np.uint16), compression="zlib")
            self.content = file.read_bytes()
        path = self.folder / "import.cellsynth"

        def act(content: bytes) -> None:
            file.write_bytes(content)
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(self.empty, path)
            with Project.open(path) as project:
                into(project, self.work)

        with Project.create(self.folder / "empty.cellsynth", classes=["Dense"]) as project:
            self.empty = project.path
        self.act = act

    def _for_projects(self) -> None:
        made = new_project(self.folder)
        within = WITHIN[self.kind]
        self.content = (made / within).read_bytes()
        if self.kind == "leaves":
            self.damage = with_hostile_leaves
        if self.kind == "cells":
            self.damage = self._hostile_cells

        def act(content: bytes) -> None:
            shutil.rmtree(self.work / "p.cellsynth", ignore_errors=True)
            place = Path(shutil.copytree(made, self.work / "p.cellsynth", ignore=shutil.ignore_patterns("backups")))
            (place / within).write_bytes(content)
            with Project.open(place, read_only=True) as project:
                look_at_all(project)
            with Project.open(place) as project:
                look_at_all(project)
                project.label([1], 2)
                project.undo()

        self.act = act

    def _hostile_cells(self, content: bytes, seed: int) -> bytes:
        file = self.folder / "hostile.db"
        file.write_bytes(content)
        with_hostile_cells(file, seed)
        return file.read_bytes()

    def _for_weights(self) -> None:
        import torch

        from napari_cellsynth.training import checkpoint

        file = self.work / "state.safetensors"
        state = {"network": {"a": torch.zeros(4, 4), "n": 3, "list": [1.0, None, (torch.ones(2),)]}}
        checkpoint.save(file, state, {"step": 3, "recipe": {"size": 32}})
        self.content = file.read_bytes()

        def act(content: bytes) -> None:
            file.write_bytes(content)
            checkpoint.load(file)

        self.act = act


KINDS = (*IMAGE_KINDS, "csv", "labels", *WITHIN, *fuzzing_formats.WITHIN, "weights")


def attempt(bench: Bench, seed: int) -> tuple[str, str]:
    """Return what came of one seed."""
    signal.alarm(MOST_SECONDS)
    try:
        bench.act(bench.damage(bench.content, seed) if seed else bench.content)  # seed 0 is the file as it was
    except UserError as error:
        lines = str(error.message).splitlines()
        return ("refused", lines[0]) if len(lines) == 1 else ("traceback", f"not one line: {error.message!r}")
    except HalfDone as error:
        return "half done", str(error)
    except TimeoutError:
        return "too long", traceback.format_exc()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - what gets here is what is looked for
        return "traceback", traceback.format_exc()
    finally:
        signal.alarm(0)
    return "right", ""


def _too_long(*_: object) -> None:
    raise TimeoutError


def peak_bytes() -> int:
    """The most memory that this program has held. `getrusage` would count the process that started it, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def mapped_bytes() -> int:
    """The addresses that this program has asked for so far."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def main(kinds: str, first: int, count: int) -> None:
    """Try the seeds on each kind and print what came of them."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, _too_long)
    for kind in kinds.split(","):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(kind, Path(folder))
            most = MOST_BYTES + mapped_bytes()  # libraries map gigabytes that they never use
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
            for seed in range(first, first + count):
                print(json.dumps({"kind": kind, "seed": seed}), flush=True)
                outcome, words = attempt(bench, seed)
                peak = peak_bytes()
                told = {"kind": kind, "seed": seed, "outcome": outcome, "words": words, "peak": peak}
                print(json.dumps(told), flush=True)
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
