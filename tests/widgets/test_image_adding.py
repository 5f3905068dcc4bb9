"""Adding images while the person does something else, and layers with odd names or slow pixels."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_cellsynth.project import Project
from napari_cellsynth.widgets.image_adding import ImageAdder, free_path
from napari_cellsynth.widgets.session import Session
from tests.widgets.conftest import make_project

pytestmark = pytest.mark.gui


@pytest.fixture
def adder(session: Session, qtbot: Any) -> Iterator[ImageAdder]:
    made = ImageAdder(session)
    qtbot.addWidget(made)
    yield made


def test_images_that_arrive_after_the_project_was_changed_show_nothing_of_the_other(
    adder: ImageAdder, session: Session, tmp_path: Path, said: list[str], qtbot: Any
) -> None:
    (tmp_path / "one").mkdir()
    other = make_project(tmp_path / "one")
    for number in range(2):
        tifffile.imwrite(tmp_path / "one" / f"more{number}.tif", np.zeros((40, 50), np.uint8))
    with Project.open(other) as project:
        project.add_images([tmp_path / "one" / "more0.tif", tmp_path / "one" / "more1.tif"])
    session.create(tmp_path / "first.cellsynth")
    tifffile.imwrite(tmp_path / "a.tif", np.ones((40, 50), np.uint8))
    tifffile.imwrite(tmp_path / "b.tif", np.ones((50, 50), np.uint8))
    adder.add([tmp_path / "a.tif", tmp_path / "b.tif"])
    session.open(other)
    session.show_image(2)
    qtbot.waitUntil(lambda: bool(said))
    assert "first.cellsynth" in said[0] and session.current_image_id == 2
    assert adder.button.text() == "Add…" and adder.button.isEnabled()


def test_a_lazy_layer_is_computed_in_another_thread(
    adder: ImageAdder, session: Session, tmp_path: Path, qtbot: Any
) -> None:
    import dask
    import dask.array as da

    session.create(tmp_path / "p.cellsynth")
    threads: list[threading.Thread] = []

    def block(block_id: tuple[int, ...]) -> np.ndarray:
        threads.append(threading.current_thread())
        return np.full((1, 40, 50), block_id[0], np.uint8)

    lazy = da.map_blocks(block, chunks=((1, 1), (40,), (50,)), dtype=np.uint8, meta=np.empty((0, 0, 0), np.uint8))
    layer = session.viewer.add_image(lazy, contrast_limits=(0, 255))
    threads.clear()
    with dask.config.set(scheduler="synchronous"), qtbot.waitSignal(session.images_changed):
        adder.add_layer(layer)
    assert threads and threading.main_thread() not in threads
    assert session.project is not None
    assert session.project.frame(1, 1).max() == 1


@pytest.mark.parametrize("name", ["x" * 300, "ü" * 300, "細胞" * 200])
def test_a_long_layer_name_is_cut_to_what_a_file_can_be_called(tmp_path: Path, name: str) -> None:
    free_path(tmp_path, name).write_bytes(b"")
    second = free_path(tmp_path, name)
    second.write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 2 and second.stem.endswith("-2")
