from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import t as student
from sklearn.naive_bayes import GaussianNB

from napari_cellsynth.experiments.analysis import Predictions, chosen, contrasts, score_table, smallest_detectable
from napari_cellsynth.experiments.dataset import from_patches, outer_folds, with_inner
from napari_cellsynth.experiments.question import difference_table, shown_differences
from napari_cellsynth.experiments.verdict import verdict

SHARES = ("half", "as many")


@dataclass
class Cells:
    """Cells with a few numbers each instead of pixels; cells of a group are alike."""

    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


def cells(rng: np.random.Generator, groups: int = 15, each: int = 8, apart: float = 1.0, numbers: int = 3) -> Cells:
    names = np.repeat(np.arange(groups), each)
    labels = rng.integers(0, 3, len(names))
    centres = np.zeros((3, numbers))
    centres[1, 0] = centres[2, 1] = apart
    of_group = rng.normal(0, 0.5, (groups, numbers))
    pixels = centres[labels] + of_group[names] + rng.normal(0, 1, (len(names), numbers))
    return Cells(pixels, labels, names.astype(str))


def experiment(made: Cells, seed: int, synthetic):
    """Run folds with a quick classifier; ``synthetic(rng, features, labels, share)`` makes patches of a fold."""
    data = from_patches(made.features[:, :, None, None], made.labels, made.groups)
    told = []
    for fold in outer_folds(data, 5, 1, seed):
        x, y = made.features[fold.train], made.labels[fold.train]
        for arm, share in (("real", 0.0), ("half", 0.5), ("as many", 1.0)):
            rng = np.random.default_rng((seed, fold.number, int(share * 4)))
            more_x, more_y = synthetic(rng, x, y, share) if share else (x[:0], y[:0])
            model = GaussianNB().fit(np.concatenate([x, more_x]), np.concatenate([y, more_y]))
            told.append(Predictions(arm, fold, 0, 0, model.predict_proba(made.features[fold.test])))
    return contrasts(made.labels, made.groups, told, SHARES, "real", resamples=20), told


def copies(rng, x, y, share):
    drawn = rng.integers(len(x), size=round(len(x) * share))
    return x[drawn], y[drawn]


def test_copies_of_training_crops_claim_an_effect_in_at_most_seven_percent_of_two_hundred_experiments():
    claims = 0
    for seed in range(200):
        found, _ = experiment(cells(np.random.default_rng(seed)), seed, copies)
        claims += verdict(found).effect != "no clear effect"
    assert claims <= 14


def test_the_limit_of_seven_percent_would_catch_a_test_that_ignores_what_folds_share():
    # A test that claims in 15 % of null experiments would pass the test above less than once in a thousand times.
    assert binom.cdf(14, 200, 0.15) < 1e-3


def test_what_the_training_parts_of_folds_share_widens_the_error():
    made = cells(np.random.default_rng(0))
    found, told = experiment(made, 0, copies)
    scores = score_table(made.labels, told, "abc").pivot_table(index="fold", columns="arm", values="balanced_accuracy")
    folds = {each.fold.name: each.fold for each in told}.values()
    shared = np.mean([len(fold.test) for fold in folds]) / np.mean([len(fold.train) for fold in folds])
    for each in found:
        d = scores[each.arm] - scores["real"]
        error = np.sqrt((1 / len(d) + shared) * np.var(d, ddof=1))
        assert each.p == pytest.approx(2 * student.sf(abs(d.mean()) / error, len(d) - 1))


def test_labels_at_random_give_chance_and_no_effect():
    rng = np.random.default_rng(1)
    made = cells(rng, groups=30)
    made.labels = rng.permutation(made.labels)
    found, told = experiment(made, 1, copies)
    table = score_table(made.labels, told, "abc")
    assert table["balanced_accuracy"].mean() == pytest.approx(1 / 3, abs=0.07)
    assert verdict(found).effect == "no clear effect"


