"""A multi-label project from the command line: labels in, classifiers, several classes an object out."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.test_cli import answer, cellsynth


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["logistic", "fast"])
def test_crops_of_several_classes_are_learned_far_better_than_by_chance(
    tmp_path: Path, multi_label_folder: Path, recipe: str
) -> None:
    project = tmp_path / "p.cellsynth"
    told = answer("import", project, multi_label_folder, "--multi-label")
    assert sorted(told["classes"]) == ["blob", "edge", "stripes"]
    assert answer("info", project)["multi_label"]
    # Always to give every class has a macro F1 of about .7 here, and 4 subsets in 10 right at the very most.
    steps = ["--set", "least_steps=120", "--set", "epochs=1"] if recipe == "fast" else []
    scores = answer("train-classifier", project, "--recipe", recipe, "--set", "size=32", *steps)["scores"]
    assert scores["macro_f1"] > 0.9 and scores["subset_accuracy"] > 0.75 and scores["hamming_loss"] < 0.1
    assert answer("predict", project)["objects"] == 70
    cellsynth("export", project, tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    same = [set(row["label"].split("|")) == set(row["predicted"].split("|")) for row in rows]
    assert sum(same) > 60 and any("|" in row["predicted"] for row in rows)
    assert all(0 <= float(row["p_blob"]) <= 1 for row in rows)


def test_scores_are_told_without_a_confusion_matrix(tmp_path: Path, multi_label_folder: Path) -> None:
    project = tmp_path / "p.cellsynth"
    cellsynth("import", project, multi_label_folder)
    told = cellsynth("train-classifier", project, "--recipe", "naive-bayes", "--set", "size=32").stdout
    for words in ("subset accuracy", "label accuracy (S1)", "Hamming loss", "threshold", "TP", "FN"):
        assert words in told


@pytest.mark.slow
def test_mistakes_are_told_in_a_line(tmp_path: Path, multi_label_folder: Path, crops_folder: Path) -> None:
    single, several = tmp_path / "single.cellsynth", tmp_path / "several.cellsynth"
    cellsynth("import", single, crops_folder)
    refused = cellsynth("import", single, multi_label_folder, check=2).stderr
    assert "takes one class an object" in refused and "init --multi-label" in refused
    cellsynth("init", single, "--multi-label")
    cellsynth("import", single, multi_label_folder)
    cellsynth("import", several, multi_label_folder)
    told = cellsynth("train-classifier", several, "--balance", "oversample", check=2).stderr
    assert "needs a single-label project" in told
    told = cellsynth("experiment", several, "does-synthetic-help", "--plan", check=2).stderr
    assert "needs a single-label project" in told
    told = cellsynth("demo", "--data", multi_label_folder, "--out", tmp_path / "demo", check=2).stderr
    assert "The demo needs a single-label project" in told
