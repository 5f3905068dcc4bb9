from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.agreement import agreement, cohens_kappa


@pytest.mark.parametrize("seed", range(8))
def test_kappa_and_the_table_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first = rng.choice([-2, -1, 1, 2, 7, 1_000_003], size=150)
    second = np.where(rng.random(150) < 0.6, first, rng.choice([1, 2, 7], size=150))
    found = agreement(first, second)
    assert found.kappa.estimate == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
    assert np.array_equal(found.table, confusion_matrix(first, second))
    assert found.agreed == (first == second).sum() and found.share.estimate == found.agreed / 150


def test_the_intervals_are_those_of_worked_examples() -> None:
    # 20 and 15 agreements of 50: kappa 0.4 by hand; its standard error 0.12 before the large-sample mend of 1969.
    kappa = cohens_kappa([[20, 5], [10, 15]])
    assert kappa.estimate == pytest.approx(0.4)
    # Var by hand: A = .4(1-1.1*.6)^2+.3(1-.9*.6)^2, B = .36(.1*.81...)...: the bootstrap says the same.
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(50, np.array([20, 5, 10, 15]) / 50, size=40_000).reshape(-1, 2, 2)
    spread = np.std([cohens_kappa(table).estimate for table in drawn[:8000]])
    assert (kappa.high - kappa.low) / 2 / 1.959964 == pytest.approx(spread, rel=0.05)
    # Wilson 1927 for 35 of 50.
    share = agreement([1] * 25 + [2] * 25, [1] * 20 + [2] * 5 + [1] * 10 + [2] * 15).share
    assert (share.low, share.high) == pytest.approx((0.5625, 0.8090), abs=5e-4)


def test_the_variance_of_kappa_covers_the_truth_as_often_as_it_says() -> None:
    p = np.array([[0.5, 0.05, 0.03], [0.04, 0.2, 0.02], [0.06, 0.04, 0.06]])
    truth = cohens_kappa(p * 1e9).estimate
    drawn = np.random.default_rng(1).multinomial(300, p.ravel(), size=2000).reshape(-1, 3, 3)
    inside = np.mean([low <= truth <= high for _, low, high in map(cohens_kappa, drawn)])
    assert 0.935 < inside < 0.965


def test_where_both_give_one_label_only_kappa_is_not_a_number() -> None:
    found = agreement([3, 3], [3, 3])
    assert np.isnan(found.kappa.estimate) and found.share.estimate == 1


def test_no_common_object_is_one_sentence() -> None:
    with pytest.raises(UserError, match="both have labelled"):
        agreement([], [])
