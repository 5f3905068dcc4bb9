from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from skimage.draw import disk, ellipse, rectangle
from skimage.measure import moments_central, moments_hu, moments_normalized, perimeter_crofton, regionprops
from skimage.transform import rotate

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.features import object_features


def drawn(*shapes, size=160):
    """A label image of these pixels, one object after another."""
    labels = np.zeros((size, size), int)
    for number, pixels in enumerate(shapes, start=1):
        labels[pixels] = number
    return labels


def of_mask(labels):
    return object_features(np.zeros((1, *labels.shape)), labels)


def blobs(seed=0, size=200):
    """A few objects without symmetry, some with arms."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), int)
    for number, (y, x) in enumerate([(40, 40), (40, 140), (140, 50), (145, 140)], start=1):
        for _ in range(4):
            cy, cx = y + rng.integers(-12, 13), x + rng.integers(-12, 13)
            labels[ellipse(cy, cx, rng.integers(6, 22), rng.integers(6, 22))] = number
    return labels


def test_a_disk_is_round_and_as_wide_as_it_is_long():
    row = of_mask(drawn(disk((80, 80), 50.0))).loc[1]
    assert row["area"] == pytest.approx(np.pi * 50**2, rel=0.005)
    assert row["circularity"] == pytest.approx(1, abs=0.02)
    assert row["solidity"] == pytest.approx(1, abs=0.02)
    assert row["aspect_ratio"] == pytest.approx(1, abs=1e-6)
    assert row["maximum_width"] == pytest.approx(100, rel=0.02)
    assert row["diameter"] == pytest.approx(100, rel=0.02)
    assert row["equivalent_diameter"] == pytest.approx(100, rel=0.005)
    assert row["compactness"] == pytest.approx(1, abs=0.04)
    assert row["protrusions"] == 0


def test_a_rectangle_has_the_figures_of_its_sides():
    # A pixel is a square: 21 pixels are 21 long.
    a, b = 61, 21
    row = of_mask(drawn(rectangle((30, 40), extent=(b, a)))).loc[1]
    assert row["area"] == a * b
    assert row["diameter"] == pytest.approx(np.hypot(a, b), rel=0.001)
    assert row["minimum_caliper"] == pytest.approx(b)
    assert row["maximum_width"] == pytest.approx(b)
    assert row["aspect_ratio"] == pytest.approx(a / b)
    assert row["major_axis"] == pytest.approx(4 * a / np.sqrt(12))
    assert row["solidity"] == pytest.approx(1)
    # a³b/12 for a continuous rectangle; a(a² - 1)b/12 for the middles of its pixels.
    assert row["mu20"] == pytest.approx(a * (a**2 - 1) * b / 12)
    assert row["mu20"] == pytest.approx(a**3 * b / 12, rel=0.001)
    assert row["mu02"] == pytest.approx(b * (b**2 - 1) * a / 12)
    assert row["mu30"] == pytest.approx(0, abs=1e-6) and row["mu03"] == pytest.approx(0, abs=1e-6)


def test_a_ring_has_the_width_of_its_band_and_is_not_round():
    labels = drawn(disk((80, 80), 60.0))
    labels[disk((80, 80), 40.0)] = 0
    row = of_mask(labels).loc[1]
    assert row["area"] == pytest.approx(np.pi * (60**2 - 40**2), rel=0.01)
    assert row["maximum_width"] == pytest.approx(20, abs=1.5)
    assert row["diameter"] == pytest.approx(120, rel=0.02)
    assert row["solidity"] == pytest.approx((60**2 - 40**2) / 60**2, rel=0.02)
    # Both outlines count: 4π · π(R² - r²) / (2π(R + r))² = (R - r) / (R + r).
    assert row["circularity"] == pytest.approx(20 / 100, rel=0.03)


def test_perimeter_moments_and_area_are_scikit_images():
    labels = blobs()
    table = of_mask(labels)
    for region in regionprops(labels):
        row, mask = table.loc[region.label], labels == region.label
        assert row["perimeter"] == pytest.approx(perimeter_crofton(mask, directions=4))
        central = moments_central(mask.astype(float))
        assert row["area"] == region.area
        for name, (y, x) in {"mu20": (0, 2), "mu02": (2, 0), "mu30": (0, 3), "mu03": (3, 0)}.items():
            assert row[name] == pytest.approx(central[y, x], rel=1e-9)
        assert row["major_axis"] == pytest.approx(region.axis_major_length, rel=0.01)
        assert row["minor_axis"] == pytest.approx(region.axis_minor_length, rel=0.01)
        assert row["equivalent_diameter"] == pytest.approx(region.equivalent_diameter_area)
        assert row["solidity"] == pytest.approx(region.solidity, rel=0.03)
        assert row["diameter"] == pytest.approx(region.feret_diameter_max, abs=1)
        hu = moments_hu(moments_normalized(central))
        for number, (value, degree) in enumerate(zip(hu, (1, 2, 2, 2, 4, 3, 4), strict=True), start=1):
            # scikit-image's first axis is our second one: the seventh invariant changes its sign in a mirror.
            sign = -1 if number == 7 else 1
            assert row[f"hu{number}"] == pytest.approx(sign * np.sign(value) * abs(value) ** (1 / degree), abs=1e-6)


def test_hull_and_calipers_are_those_of_the_pixels_corners():
    labels = blobs(1)
    table = of_mask(labels)
    for number in table.index:
        y, x = np.nonzero(labels == number)
        corners = np.concatenate([np.stack([y + dy, x + dx], 1) for dy in (-0.5, 0.5) for dx in (-0.5, 0.5)])
        hull = ConvexHull(corners)
        row, points = table.loc[number], corners[hull.vertices]
        assert row["area"] / row["solidity"] == pytest.approx(hull.volume, rel=0.012)
        assert row["convexity"] * row["perimeter"] == pytest.approx(hull.area, rel=0.006)
        farthest = np.linalg.norm(points[:, None] - points[None], axis=2).max()
        assert row["diameter"] == pytest.approx(farthest, rel=0.001)


def test_arms_are_counted_as_protrusions():
    labels = drawn(disk((80, 80), 30.0))
    labels[78:82, 20:140] = 1
    labels[20:80, 78:82] = 1
    row = of_mask(labels).loc[1]
    assert row["protrusions"] == 3
    sticking_out = 4 * (140 - 20 - 60) + 4 * 30
    assert row["protruding_share"] == pytest.approx(sticking_out / row["area"], rel=0.1)


def test_turning_an_object_changes_its_size_and_its_invariants_little():
    labels = drawn(ellipse(80, 80, 20, 50))
    labels[disk((80, 120), 15.0)] = 1
    turned = rotate(labels, 33, order=0, preserve_range=True).astype(int)
    before, after = of_mask(labels).loc[1], of_mask(turned).loc[1]
    for name in ("area", "diameter", "maximum_width", "aspect_ratio", "solidity", "hu1", "hu2"):
        assert after[name] == pytest.approx(before[name], rel=0.05), name
    # Four directions see a straight side at a slant up to 4 % longer or shorter, and the area is over its square.
    assert after["circularity"] == pytest.approx(before["circularity"], rel=0.15)


def test_objects_that_touch_are_measured_as_if_they_were_apart():
    apart, touching = np.zeros((60, 90), int), np.zeros((60, 90), int)
    apart[10:40, 5:35], apart[10:40, 50:80] = 1, 2
    touching[10:40, 5:35], touching[10:40, 35:65] = 1, 2
    # Whole columns but those of the distances to both sides: the outlines are the same.
    names = ["area", "perimeter", "maximum_width", "diameter", "solidity", "protrusions", "mu20"]
    np.testing.assert_allclose(of_mask(apart)[names], of_mask(touching)[names])


def test_labels_keep_their_numbers_and_nanometres_come_from_the_pixel_size():
    labels = drawn(rectangle((10, 10), extent=(11, 30)))
    labels[labels == 1] = 700
    table = object_features(np.zeros((1, *labels.shape)), labels, pixel_size_nm=50)
    assert table.index.tolist() == [700] and table.index.name == "label"
    assert table.loc[700, "maximum_width_nm"] == pytest.approx(11 * 50)
    assert table.loc[700, "length_nm"] == pytest.approx(50 * np.hypot(11, 30), rel=0.001)
    assert table.loc[700, "area_nm2"] == 330 * 2500
    assert "length_nm" not in of_mask(labels)


def test_one_pixel_a_full_frame_and_no_object_give_finite_figures():
    labels = np.zeros((12, 12), int)
    labels[5, 5] = 1
    for each in (labels, np.ones((12, 12), int), np.zeros((12, 12), int)):
        table = object_features(np.random.default_rng(0).random((2, 12, 12)), each)
        assert len(table) == each.max() and np.isfinite(table.to_numpy()).all()


def test_what_cannot_be_measured_is_told_in_one_line():
    labels = np.ones((8, 8), int)
    with pytest.raises(UserError, match="NaN"):
        object_features(np.full((1, 8, 8), np.nan), labels)
    with pytest.raises(UserError, match="one size"):
        object_features(np.zeros((1, 8, 9)), labels)
    with pytest.raises(UserError, match="nm wide"):
        object_features(np.zeros((1, 8, 8)), labels, pixel_size_nm=0)
    with pytest.raises(UserError, match="range"):
        object_features(np.zeros((1, 8, 8)), labels, low=[1], high=[1])
