from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import polygon2mask

from napari_cellsynth.imaging.crop import Box
from napari_cellsynth.imaging.outlines import filled, outlines, signed_area
from napari_cellsynth.imaging.run_lengths import from_run_lengths, run_lengths

RING = np.ones((7, 9), bool)
RING[2:5, 2:4] = RING[2:5, 5:7] = False
DIAGONAL_GAPS = np.ones((6, 6), bool)
DIAGONAL_GAPS[2, 2] = DIAGONAL_GAPS[3, 3] = DIAGONAL_GAPS[2, 4] = False
ISLAND = np.ones((5, 5), bool)
ISLAND[1, 2] = ISLAND[2, 1] = ISLAND[2, 3] = ISLAND[3, 2] = False  # the middle pixel touches nothing by a side
OPEN_CORNER = np.ones((4, 4), bool)
OPEN_CORNER[1, 1] = OPEN_CORNER[0, 0] = False  # the hole meets the outside at a corner
SHAPES = {
    "one pixel": np.ones((1, 1), bool),
    "ring": RING,
    "gaps": DIAGONAL_GAPS,
    "island": ISLAND,
    "corner": OPEN_CORNER,
    "checks": np.indices((5, 5)).sum(axis=0) % 2 == 0,
    "noise": np.random.default_rng(0).random((40, 50)) < 0.55,
    "blobs": ndimage.gaussian_filter(np.random.default_rng(1).random((80, 80)), 3) > 0.5,
}


@pytest.mark.parametrize("name", SHAPES)
def test_outlines_are_valid_polygons_of_the_masks_area_and_give_it_back(name: str) -> None:
    shapely = pytest.importorskip("shapely")
    mask = SHAPES[name]
    polygons = outlines(mask, (3, 5))
    made = [shapely.Polygon(shell, holes) for shell, *holes in polygons]
    whole = shapely.MultiPolygon(made)
    assert whole.is_valid
    assert whole.area == mask.sum()
    assert len(made) == ndimage.label(mask)[1]
    assert all(signed_area(shell) > 0 and all(signed_area(h) < 0 for h in holes) for shell, *holes in polygons)
    found = filled(polygons, 200, 200)
    assert found is not None
    box, again = found
    frame = np.zeros((200, 200), bool)
    frame[box.y0 : box.y1, box.x0 : box.x1] = again
    expected = np.zeros((200, 200), bool)
    expected[3 : 3 + mask.shape[0], 5 : 5 + mask.shape[1]] = mask
    np.testing.assert_array_equal(frame, expected)


def test_a_drawn_polygon_is_filled_by_pixel_centres_as_shapely_says_and_cut_at_the_border() -> None:
    shapely = pytest.importorskip("shapely")
    star = [(-5.3, 10.2), (12.7, 4.1), (25.9, -8.4), (19.2, 14.6), (33.3, 31.7), (11.4, 22.2)]
    found = filled([[star]], 30, 30)
    assert found is not None
    box, mask = found
    frame = np.zeros((30, 30), bool)
    frame[box.y0 : box.y1, box.x0 : box.x1] = mask
    polygon = shapely.Polygon(star)
    expected = [[polygon.contains(shapely.Point(x + 0.5, y + 0.5)) for x in range(30)] for y in range(30)]
    np.testing.assert_array_equal(frame, expected)
    assert abs(int(polygon2mask((30, 30), np.array(star)[:, ::-1] - 0.5).sum()) - int(frame.sum())) < 5


@pytest.mark.parametrize("polygons", [[], [[[]]], [[[(50, 50), (60, 50), (60, 60)]]], [[[(1, 1), (1, 1), (1, 1)]]]])
def test_polygons_without_a_pixel_give_nothing(polygons: list) -> None:
    assert filled(polygons, 40, 40) is None


@pytest.mark.parametrize("name", SHAPES)
def test_run_lengths_are_those_of_the_coco_library(name: str) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    mask = SHAPES[name]
    height, width = mask.shape[0] + 4, mask.shape[1] + 6
    for box in (Box(1, 2, 1 + mask.shape[0], 2 + mask.shape[1]), Box(0, 0, *mask.shape)):
        h, w = (height, width) if box.x0 else mask.shape  # once within a frame, once as all of it
        frame = np.zeros((h, w), bool)
        frame[box.y0 : box.y1, box.x0 : box.x1] = mask
        counts = run_lengths(mask, box, h, w)
        packed = coco.encode(np.asfortranarray(frame.astype(np.uint8)))
        assert coco.frPyObjects({"counts": counts, "size": [h, w]}, h, w) == packed
        np.testing.assert_array_equal(from_run_lengths(counts, h, w), frame)
        np.testing.assert_array_equal(from_run_lengths(packed["counts"].decode(), h, w), frame)


@pytest.mark.parametrize("counts", [[1, 2], [5, -1, 6], [], "a b", "00000", [[10]], [1.5, 8.5], "o" * 50])
def test_run_lengths_that_make_no_mask_are_refused(counts: list[int] | str) -> None:
    with pytest.raises(ValueError):
        from_run_lengths(counts, 2, 5)
