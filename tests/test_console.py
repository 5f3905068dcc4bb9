from __future__ import annotations

from napari_cellsynth.console import dotted, overrides


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
