"""The table as a whole: plain values, every figure beside its floor, and words for each."""

from __future__ import annotations

import json

import numpy as np

from napari_cellsynth.evaluate.quality_table import PARTS, measured, quality_table
from napari_cellsynth.evaluate.quality_words import FIGURES, lines, number, scorer, verdicts
from tests.evaluate.examples import blobs

CLASS_FIGURES = {"class_precision", "class_recall", "class_f1"}


def probabilities(patches: np.ndarray) -> np.ndarray:
    bright = 1 / (1 + np.exp(-20 * (patches.mean(axis=(1, 2, 3)) + 0.6)))
    return np.column_stack([bright, 1 - bright])


def test_the_table_is_plain_json_and_each_figure_has_floor_and_words():
    table = quality_table(blobs(40, 1), blobs(30, 2), blobs(30, 3), probabilities=probabilities)
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    known = {figure.key for figure in FIGURES} - CLASS_FIGURES - {"lpips", "blind"}  # a person gives the last one
    assert known <= set(table) and known <= set(table["floor"])
    assert known - {"fid", "vendi", "ct"} <= set(table["intervals"])
    for name, (low, high) in table["intervals"].items():
        assert low <= table[name] <= high or name == "inception_score"
    assert table["extractor"] == "hand-made features" and table["n"] == 30
    assert len(lines(table)) == len(FIGURES) - len(CLASS_FIGURES) - 1


def test_it_comes_in_steps_that_can_be_left_and_the_same_seed_gives_the_same_table():
    sets = (blobs(150, 1), blobs(30, 2), blobs(30, 3))
    assert list(dict.fromkeys(measured(*sets))) == list(range(len(PARTS)))
    assert list(measured(*sets)).count(0) == 5  # 64 patches at a time
    assert quality_table(*sets, seed=3) == quality_table(*sets, seed=3)


def test_without_held_out_patches_copies_are_looked_for_among_all_that_were_trained_on():
    real = blobs(80, 1)
    table = quality_table(real, real[::-1])
    assert table["copied"] == 1 and not table["gates"]["memorisation"]["passed"]


def test_figures_in_words():
    assert [number(x) for x in (None, float("nan"), 0.0214, -0.5, 12.345)] == ["–", "–", "0.021", "-0.500", "12.3"]
    assert number(0.256, share=True) == "26%"
    quality = {
        "kid": 0.1,
        "copied": 0.5,
        "floor": {"kid": 0.01},
        "missing": {"lpips": "not available"},
        "gates": {"a": {"passed": True, "reason": "Fine."}, "b": {"passed": False, "reason": "Copies."}},
        "extractor": "X",
    }
    assert [line[:4] for line in lines(quality)] == [
        ("KID", "0.100", "", "0.010"),
        ("copies", "50%", "", "–"),
        ("LPIPS", "not available", "", ""),
    ]
    assert verdicts(quality) == ["Failed: Copies.", "Fine."]
    assert scorer(quality) == "features: X"
    assert lines({}) == verdicts({}) == [] and scorer({}) == ""
