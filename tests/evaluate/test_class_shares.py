from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from napari_cellsynth.evaluate.class_shares import Confusion, changes_by_error, class_shares, composition


def errs(k: int, right: float) -> np.ndarray:
    """Return rates of a classifier that is right so often, and else names any other class."""
    rates = np.full((k, k), (1 - right) / (k - 1))
    np.fill_diagonal(rates, right)
    return rates


def held_out(rates: np.ndarray, crops: int, rng: np.random.Generator, groups=None) -> Confusion:
    k = len(rates)
    answers = [np.repeat(np.arange(k), rng.multinomial(crops, row)) for row in rates]
    return Confusion.of(np.repeat(np.arange(k), crops), np.concatenate(answers), k, groups)


def answered(truth: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return sum(rng.multinomial(n, row) for n, row in zip(truth, rates, strict=True))


def test_two_classes_are_corrected_by_rogan_and_gladens_formula():
    # (apparent prevalence + specificity - 1) / (sensitivity + specificity - 1), Rogan and Gladen 1978
    shares = class_shares([[40, 60]], [[0.9, 0.1], [0.2, 0.8]])[0]
    assert shares[0] == pytest.approx((0.4 + 0.8 - 1) / (0.9 + 0.8 - 1))


def test_shares_that_an_inverse_would_make_negative_are_the_likeliest_on_the_simplex():
    rng = np.random.default_rng(0)
    edges = 0
    for _ in range(12):
        k = int(rng.integers(2, 6))
        rates = rng.dirichlet(np.ones(k) * 0.5, size=k) * 0.5 + np.eye(k) * 0.5
        counts = rng.multinomial(30, rng.dirichlet(np.ones(k) * 0.4)).astype(float)

        def loss(p, counts=counts, rates=rates):
            return -(counts * np.log(np.maximum(p @ rates, 1e-12))).sum()

        whole = {"type": "eq", "fun": lambda p: p.sum() - 1}
        best = minimize(loss, np.full(k, 1 / k), bounds=[(0, 1)] * k, constraints=whole, method="SLSQP")
        shares = class_shares(counts[None], rates)[0]
        edges += (np.linalg.solve(rates.T, counts) < 0).any()
        assert shares.min() >= 0
        assert shares.sum() == pytest.approx(1)
        assert loss(shares) <= best.fun + 1e-3
    assert edges >= 3


def test_a_set_without_objects_has_no_shares_and_an_impossible_answer_says_nothing():
    rates = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0]])
    shares = class_shares([[0, 0, 0], [5, 5, 90]], rates)
    assert np.isnan(shares[0]).all()
    assert shares[1] @ rates == pytest.approx([0.5, 0.5, 0])


@pytest.mark.parametrize(
    ("shares", "right", "objects", "crops"),
    [([0.5, 0.3, 0.15, 0.05], 0.8, 60, 40), ([0.7, 0.3], 0.95, 40, 15), ([0.25] * 4, 0.7, 200, 60)],
)
def test_bands_hold_planted_fractions_and_counts_as_often_as_they_say(shares, right, objects, crops):
    rng = np.random.default_rng(3)
    rates, planted = errs(len(shares), right), np.array(shares)
    of_shares, of_counts = [], []
    for seed in range(120):
        truth = rng.multinomial(objects, planted)
        seen = answered(truth, rates, rng)
        told = np.zeros_like(seen)
        found = composition([told], [seen], held_out(rates, crops, rng), repeats=200, seed=seed)
        of_shares.append((found.shares.low[0] <= planted) & (planted <= found.shares.high[0]))
        of_counts.append((found.counts.low[0] - 0.5 <= truth) & (truth <= found.counts.high[0] + 0.5))
    assert 0.90 <= np.mean(of_shares) <= 0.99
    assert 0.90 <= np.mean(of_counts) <= 1.0


def test_uncorrected_fractions_would_miss_what_was_planted():
    rng = np.random.default_rng(4)
    rates, planted = errs(4, 0.7), np.array([0.85, 0.05, 0.05, 0.05])
    truth = rng.multinomial(2000, planted)
    seen = answered(truth, rates, rng)
    found = composition([np.zeros(4)], [seen], held_out(rates, 5000, rng))
    assert abs(seen[0] / 2000 - 0.85) > 0.2
    assert found.shares.estimate[0] == pytest.approx(planted, abs=0.04)


