from __future__ import annotations

import pytest

from napari_cellsynth.console import dotted, overrides, show_label_help, show_scores


def test_words_become_fields_and_a_dot_goes_into_a_group() -> None:
    words = ["lr=0.01", "augmentation.rotation=0.5", "augmentation.noise=1", "schedule=step", "fit=whole"]
    values = overrides(words)
    assert values == {
        "lr": 0.01,
        "augmentation": {"rotation": 0.5, "noise": 1},
        "schedule": "step",
        "fit": "whole",
    }
    assert dotted(values) == {
        "lr": 0.01,
        "augmentation.rotation": 0.5,
        "augmentation.noise": 1,
        "schedule": "step",
        "fit": "whole",
    }


def test_label_help_is_told_in_names(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [{"object": number, "given": 1, "suggested": 2, "probability": 0.03} for number in range(25)]
    copies = [{"objects": [3, 9], "groups": ["a", "b"], "likeness": 0.9991, "leak": True}]
    found = {"mislabelled": wrong, "duplicates": copies, "next": [5, 7], "random": [7], "notices": []}
    show_label_help(found, {1: "Dense", 2: "Spread"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": 25") and lines[1].split() == ["object", "0", "Dense", "→", "Spread", "p", "0.03"]
    assert lines[21].strip() == "and 5 more (--json lists them)"
    assert "objects 3 and 9 (likeness 0.999, on both sides of the split)" in lines[23]
    assert lines[24] == "label next: 5, 7" and len(lines) == 25


@pytest.mark.parametrize("key", ["permutation", "impurity"])
def test_the_features_that_weigh_most_are_one_line(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"features": f"f{n}", "columns": 2, "permutation": None, "impurity": None} | {key: 0.5 - n / 100}
        for n in range(12)
    ]
    show_scores({"run": "classifier-0001", "importance": rows, "scores": {}})
    line, *others = capsys.readouterr().out.splitlines()
    assert line.startswith("importance") and "f0 0.500, f1 0.490" in line and line.endswith("f9 0.410 and 2 more")
    assert others == ["run: classifier-0001"]
