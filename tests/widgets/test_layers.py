"""The project's layers beside the person's own: whose frame is shown, what can be edited, and what is taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.image_adding import is_addable
from napari_cellsynth.widgets.outline import OUTLINE
from napari_cellsynth.widgets.overlay import PredictionOverlay
from napari_cellsynth.widgets.session import Session
from tests.widgets.conftest import grid_labels

pytestmark = pytest.mark.gui


@pytest.fixture
def opened(session: Session, project_path: Path) -> Session:
    session.open(project_path)
    return session


def copy_of(viewer: Any, layer: Any) -> Any:
    """Duplicate a layer as napari's menu does."""
    from napari.layers._layer_actions import _duplicate_layer

    viewer.layers.selection = {layer}
    before = list(viewer.layers)
    _duplicate_layer(viewer.layers)
    [made] = [each for each in viewer.layers if each not in before]
    return made


@pytest.mark.parametrize("placed", [{"scale": (0.5, 2, 2)}, {"translate": (-3, 0, 0)}, {"scale": (2, 1, 1)}])
def test_a_layer_with_other_steps_leaves_image_and_objects_on_one_frame(opened: Session, placed: Any) -> None:
    opened.viewer.add_image(np.zeros((8, 80, 80)), name="mine", **placed)
    for frame in (1, 2, 0):
        opened.viewer.dims.set_point(0, frame)
        [image] = opened.layers.image_layers
        shown = image.world_to_data(opened.viewer.dims.point)[0]
        assert opened.current_frame == round(shown) == frame
    opened.select_object(16 * 2 + 1)
    assert opened.current_frame == 2


def test_beyond_the_last_frame_the_last_one_stays(opened: Session) -> None:
    opened.viewer.add_image(np.zeros((20, 80, 80)), name="longer")
    opened.viewer.dims.set_point(0, 15)
    assert opened.current_frame == 2
    opened.viewer.layers.remove("longer")
    assert opened.current_frame == 2
    opened.viewer.dims.set_point(0, 1)
    assert opened.current_frame == 1


def test_objects_and_classes_stay_locked_on_every_frame(opened: Session) -> None:
    overlay = PredictionOverlay(opened)
    overlay.refresh()
    for frame in (1, 2, 0):
        opened.viewer.dims.set_point(0, frame)
        overlay.refresh()
        for layer in (opened.layers.objects_layer, overlay.layer("classes")):
            layer.mode = "paint"
            assert not layer.editable and layer.mode == "pan_zoom"
    overlay.disconnect_viewer()


def test_an_image_that_was_taken_off_the_canvas_can_be_shown_again(opened: Session) -> None:
    opened.viewer.layers.remove(opened.layers.image_layers[0])
    opened.viewer.dims.set_point(0, 0)
    opened.show_image(1)
    assert [layer.name for layer in opened.viewer.layers] == ["video", "objects"]
    opened.viewer.layers.clear()
    opened.select_object(20)
    assert [layer.name for layer in opened.viewer.layers] == ["video", "objects"] and opened.current_frame == 1


def test_copies_of_our_layers_are_the_persons_own(opened: Session) -> None:
    objects, image = opened.layers.objects_layer, opened.layers.image_layers[0]
    copies = [copy_of(opened.viewer, layer) for layer in (objects, image)]
    for each in (objects, image):
        opened.viewer.layers.move(opened.viewer.layers.index(each), len(opened.viewer.layers))
    assert opened.layers.objects_layer is objects and opened.layers.image_layers == [image]
    assert is_addable(opened, copies[1]) and not is_addable(opened, image)
    opened.close_project()
    assert set(opened.viewer.layers) == set(copies)


def test_a_frame_that_cannot_be_read_is_black_and_said_once(
    session: Session, tmp_path: Path, said: list[str], qtbot: Any
) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    # napari reads some frames ahead for its contrast and keeps them, the even ones of six.
    for t in range(6):
        tifffile.imwrite(folder / f"a_t{t}.tif", np.full((160, 160), 50, np.uint8))
    with Project.create(tmp_path / "s.cellsynth") as project:
        [image_id] = project.add_images([folder])
        for t in range(6):
            project.set_objects(image_id, t, boxes_of(grid_labels()), grid_labels())
    session.open(tmp_path / "s.cellsynth")
    (folder / "a_t3.tif").unlink()
    for frame in (3, 1, 3):
        session.viewer.dims.set_point(0, frame)
        assert session.current_frame == frame
    assert not np.asarray(session.layers.image_layers[0].data[3]).any()
    qtbot.waitUntil(lambda: bool(said))
    assert len(said) == 1 and "a_t3.tif" in said[0]


def test_masks_that_are_gone_are_said_and_leave_no_outlines_of_another_frame(
    opened: Session, project_path: Path, said: list[str]
) -> None:
    import shutil

    shutil.rmtree(project_path / "masks.zarr")
    opened.viewer.dims.set_point(0, 1)
    assert "Segment the image again" in said[-1]
    assert not opened.layers.objects_layer.data.any() and not opened.layers.frame_is_segmented
    said.clear()
    opened.objects_changed.emit()
    assert "Segment the image again" in said[-1]


def test_outlines_are_of_one_bright_colour(session: Any, project_path: Any) -> None:
    session.open(project_path)
    layer = session.layers.objects_layer
    colors = np.array([layer.get_color(label) for label in range(1, 12)])
    assert np.allclose(colors, OUTLINE, atol=0.01) and layer.get_color(0) is None
