"""Outlines stay whole however far out the canvas is zoomed, and the preview wears them too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage.draw import disk
from skimage.measure import label

from napari_cellsynth.widgets.outline import outlined, outlines, stroke_at, stroked
from napari_cellsynth.widgets.own_layers import camera_of
from napari_cellsynth.widgets.preview import SegmentationPreview
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


def discs() -> np.ndarray:
    labels = np.zeros((601, 620), np.int32)
    for number, (y, x) in enumerate([(120, 130), (470, 160), (300, 480)]):
        labels[disk((y, x), 100)] = number + 1
    return labels


def on_the_screen(picture: np.ndarray, zoom: float) -> np.ndarray:
    """Return the pixels that a screen shows: the nearest one of the image each, as the canvas takes them."""
    rows, columns = (((np.arange(int(size * zoom)) + 0.5) / zoom).astype(int) for size in picture.shape)
    return picture[np.ix_(rows, columns)]


@pytest.mark.parametrize("zoom", [0.9, 0.5, 0.37, 0.2, 0.11, 0.07])
def test_every_outline_is_one_unbroken_ring_on_the_screen(zoom: float) -> None:
    found = on_the_screen(stroked(discs(), stroke_at(2, zoom)), zoom)
    assert label(found, connectivity=2).max() == 3
    assert label(found == 0, connectivity=1).max() == 4, "the outside, and each disc's inside"


def test_without_following_the_zoom_they_would_be_dots() -> None:
    assert label(on_the_screen(outlines(discs(), 2), 0.2), connectivity=2).max() > 30


def test_near_by_outlines_are_as_thick_as_they_were_asked_for() -> None:
    assert [stroke_at(2, zoom) for zoom in (40.0, 1.0, 0.625)] == [(2, 1)] * 3
    assert stroke_at(8, 0.2) == (8, 1) and stroke_at(0, 0.1) == (0, 1)
    assert stroke_at(2, 0.25) == (1, 5)


@pytest.mark.parametrize("stroke", [(2, 1), (1, 2), (1, 5), (1, 13)])
def test_a_part_is_outlined_as_it_is_in_the_whole(stroke: tuple[int, int]) -> None:
    labels = discs()
    for part in ((slice(0, 601), slice(0, 620)), (slice(77, 301), slice(103, 620)), (slice(250, 251), slice(7, 500))):
        np.testing.assert_array_equal(outlined(labels, part, stroke), stroked(labels, stroke)[part])


def test_the_canvas_follows_the_zoom_and_the_next_frame_is_outlined_so(
    session: Session, project_path: Path, qtbot: Any
) -> None:
    session.open(project_path)
    layer, camera = session.layers.objects_layer, camera_of(session.viewer)
    camera.zoom = 4.0
    session.outlines.follow()
    assert layer.contour == 2 and np.count_nonzero(layer._slice.image.view) == 16 * (24**2 - 20**2)
    camera.zoom = 0.25
    expected = stroked(session.project.mask(1, 0), (1, 5))
    qtbot.waitUntil(lambda: np.array_equal(layer._slice.image.view > 0, expected > 0), timeout=2000)
    session.layers.show_frame(1, 1)
    qtbot.waitUntil(lambda: session.layers.ahead.read(1, 2) is not None, timeout=10_000)
    assert session.layers.ahead.read(1, 2).stroke == (1, 5)


def test_the_preview_looks_like_the_objects_whose_place_it_takes(session: Session, project_path: Path) -> None:
    session.open(project_path)
    preview = SegmentationPreview(session, session)
    preview.draw(np.arange(160 * 160, dtype=np.int32).reshape(160, 160) // 400, 0.1)
    layer, objects = session.layers.ours("preview"), session.layers.objects_layer
    colors = {tuple(np.round(layer.get_color(number), 3)) for number in range(1, 60)}
    assert colors == {tuple(np.round(objects.get_color(1), 3))} and layer.opacity == objects.opacity
    preview.remove()
