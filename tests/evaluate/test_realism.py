"""The realism score against distances worked out by hand and by loops, and against the balls of precision."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.distances import membership
from napari_cellsynth.evaluate.realism import MOST, realism


def test_four_points_on_a_line_give_the_ratios_worked_out_by_hand() -> None:
    # Nearest neighbours: 0 → 1, 1 → 0, 3 → 1 (distance 2), 10 → 3 (distance 7); the median radius is 1.5, so the balls
    # of 3 and of 10 are left out.
    real = np.array([[0.0], [1.0], [3.0], [10.0]])
    made = np.array([[0.5], [2.0], [5.0], [10.0]])
    np.testing.assert_allclose(realism(real, made, k=1), [1 / 0.5, 1 / 1, 1 / 4, 1 / 9])


def test_it_equals_the_definition_written_as_loops() -> None:
    rng = np.random.default_rng(0)
    real, made = rng.normal(size=(31, 5)), rng.normal(size=(12, 5)) * 1.5
    radii = [sorted(np.linalg.norm(real - each, axis=1))[3] for each in real]
    kept = [i for i, radius in enumerate(radii) if radius <= np.median(radii)]
    expected = [max(radii[i] / np.linalg.norm(each - real[i]) for i in kept) for each in made]
    np.testing.assert_allclose(realism(real, made), expected)


def test_one_and_above_is_inside_of_a_ball_and_so_counts_as_precise() -> None:
    rng = np.random.default_rng(1)
    real, made = rng.normal(size=(60, 3)), rng.normal(size=(200, 3)) * 2
    score = realism(real, made)
    assert (score > 1).any() and (score < 1).any()
    assert membership(real, made, 3).precise[score > 1].all()


def test_a_copy_is_as_real_as_can_be_and_too_few_real_patches_are_refused() -> None:
    real = np.random.default_rng(2).normal(size=(9, 4))
    nearest_to_all = np.argsort([np.sort(np.linalg.norm(real - each, axis=1))[3] for each in real])[0]
    assert realism(real, real[[nearest_to_all]]).tolist() == [MOST]
    with pytest.raises(UserError, match="more than 3 real"):
        realism(real[:3], real)
