from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_rel

from napari_cellsynth.evaluate.report import Section
from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.dataset import from_patches, outer_folds
from napari_cellsynth.experiments.protocol import Findings
from napari_cellsynth.experiments.question import TITLE, answered, greatest, paired
from napari_cellsynth.experiments.tables import arm_figures
from napari_cellsynth.experiments.verdict import verdict

RIGHT = {"a": 0.5, "a, more": 0.9, "b": 0.6, "b, more": 0.6}
PAIRS = {"a, more": "a", "b, more": "b"}


@pytest.fixture
def told():
    """Crops of two classes in twenty groups, and what four arms say of them: each is right about its share of crops."""
    rng = np.random.default_rng(0)
    labels, groups = np.arange(400) % 2, np.repeat(np.arange(20), 20).astype(str)
    data = from_patches(np.zeros((400, 1, 1, 1)), labels, groups)
    predictions = []
    for fold in outer_folds(data, 5, 1, 0):
        for arm, share in RIGHT.items():
            right = rng.random(len(fold.test)) < share
            answer = np.where(right, labels[fold.test], 1 - labels[fold.test])
            predictions.append(Predictions(arm, fold, 0, 0, np.eye(2)[answer] * 0.8 + 0.1))
    return data, predictions


def test_each_arm_is_compared_with_its_own_reference_and_p_values_are_adjusted_for_all_pairs(told):
    data, predictions = told
    more, same = paired(data.labels, data.groups, predictions, PAIRS)
    assert (more.arm, more.reference, same.arm, same.reference) == ("a, more", "a", "b, more", "b")
    accuracy = {
        arm: [np.mean(data.labels[e.fold.test] == e.probabilities.argmax(1)) for e in predictions if e.arm == arm]
        for arm in RIGHT
    }
    # Classes are of one size, so that accuracy is nearly balanced accuracy; folds that share crops widen the interval.
    assert more.mean == pytest.approx(np.mean(accuracy["a, more"]) - np.mean(accuracy["a"]), abs=0.02)
    assert more.p > ttest_rel(accuracy["a, more"], accuracy["a"]).pvalue
    assert more.p_holm == pytest.approx(2 * more.p)
    assert same.p_holm == pytest.approx(max(same.p, 2 * more.p))


def test_findings_get_the_question_the_answer_and_the_differences_before_all_else(told):
    data, predictions = told
    found = Findings(result={"table": {}}, tables={}, sections=[Section("All arms", [])])
    after = answered("Does more help?", found, data, predictions, PAIRS, "More crops")
    assert [section.title for section in after.sections] == [
        TITLE,
        "Differences to the same without more crops",
        "All arms",
    ]
    assert after.sections[0].blocks[:2] == ["Does more help?", after.result["words"]]
    assert after.result["verdict"] == "helps"
    assert after.result["words"].startswith("More crops help here: “a, more” changes balanced accuracy by +0.")
    assert list(after.tables["differences"].index) == list(PAIRS)
    one = answered("?", found, data, predictions, {"a, more": "a", "b": "a"})
    assert one.sections[1].title == "Differences to “a”"


def test_where_nothing_is_compared_the_greatest_figure_is_told_with_how_many_were_tried(told):
    data, predictions = told
    words, _ = greatest(arm_figures(data.labels, predictions), "accuracy")
    assert "The greatest accuracy is that of “a, more”, 0.8" in words
    assert "of 4 that are tried" in words


def test_arms_that_answer_alike_are_no_evidence_against_an_effect(told):
    data, predictions = told
    same = [replace(each, arm="a, more") for each in predictions if each.arm == "a"]
    mine = [each for each in predictions if each.arm == "a"]
    found = answered("?", Findings(result={}, tables={}, sections=[]), data, [*mine, *same], {"a, more": "a"})
    assert found.result["verdict"] == "no clear effect"
    assert "in every fold alike: that is no evidence for or against an effect" in found.result["words"]
    assert found.result["differences"][0]["p"] is None
    shown = next(block for block in found.sections[1].blocks if isinstance(block, pd.DataFrame))
    assert shown.loc["a, more", ["p", "p after Holm", "could have seen", "95 % from", "to"]].tolist() == ["–"] * 5


def test_a_change_that_two_folds_share_by_chance_is_no_effect():
    # Four crops are tested in each of two folds, and one more is right in both: +.25 twice has no spread.
    data = from_patches(np.zeros((8, 1, 1, 1)), [0, 1] * 4, np.repeat(["u", "v"], 4))
    predictions = []
    for fold in outer_folds(data, 2, 1, 0):
        for arm, right in (("a", [True, True, False, True]), ("a, more", [True] * 4)):
            answer = np.where(right, data.labels[fold.test], 1 - data.labels[fold.test])
            predictions.append(Predictions(arm, fold, 0, 0, np.eye(2)[answer] * 0.8 + 0.1))
    found = answered("?", Findings(result={}, tables={}, sections=[]), data, predictions, {"a, more": "a"})
    assert found.result["verdict"] == "no clear effect"
    assert found.result["words"].startswith("No clear effect: balanced accuracy changes by +0.250, in every fold alike")


def test_an_arm_that_answers_as_its_reference_does_not_hide_how_little_the_others_could_show(told):
    data, predictions = told
    mine = [each for each in predictions if each.arm in ("b", "b, more")]
    same = [replace(each, arm="balance only") for each in mine if each.arm == "b"]
    compared = paired(data.labels, data.groups, [*mine, *same], {"balance only": "b", "b, more": "b"})
    assert verdict(compared).rests_on.arm == "b, more"
    assert "would have found a change of" in verdict(compared).words
    assert verdict(compared).words.startswith("No clear effect: the best of 2, “b, more”,")


def test_the_worst_of_several_is_told_beside_the_best(told):
    data, predictions = told
    compared = paired(data.labels, data.groups, predictions, {"b": "b, more", "b, more": "b"})
    best, worst = sorted((each.mean for each in compared), reverse=True)
    words = verdict(compared).words
    assert f"changes balanced accuracy by {best:+.3f}" in words and f"changes it by {worst:+.3f}" in words


def test_a_reference_at_chance_is_said_to_have_learned_hardly_anything(told):
    data, predictions = told
    found = Findings(result={}, tables={}, sections=[])
    first = answered("?", found, data, predictions, {"a, more": "a"}).sections[
        0
    ]  # "a" is right about half of two classes
    assert first.blocks[-1].startswith("Hardly anything was learned")
    assert len(answered("?", found, data, predictions, {"b": "a, more"}).sections[0].blocks) == 2
