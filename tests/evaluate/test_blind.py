"""The score of a blind test against scipy, and what is said of it."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.blind import blind_score, blind_words, with_blind
from napari_cellsynth.evaluate.quality_words import lines


def score(right: int, n: int):
    truth = [place % 2 == 0 for place in range(n)]
    return blind_score(truth, [is_so == (place < right) for place, is_so in enumerate(truth)])


@pytest.mark.parametrize(("right", "n"), [(0, 20), (5, 20), (10, 20), (15, 20), (20, 20), (1, 1), (123, 200)])
def test_the_interval_is_wilsons_as_scipy_has_it(right: int, n: int) -> None:
    found = score(right, n)
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert (found.right, found.n) == (right, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_words_follow_where_guessing_lies() -> None:
    assert blind_words(score(11, 20)) == (
        "You could not tell them apart: 11 of 20 right (55%, 95 % interval 34% to 74%). Guessing gives 50 %."
    )
    assert blind_words(score(19, 20)).startswith("You could tell them apart: 19 of 20")
    assert blind_words(score(1, 20)).startswith("You took synthetic for real")
    with pytest.raises(UserError, match="no answers"):
        blind_score([], [])


def test_it_stands_in_the_quality_table_beside_guessing() -> None:
    measured = {"kid": 0.02, "floor": {"kid": 0.01}, "intervals": {"kid": [0.01, 0.03]}}
    table = with_blind(measured, score(15, 20))
    assert {line.title: (line.value, line.interval, line.floor) for line in lines(table)} == {
        "KID": ("0.020", "0.010 to 0.030", "0.010"),
        "told apart by eye": ("75%", "53% to 89%", "50%"),
    }
    assert "blind" not in measured["floor"] and with_blind(measured, None) is measured
