from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellsynth.experiments import pace
from napari_cellsynth.experiments.dataset import Fold, from_patches
from napari_cellsynth.experiments.design import Arm, Design, Generator, Sample, Synthetic, plan

DATA = from_patches(np.zeros((80, 1, 32, 32), np.uint8), np.arange(80) % 2, np.arange(80) // 4)
FOLDS = [Fold(0, n, np.arange(60), np.arange(60, 80)) for n in range(2)]
CPU = torch.device("cpu")


def told(events):
    """Return what a generator yields and what it returns."""
    yielded = []
    while True:
        try:
            yielded.append(next(events))
        except StopIteration as end:
            return yielded, end.value


def test_a_plan_takes_its_steps_times_their_pace_and_a_recipe_is_timed_once(monkeypatch):
    timed = []

    def gan(recipe, channels, device, classes, *, stop):
        timed.append((recipe.name, channels, classes))
        return 0.5

    def classifier(arm, dataset, crops, channels, device, stop):
        timed.append((arm.recipe, crops))
        return 0.1

    monkeypatch.setattr(pace, "seconds_a_step", gan)
    monkeypatch.setattr(pace, "_timed", classifier)
    few = {"epochs": 1, "least_steps": 7, "batch": 30}
    synthetic = Synthetic(generator=Generator(recipe="dcgan", changes={"steps": 10}), share=1)
    arms = (Arm(name="a", recipe="fast", changes=few), Arm(name="b", recipe="fast", changes=few, synthetic=synthetic))
    events, seconds = told(pace.seconds_of(plan(Design(arms=arms, seeds=3), FOLDS, 2), DATA, 3, CPU))
    assert [(event.done, event.total, event.note) for event in events] == [
        (0, 2, "timing fast"),
        (1, 2, "timing dcgan"),
    ]
    # 2 folds x 2 classes of GANs of 10 steps; 2 folds x 2 arms x 3 seeds of 7 steps.
    assert seconds == pytest.approx(4 * 10 * 0.5 + 12 * 7 * 0.1)
    assert timed == [("fast", 60), ("dcgan", 3, 1)]


def test_an_arm_is_timed_by_the_crops_that_it_learns_from():
    assert pace._crops(Sample(), np.array([30, 30])) == 60
    assert pace._crops(Sample(share=0.1), np.array([30, 4])) == 5
    assert pace._crops(Sample(most=10), np.array([30, 4])) == 14


def test_networks_and_feature_classifiers_are_timed_by_themselves_and_a_stop_ends_it(monkeypatch):
    monkeypatch.setattr(pace, "_SECONDS", 0.2)
    monkeypatch.setattr("napari_cellsynth.synthesis.pace.SECONDS", 0.2)
    synthetic = Synthetic(generator=Generator(recipe="dcgan", changes={"steps": 3, "batch": 4, "width": 4}), share=1)
    arms = (
        Arm(name="a", recipe="fast", changes={"width": 0.25, "batch": 4}, synthetic=synthetic),
        Arm(name="b", recipe="naive-bayes"),
    )
    made = plan(Design(arms=arms), FOLDS, 2)
    _, seconds = told(pace.seconds_of(made, DATA, 1, CPU))
    assert seconds is not None
    assert 0 < seconds < 600
    assert told(pace.seconds_of(made, DATA, 1, CPU, stop=lambda: True))[1] is None
