"""The segmentation: the paper's steps, every kind of frame, bad frames, and real microscopy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from skimage import exposure
from skimage.color import rgb2gray
from skimage.filters import rank, threshold_otsu
from skimage.measure import label
from skimage.morphology import disk, opening, remove_small_objects

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.segment import (
    flatten_field,
    segment_colonies,
    segmentation_scores,
    to_eight_bits,
    to_gray,
)
from napari_cellsynth.imaging.simulate import simulate_timelapse
from napari_cellsynth.imaging.source import open_image

RNG = np.random.default_rng(0)
FILM = simulate_timelapse(frames=1, size=384, colonies=6, seed=3)
FRAME = FILM.images[0, 0]


def by_scikit_image(image: np.ndarray, radius: int, opening_radius: int, min_area: int) -> np.ndarray:
    texture = rank.entropy(image, disk(radius))
    mask = opening(texture > threshold_otsu(texture), disk(opening_radius))
    mask = ndimage.binary_fill_holes(mask)
    return label(remove_small_objects(mask, max_size=min_area - 1), connectivity=1)


@pytest.mark.parametrize("settings", [(9, 5, 500), (4, 2, 60)])
def test_without_options_it_is_the_paper_s_pipeline(settings: tuple[int, int, int]) -> None:
    labels = segment_colonies(FRAME, **dict(zip(("radius", "opening", "min_area"), settings, strict=True)))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, by_scikit_image(FRAME, *settings))
    assert labels.max() >= 6


def test_simulated_colonies_are_found() -> None:
    scores = segmentation_scores(segment_colonies(FRAME), FILM.labels[0])
    assert scores.f1 >= 0.8
    assert scores.mean_iou >= 0.6


def test_sixteen_bits_and_floats_are_stretched_as_scikit_image_does() -> None:
    for frame in (
        RNG.integers(300, 9000, (40, 50)).astype(np.uint16),
        RNG.normal(0, 1e-4, (40, 50)),
        RNG.integers(-9, 90, (40, 50)),
    ):
        stretched = exposure.rescale_intensity(frame, out_range="uint8").astype(np.uint8)
        np.testing.assert_array_equal(to_eight_bits(frame), stretched)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64", "int32"])
def test_the_objects_do_not_depend_on_the_bit_depth(dtype: str) -> None:
    stretched = FRAME.copy()
    stretched.flat[0], stretched.flat[-1] = 0, 255
    wide = stretched.astype(dtype) * 16
    agreement = segmentation_scores(segment_colonies(wide), segment_colonies(stretched))
    assert agreement.f1 == 1
    assert agreement.mean_iou > 0.99


def test_colour_is_judged_by_its_luminance_wherever_the_channels_are() -> None:
    colour = RNG.integers(0, 255, (30, 40, 3)).astype(np.uint8)
    gray = to_gray(np.moveaxis(colour, -1, 0))
    assert gray.dtype == np.uint8
    np.testing.assert_allclose(gray, rgb2gray(colour) * 255, atol=0.51)
    np.testing.assert_array_equal(to_gray(colour), gray)
    np.testing.assert_array_equal(segment_colonies(np.stack([FRAME] * 3)), segment_colonies(FRAME))
    np.testing.assert_array_equal(segment_colonies(FRAME[None]), segment_colonies(FRAME))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("value", [0, 200])
@pytest.mark.parametrize("flat_field_px", [None, 30.0])
def test_a_constant_frame_has_no_objects(dtype: str, value: int, flat_field_px: float | None) -> None:
    labels = segment_colonies(np.full((60, 70), value, dtype), flat_field_px=flat_field_px, split_touching=True)
    assert labels.shape == (60, 70)
    assert not labels.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_missing_pixels_are_told_with_the_frame_s_name(bad: float) -> None:
    frame = FRAME.astype(np.float32)
    frame[5, 5] = bad
    with pytest.raises(UserError, match="video_01, frame 3 holds pixels that are not numbers"):
        segment_colonies(frame, name="video_01, frame 3")


@pytest.mark.parametrize("shape", [(20, 64, 64), (2, 3, 64, 64), (64,), (0, 64, 64)])
def test_a_volume_or_a_series_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="volume or a series"):
        segment_colonies(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "settings",
    [
        {"radius": 0},
        {"radius": 300},
        {"opening": -1},
        {"min_area": -5},
        {"flat_field_px": 0.0},
        {"flat_field_px": float("nan")},
        {"cell_width_px": -1.0},
        {"region": np.ones((5, 5), bool)},
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UserError) as caught:
        segment_colonies(FRAME, **settings)  # type: ignore[arg-type]
    assert caught.value.hint


def test_a_tiny_frame_is_segmented_without_complaint() -> None:
    assert not segment_colonies(RNG.integers(0, 9, (8, 8)).astype(np.uint8)).any()


def test_objects_lie_in_the_region_and_its_surroundings_do_not_move_the_threshold() -> None:
    frame = np.pad(FRAME, ((0, 0), (0, 120)))
    frame[:, 384:] = RNG.integers(0, 256, (384, 120))
    region = np.zeros(frame.shape, bool)
    region[:, :370] = True
    labels = segment_colonies(frame, region=region)
    assert not labels[~region].any()
    agreement = segmentation_scores(labels[:, :360], segment_colonies(FRAME)[:, :360])
    assert agreement.f1 > 0.9
    assert not segment_colonies(frame, region=np.zeros(frame.shape, bool)).any()


def test_the_flat_field_takes_shading_away() -> None:
    slope = np.linspace(0.3, 1.7, 384)[None]
    shaded = (100 + RNG.normal(0, 1, (384, 384))) * slope
    flat = flatten_field(shaded, 40)
    assert np.ptp(flat[:, 60:-60].mean(axis=0)) < 0.1 < np.ptp(shaded.mean(axis=0)) / 100
    well_edge = 0.4 + 0.6 / (1 + np.exp(-(np.arange(384) - 60) / 9))
    lit = (FRAME * well_edge).astype(np.uint8)
    with_field = segmentation_scores(segment_colonies(lit, flat_field_px=20), FILM.labels[0])
    without = segmentation_scores(segment_colonies(lit), FILM.labels[0])
    assert with_field.mean_iou > without.mean_iou


def test_the_flat_field_of_a_region_knows_nothing_of_its_surroundings() -> None:
    well = np.zeros((200, 200), bool)
    well[40:160, 40:160] = True
    flat = flatten_field(np.where(well, 100, 2), 15, well)
    np.testing.assert_allclose(flat, 1, atol=0.02)


def two_discs(gap: int) -> np.ndarray:
    y, x = np.mgrid[:160, :240]
    left, right = (y - 80) ** 2 + (x - 120 + gap) ** 2 < 50**2, (y - 80) ** 2 + (x - 120 - gap) ** 2 < 50**2
    frame = np.full((160, 240), 100.0)
    frame[left | right] += RNG.normal(0, 40, int((left | right).sum()))
    return (frame + RNG.normal(0, 1, frame.shape)).clip(0, 255).astype(np.uint8)


def test_touching_objects_are_cut_at_their_waist_and_keep_all_their_pixels() -> None:
    frame = two_discs(46)
    joined, cut = segment_colonies(frame), segment_colonies(frame, split_touching=True)
    assert joined.max() == 1
    assert cut.max() == 2
    np.testing.assert_array_equal(cut > 0, joined > 0)
    assert abs((cut == 1).sum() / (cut == 2).sum() - 1) < 0.1
    assert set(np.unique(cut[:, 60])) <= {0, cut[80, 60]}


def test_an_object_without_a_waist_is_not_cut() -> None:
    assert segment_colonies(two_discs(0), split_touching=True).max() == 1
    assert segment_colonies(two_discs(12), split_touching=True).max() == 1


def test_parts_under_the_smallest_size_stay_with_their_neighbour() -> None:
    frame = two_discs(46)
    assert segment_colonies(frame, min_area=12000, split_touching=True).max() == 1


def test_scores_count_one_to_one_matches() -> None:
    truth = np.zeros((20, 40), int)
    truth[:10, :10], truth[:10, 20:30] = 5, 9
    predicted = np.zeros((20, 40), int)
    predicted[:10, :8], predicted[12:, :] = 1, 2
    scores = segmentation_scores(predicted, truth)
    assert (scores.matched, scores.predicted, scores.true) == (1, 2, 2)
    assert scores.f1 == 0.5
    assert scores.mean_iou == pytest.approx(0.4)
    assert segmentation_scores(truth, truth).f1 == segmentation_scores(truth * 3, truth).mean_iou == 1
    full = np.ones((4, 4), int)
    assert segmentation_scores(full, full).matched == 1
    empty = np.zeros((20, 40), int)
    assert segmentation_scores(empty, empty).f1 == 1
    assert segmentation_scores(predicted, empty).mean_iou == 0
    assert segmentation_scores(empty, truth).f1 == 0


@pytest.mark.real_data
def test_stem_cell_colonies_are_counted_as_by_the_yardstick(real_data: Path) -> None:
    tiles = sorted((real_data / "hipsc_colonies_unlabelled" / "images").glob("6well_*"))
    counts = [int(segment_colonies(open_image(tile).frame(0), min_area=2500).max()) for tile in tiles]
    assert counts == [21, 20, 20, 24, 16]


@pytest.mark.real_data
def test_splitting_brings_crowded_cells_nearer_to_the_truth(real_data: Path) -> None:
    folder = real_data / "t98g_phase_contrast"
    for name in ("t98g_t01", "t98g_t19"):
        frame = open_image(folder / "images" / f"{name}.tif").frame(0)
        truth = open_image(folder / "masks_predicted" / f"{name}.png").frame(0)[0].astype(int)
        truth[np.bincount(truth.ravel())[truth] < 50] = 0
        joined = segmentation_scores(segment_colonies(frame, min_area=2500), truth)
        waists = segmentation_scores(segment_colonies(frame, min_area=2500, split_touching=True), truth)
        halos = segmentation_scores(
            segment_colonies(frame, min_area=2500, split_touching=True, cell_width_px=55), truth
        )
        assert joined.predicted == (13 if name == "t98g_t01" else 21)
        assert joined.f1 < waists.f1 < halos.f1
        assert joined.mean_iou < waists.mean_iou < halos.mean_iou
        assert joined.f1 + 0.3 < halos.f1