def test_labelled_objects_are_no_matter_of_doubt_but_few_of_them_are_a_small_sample():
    found = composition([[6, 4]], [[0, 0]], held_out(errs(2, 0.6), 20, np.random.default_rng(0)))
    assert found.counts.estimate[0] == pytest.approx([6, 4])
    assert found.counts.low[0] == pytest.approx(found.counts.high[0])
    assert found.shares.low[0][0] < 0.4 < 0.8 < found.shares.high[0][0]


def test_objects_seen_in_many_frames_do_not_make_the_bands_narrower():
    confusion = held_out(errs(2, 0.9), 400, np.random.default_rng(0))
    once = composition([[0, 0]], [[6, 4]], confusion).shares
    often = composition([[0, 0]], [[240, 160]], confusion, weight=1 / 40).shares
    careless = composition([[0, 0]], [[240, 160]], confusion).shares
    width = [float((each.high - each.low)[0, 0]) for each in (once, often, careless)]
    assert width[1] == pytest.approx(width[0], rel=0.2)
    assert width[2] < width[0] / 2


def test_few_held_out_crops_widen_the_bands_even_if_all_were_right():
    few = composition([[0, 0]], [[50, 50]], held_out(np.eye(2), 3, np.random.default_rng(0))).counts
    many = composition([[0, 0]], [[50, 50]], held_out(np.eye(2), 1000, np.random.default_rng(0))).counts
    assert (few.high - few.low)[0, 0] > 5 * (many.high - many.low)[0, 0]
    assert many.estimate[0] == pytest.approx([50, 50])


def test_groups_that_err_apart_widen_the_bands_and_too_few_groups_are_not_resampled():
    # Half of the groups are told right always, the others are told by a coin.
    true = np.repeat([0, 1], 200)
    group = np.tile(np.arange(10), 40)
    wrong = (group % 2 == 1) & (np.random.default_rng(0).random(400) < 0.5)
    by_group, by_crop = Confusion.of(true, true ^ wrong, 2, group), Confusion.of(true, true ^ wrong, 2)
    spread = [each.drawn(500, np.random.default_rng(1))[:, 0, 0].std() for each in (by_group, by_crop)]
    assert spread[0] > 1.5 * spread[1]
    assert len(Confusion.of(true, true, 2, group % 4).counts) == 400


def test_a_class_without_held_out_crops_is_taken_to_be_told_right():
    confusion = Confusion.of([0, 0, 1, 1], [0, 1, 1, 1], 3)
    assert confusion.rates() == pytest.approx(np.array([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]]))
    assert confusion.crops.tolist() == [2, 2, 0]


def test_changes_by_error_are_those_of_two_independent_answers():
    rng = np.random.default_rng(0)
    shares, rates = np.array([0.6, 0.3, 0.1]), rng.dirichlet(np.ones(3), size=3)
    true = rng.choice(3, 40_000, p=shares)
    first, second = ((rng.random((40_000, 1)) > rates[true].cumsum(axis=1)).sum(axis=1) for _ in range(2))
    assert changes_by_error(shares, rates) == pytest.approx(np.mean(first != second), abs=0.01)


def test_sets_of_the_same_numbers_have_the_same_bands_and_keep_their_places():
    confusion = Confusion(np.full((8, 2, 2), 2.0) + 6 * np.eye(2))
    told = np.array([[0, 3], [1, 0], [0, 3], [4, 4], [1, 0]])
    asked = np.array([[2, 5], [0, 1], [2, 5], [9, 1], [0, 1]])
    found = composition(told, asked, confusion, weight=np.array([1.0, 1, 1, 0.5, 1]))
    alone = composition(told[3:4], asked[3:4], confusion, weight=0.5)
    assert found.counts.estimate[3] == pytest.approx(alone.counts.estimate[0])
    assert found.counts.estimate.sum(axis=1) == pytest.approx([10, 2, 10, 18, 2])
    for bands in found:
        for values in bands:
            assert values[[0, 1]].tolist() == values[[2, 4]].tolist()
            assert values[0].tolist() != values[3].tolist()
