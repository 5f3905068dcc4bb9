"""Distances between sets worked out by hand, on a line."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import distances
from napari_cellsynth.evaluate.distances import fid, kid, membership, precision_recall_density_coverage, radii

REAL, SYNTHETIC = np.array([[0.0], [1], [3], [7]]), np.array([[0.5], [2], [30], [31]])


@pytest.mark.parametrize("chunk", [1, 3, 2048])
def test_balls_to_the_first_neighbour_hold_what_is_nearer_than_their_edge(chunk, monkeypatch):
    monkeypatch.setattr(distances, "_CHUNK", chunk)
    assert radii(REAL, 1).tolist() == [1, 1, 2, 4] and radii(SYNTHETIC, 1).tolist() == [1.5, 1.5, 1, 1]
    found = membership(REAL, SYNTHETIC, 1)
    # 0.5 is in the balls of 0 and 1; 2 in that of 3 and just on the edge of that of 1.
    assert found.dense.tolist() == [2, 1, 0, 0] and found.precise.tolist() == [True, True, False, False]
    assert found.covered.tolist() == [True, True, True, False]
    assert found.recalled.tolist() == [True, True, True, False]
    assert precision_recall_density_coverage(REAL, SYNTHETIC, 1) == {
        "precision": 0.5, "recall": 0.75, "density": 0.75, "coverage": 0.75
    }  # fmt: skip


def test_density_counts_balls_over_the_number_of_neighbours():
    assert radii(REAL, 2).tolist() == [3, 2, 3, 6]
    assert membership(REAL, SYNTHETIC, 2).dense.tolist() == [1.5, 2, 0, 0]
    many = np.arange(12.0)[:, None] ** 2
    assert precision_recall_density_coverage(many, many + 3) == precision_recall_density_coverage(many, many + 3, 5)
    assert [each.tolist() for each in membership(many, many + 3)] == [
        each.tolist() for each in membership(many, many + 3, 5)
    ]


def test_neighbours_need_one_patch_more_than_their_number_on_both_sides():
    assert membership(REAL, SYNTHETIC, 3).precise.any()
    for real, synthetic in [(REAL, np.arange(9.0)[:, None]), (np.arange(9.0)[:, None], SYNTHETIC)]:
        with pytest.raises(UserError, match="4 neighbours need more than 4"):
            membership(real, synthetic, 4)


@pytest.mark.parametrize("chunk", [1, 3, 2048])
def test_fid_and_kid_of_two_points_each(chunk, monkeypatch):
    monkeypatch.setattr(distances, "_CHUNK", chunk)
    x, y = np.array([[0.0], [2]]), np.array([[1.0], [5]])
    # Means 1 and 3, variances 2 and 8: 4 + (sqrt 2 - sqrt 8)² = 6.
    assert fid(x, y) == pytest.approx(6)
    # The kernel is (ab + 1)³: 1 within x, 216 within y, and across 1, 1, 27 and 1331 of four pairs.
    assert kid(x, y) == pytest.approx(1 + 216 - 2 * (1 + 1 + 27 + 1331) / 4)


def test_features_of_other_shapes_are_refused():
    for x, y in [
        (np.zeros((3, 2)), np.zeros((3, 3))),
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros((3, 1)), np.zeros(3)),
    ]:
        with pytest.raises(ValueError, match="need the shapes"):
            fid(x, y)
    for x, y in [(np.zeros((1, 2)), np.zeros((3, 2))), (np.zeros((3, 2)), np.zeros((1, 2)))]:
        with pytest.raises(UserError, match="at least two patches"):
            kid(x, y)
