"""napari opens projects and tables, and saves labels, through what the plugin tells it."""

from __future__ import annotations

import csv
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import tifffile
from npe2 import PluginManifest

import napari_cellsynth
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.project.export import export_csv
from napari_cellsynth.widgets.opening import project_reader, read_project, table_reader
from napari_cellsynth.widgets.saving import write_label_table
from napari_cellsynth.widgets.session import session_for


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A project of a film of two frames with three objects, and its table."""
    tifffile.imwrite(tmp_path / "film.tif", np.zeros((2, 60, 80), np.uint8), metadata={"axes": "TYX"})
    mask = np.zeros((60, 80), np.int32)
    mask[5:20, 5:30] = 1
    mask[30:50, 40:60] = 2
    with Project.create(tmp_path / "cells", classes=["a", "b"]) as project:
        [image] = project.add_images([tmp_path / "film.tif"])
        project.set_objects(image, 0, boxes_of(mask), mask)
        project.set_objects(image, 1, boxes_of(mask * (mask == 2)), mask * (mask == 2))
        project.label([1, 3], 1)
        export_csv(project, tmp_path / "objects.csv")
        return project.path


def test_the_manifest_names_readers_and_a_writer_that_are_there() -> None:
    manifest = PluginManifest.from_file(Path(napari_cellsynth.__file__).with_name("napari.yaml"))
    contributions = manifest.contributions
    named = [each.command for each in [*(contributions.readers or []), *(contributions.writers or [])]]
    assert len(named) == 3
    homes = {command.id: str(command.python_name) for command in contributions.commands or []}
    for name in named:
        module, _, function = homes[name].partition(":")
        assert callable(getattr(import_module(module), function))


def test_a_project_that_is_dropped_on_the_window_opens_in_the_docks(viewer, cells: Path) -> None:
    viewer.open(str(cells), plugin="napari-cellsynth")
    project = session_for(viewer).project
    assert project is not None
    assert project.path == cells
    assert len(viewer.window.dock_widgets) == 6


def test_without_a_window_a_project_gives_its_first_image_and_objects(cells: Path, monkeypatch) -> None:
    monkeypatch.setattr("napari.current_viewer", lambda: None)
    image, labels = read_project(str(cells))
    assert image[0].shape == labels[0].shape == (2, 60, 80)
    assert sorted(np.unique(labels[0][0])) == [0, 1, 2]
    assert project_reader(str(cells.parent)) is None


def test_a_table_opens_as_images_with_boxes_in_their_frames(viewer, cells: Path) -> None:
    image, boxes = viewer.open(str(cells.parent / "objects.csv"), plugin="napari-cellsynth")
    assert image.data.shape == (2, 60, 80)
    assert boxes.features["label"].tolist() == ["a", "unlabelled", "a"]
    np.testing.assert_array_equal(boxes.data[2][:, 0], 1)
    np.testing.assert_array_equal(boxes.data[0][:, 1:].min(axis=0), [4.5, 4.5])
    np.testing.assert_array_equal(boxes.data[0][:, 1:].max(axis=0), [19.5, 29.5])
    (cells.parent / "other.csv").write_text("a,b\n1,2\n")
    assert table_reader(str(cells.parent / "other.csv")) is None


def test_a_labels_layer_is_saved_as_a_table_with_its_features(viewer, cells: Path) -> None:
    with Project.open(cells, read_only=True) as project:
        stack = np.stack([project.mask(1, t) for t in range(2)])
    layer = viewer.add_labels(stack, features={"index": [1, 2], "class": ["=a", "b"]})
    file = cells.parent / "labels.csv"
    assert layer.save(str(file), plugin="napari-cellsynth") == [str(file)]
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["frame"], row["label"], row["class"]) for row in rows] == [
        ("0", "1", "'=a"),
        ("0", "2", "b"),
        ("1", "2", "b"),
    ]
    assert [int(row["area"]) for row in rows] == [15 * 25, 20 * 20, 20 * 20]
    with pytest.raises(Exception, match="4 axes"):
        write_label_table(str(file), np.zeros((1, 1, 5, 5), int), {})