def test_patches_that_really_teach_something_are_found_and_so_are_ones_that_mislead():
    truth = cells(np.random.default_rng(7), groups=2000, each=3, apart=2.0, numbers=150)

    def good(rng, x, y, share):
        chosen = rng.integers(len(truth.labels), size=6000)
        return truth.features[chosen], truth.labels[chosen]

    def bad(rng, x, y, share):
        chosen = rng.integers(len(x), size=300)
        return x[chosen], (y[chosen] + 1) % 3

    # Few crops and many numbers: a classifier that has learned noise, which more true crops would have kept it from.
    helped, _ = experiment(cells(np.random.default_rng(8), groups=100, each=3, apart=2.0, numbers=150), 3, good)
    answer = verdict(helped)
    assert answer.effect == "helps"
    assert answer.rests_on.low > 0
    made = cells(np.random.default_rng(9), groups=20, each=12, apart=2.0)
    harmed, _ = experiment(made, 4, bad)
    answer = verdict(harmed)
    assert answer.effect == "harms"
    assert "harm here" in answer.words


def test_an_effect_as_large_as_the_detectable_one_is_found_about_as_often_as_promised():
    rng, folds, spread = np.random.default_rng(0), 5, 0.02
    from napari_cellsynth.evaluate.statistics import corrected_paired_t

    # Independent folds: then the plain error is the right one, and the promise can be counted.
    effect = smallest_detectable(spread / np.sqrt(folds), folds)
    found = np.mean([corrected_paired_t(rng.normal(effect, spread, folds), 1e12, 1).p < 0.05 for _ in range(2000)])
    assert found == pytest.approx(0.8, abs=0.06)


def test_the_difference_table_names_the_arm_and_its_reference():
    found, _ = experiment(cells(np.random.default_rng(2)), 2, copies)
    table = difference_table(found)
    assert list(table.index) == list(SHARES)
    assert set(table["reference"]) == {"real"}
    assert (table["p_holm"] >= table["p"]).all()


def test_an_experiment_too_small_to_see_anything_says_so_and_its_interval_stays_possible():
    from napari_cellsynth.experiments.analysis import Contrast

    nothing = Contrast("× 1", "real", -0.04, -1.0, 1.0, 0.9, 0.9, -0.2, 0.1, 1.37, 2)
    assert verdict([nothing]).words.endswith("2 folds are too few to see any change: use more.")
    table = shown_differences(difference_table([nothing]))
    assert table["could have seen"].tolist() == ["none"]
    data, told = cells(np.random.default_rng(4), groups=4, each=5), []
    for fold in outer_folds(from_patches(data.features[:, :, None, None], data.labels, data.groups), 2, 1, 0):
        sure = np.eye(3)[data.labels[fold.test]]
        told += [Predictions("half", fold, 0, 0, sure if fold.number else sure[:, ::-1])]
        told += [Predictions("real", fold, 0, 0, sure[:, ::-1] if fold.number else sure)]
    (found,) = contrasts(data.labels, data.groups, told, ["half"], "real", resamples=10)
    assert -1 <= found.low <= found.mean <= found.high <= 1


def test_each_fold_takes_the_arm_that_its_inner_split_prefers_and_its_test_crops_have_no_say():
    labels = np.tile([0, 1], 20)
    right = np.eye(2)[labels]
    data = from_patches(np.zeros((40, 1, 1, 1)), labels, np.arange(40) // 2)
    outer, inner = [], []
    for fold in with_inner(data, outer_folds(data, 2, 1, 0), 0):
        test, within = fold.test, fold.inner
        prefers = "half" if fold.number else "as many"
        for arm in SHARES:
            # On the outer test the other arm is the better one.
            outer.append(Predictions(arm, fold, 0, 0, right[test] if arm != prefers else 1 - right[test]))
            found = right[within.test] if arm == prefers else 1 - right[within.test]
            inner += [Predictions(arm, within, 0, seed, found) for seed in range(2)]
    found, table = chosen(labels, outer, inner, "chosen inside")
    assert [each.arm for each in found] == ["chosen inside"] * 2
    assert table["chosen"].tolist() == ["as many", "half"]
    assert table.loc["r0-f0", ["half", "as many"]].tolist() == [0.0, 1.0]
    for each in found:
        assert (each.probabilities == 1 - right[each.fold.test]).all()
    assert chosen(labels, outer, [], "chosen inside")[0] == []
