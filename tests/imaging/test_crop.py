"""Boxes, crops and the intensity scale."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import Box, boxes_of, cut, cut_context, from_unit, intensity_range, to_unit

RNG = np.random.default_rng(0)
FRAME = RNG.integers(0, 4096, (2, 90, 120)).astype(np.uint16)


def labelled() -> np.ndarray:
    labels = np.zeros((60, 80), np.int32)
    labels[5:15, 10:30] = 2
    labels[40:50, 50:55] = 7
    labels[42, 55:60] = 7
    return labels


def test_boxes_name_place_area_and_centre_of_every_object() -> None:
    boxes = boxes_of(labelled())
    assert boxes["mask_label"].tolist() == [2, 7]
    assert boxes.loc[0, ["y0", "x0", "y1", "x1", "area"]].tolist() == [5, 10, 15, 30, 200]
    assert boxes.loc[1, ["y0", "x0", "y1", "x1", "area"]].tolist() == [40, 50, 50, 60, 55]
    assert boxes.loc[0, ["cy", "cx"]].tolist() == [9.5, 19.5]
    inside = np.argwhere(labelled() == 7)
    np.testing.assert_allclose(boxes.loc[1, ["cy", "cx"]].to_numpy(float), inside.mean(axis=0))


def test_a_mask_s_hash_changes_with_its_shape_and_place_but_not_with_its_number() -> None:
    first = boxes_of(labelled())["mask_hash"]
    renumbered = boxes_of(labelled() * 3)["mask_hash"]
    moved = boxes_of(np.roll(labelled(), 1, axis=0))["mask_hash"]
    shaped = labelled()
    shaped[5, 10] = 0
    assert first.tolist() == renumbered.tolist()
    assert not set(first) & set(moved)
    assert boxes_of(shaped)["mask_hash"][0] != first[0]
    assert first.str.fullmatch("[0-9a-f]{16}").all()


def test_an_empty_label_image_has_no_boxes() -> None:
    boxes = boxes_of(np.zeros((20, 20), np.int32))
    assert len(boxes) == 0
    assert boxes["area"].dtype == np.int64


@pytest.mark.parametrize("fit", ["window", "whole"])
def test_a_box_of_the_patch_s_size_is_cut_unchanged(fit: str) -> None:
    crop = cut(FRAME, Box(10, 20, 42, 52), size=32, fit=fit)
    np.testing.assert_array_equal(crop, FRAME[:, 10:42, 20:52])
    crop[:] = 0
    assert FRAME[:, 10:42, 20:52].any()


def test_window_grows_a_small_box_around_its_centre_and_leaves_a_large_one() -> None:
    np.testing.assert_array_equal(cut(FRAME, (40, 50, 50, 70), size=32, fit="window"), FRAME[:, 29:61, 44:76])
    np.testing.assert_array_equal(cut(FRAME, (10, 20, 60, 90), size=32, fit="window"), FRAME[:, 10:60, 20:90])


@pytest.mark.parametrize("fit", ["window", "whole"])
def test_at_the_border_the_crop_is_shifted_inside(fit: str) -> None:
    crop = cut(FRAME, (0, 100, 10, 120), size=20 if fit == "whole" else 32, fit=fit)
    side = 20 if fit == "whole" else 32
    np.testing.assert_array_equal(crop, FRAME[:, :side, 120 - side :])


def test_a_frame_smaller_than_the_patch_is_continued_by_reflection() -> None:
    crop = cut(FRAME[:, :20], (0, 0, 20, 30), size=64, fit="window")
    assert crop.shape == (2, 64, 64)
    np.testing.assert_array_equal(crop[:, 22:42], FRAME[:, :20, :64])
    np.testing.assert_array_equal(crop[:, 21], crop[:, 23])


def test_whole_keeps_the_shape_dtype_and_range_of_the_object() -> None:
    smooth = np.outer(np.hanning(90), np.hanning(120))[None]
    for dtype, top in (("uint8", 255), ("uint16", 60000), ("float32", 1e-3)):
        frame = (smooth * top).astype(dtype)
        crop = cut(frame, (5, 20, 85, 90), size=40, fit="whole")
        assert crop.shape == (1, 40, 40)
        assert crop.dtype == dtype
        assert frame.min() <= crop.min() <= crop.max() <= frame.max()
        every_other = frame[:, 5:85, 15:95].reshape(1, 40, 2, 40, 2).mean(axis=(2, 4))
        np.testing.assert_allclose(crop, every_other, atol=0.01 * top + (dtype != "float32"))


def test_shrinking_does_not_alias() -> None:
    stripes = np.zeros((1, 128, 128), np.uint8)
    stripes[:, :, ::2] = 255
    crop = cut(stripes, (0, 0, 128, 128), size=32, fit="whole")
    assert np.ptp(crop[:, :, 4:-4].astype(int)) <= 2


def test_context_is_clipped_to_the_frame_and_says_so() -> None:
    crop, box = cut_context(FRAME, (2, 40, 22, 60), 0.5)
    assert box == Box(0, 30, 32, 70)
    np.testing.assert_array_equal(crop, FRAME[:, 0:32, 30:70])


def test_a_box_outside_of_the_frame_is_the_user_s_mistake() -> None:
    with pytest.raises(UserError, match="outside"):
        cut(FRAME, (90, 0, 100, 10), size=16, fit="window")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_range_is_learned_from_each_channel_without_its_outliers(dtype: str) -> None:
    crops = [np.stack([RNG.integers(100, 201, (60, 70)), np.full((60, 70), 9)]).astype(dtype) for _ in range(8)]
    crops[0][0, 0, 0] = 255 if dtype == "uint8" else 60000
    low, high = intensity_range(crops)
    np.testing.assert_allclose([low[0], high[0]], [100, 200], atol=1)
    assert (low[1], high[1]) == (9, 10)
    assert low.dtype == high.dtype == np.float32


def test_the_range_needs_crops_of_the_same_channels() -> None:
    with pytest.raises(UserError, match="no crops"):
        intensity_range([])
    with pytest.raises(UserError, match="1 and 3 channels"):
        intensity_range([np.zeros((1, 4, 4), np.uint8), np.zeros((3, 4, 4), np.uint8)])


@pytest.mark.parametrize(("dtype", "low", "high"), [("uint8", 0, 255), ("uint16", 137, 3988), ("uint16", 0, 65535)])
def test_scaling_there_and_back_keeps_every_grey_level(dtype: str, low: int, high: int) -> None:
    raw = np.arange(low, high + 1).astype(dtype)[None, None]
    bounds = np.array([low], np.float32), np.array([high], np.float32)
    unit = to_unit(raw, *bounds)
    assert unit.dtype == np.float32
    assert (unit.min(), unit.max()) == (-1, 1)
    assert np.abs(from_unit(unit, *bounds, dtype).astype(int) - raw).max() <= 1
    assert to_unit(np.array([[[high + 500.0]]]), *bounds).item() == 1


def test_a_batch_is_scaled_channel_by_channel() -> None:
    batch = np.stack([np.full((2, 3, 3), 10), np.full((2, 3, 3), 20)], axis=1).astype(np.uint16)
    unit = to_unit(batch, np.array([0, 0]), np.array([20, 20]))
    np.testing.assert_allclose(unit[:, 0], 0, atol=1e-6)
    np.testing.assert_allclose(unit[:, 1], 1)
