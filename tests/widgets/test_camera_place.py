"""The canvas follows objects without showing the void beyond an image's edge."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_cellsynth.widgets.camera_place import kept_inside
from napari_cellsynth.widgets.own_layers import camera_of
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


def test_a_view_stays_within_the_image_and_a_small_image_stays_whole() -> None:
    low, high, view = (0, 0), (100, 300), (40, 60)
    assert kept_inside((50, 150), low, high, view) == (50, 150)
    assert kept_inside((3, 299), low, high, view) == (20, 270)
    assert kept_inside((98, -5), low, high, view) == (80, 30)
    assert kept_inside((3, 3), low, high, (100, 60)) == (50, 30), "all rows are seen: they stay in the middle"
    assert kept_inside((3, 3), low, high, (400, 400)) == (50, 150)


def test_every_view_is_filled_or_holds_the_whole_image() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        low = random.uniform(-50, 50, 2)
        high, view = low + random.uniform(1, 100, 2), random.uniform(1, 120, 2)
        middle = np.array(kept_inside(random.uniform(-100, 200, 2), low, high, view))
        start, end = middle - view / 2, middle + view / 2
        filled = (start >= low - 1e-9) & (end <= high + 1e-9)
        whole = (start <= low + 1e-9) & (end >= high - 1e-9)
        assert np.all(filled | whole)


def test_the_canvas_follows_an_object_on_the_edge_as_far_as_there_is_image(
    session: Session, project_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.open(project_path)
    viewer = session.viewer
    camera = camera_of(viewer)
    camera.zoom = 8.0  # 160 pixels are 1280 of the screen
    place = "napari_cellsynth.widgets.camera_place._view_of"
    monkeypatch.setattr(place, lambda _viewer, zoom: (400 / zoom, 600 / zoom))
    first = int(session.project.objects(frame=0).index[0])  # its centre is at 19.5
    session.select_object(first)
    assert camera.center[-2:] == pytest.approx((25, 37.5), abs=0.6)
    session.viewer.layers[0].scale = (1, 2, 2)
    session.select_object(first)
    assert camera.center[-2:] == pytest.approx((39, 39), abs=1.1), "twice as large on the screen, it is in the middle"


def test_where_napari_does_not_tell_its_size_the_object_is_in_the_middle() -> None:
    from napari_cellsynth.widgets.camera_place import look_at

    camera = SimpleNamespace(center=(0.0, 5.0, 5.0), zoom=1.0)
    look_at(SimpleNamespace(camera=camera), None, (1.0, 2.0))
    assert camera.center == (0.0, 1.0, 2.0)
