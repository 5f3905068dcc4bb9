"""The time of a step, told before a training: what is counted, for which recipes, and that it can be stopped."""

from __future__ import annotations

import time

import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished, Stopped
from napari_cellsynth.jobs.job import Job, TimeGanParameters
from napari_cellsynth.jobs.run import run
from napari_cellsynth.synthesis import pace, seconds_a_step
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, gan_recipe

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("taken", "cycle", "mean"),
    [
        ([9.0, 1.0, 3.0], 1, 2.0),  # the first one warms up
        ([5.0], 1, 5.0),
        ([9, 1, 1, 9, 1, 1, 5, 1], 3, 11 / 3),  # the second cycle alone
        ([9.0, 1.0, 1.0, 9.0], 3, 11 / 3),  # the only whole cycle
        ([9.0, 1.0], 4, 5.0),
    ],
)
def test_whole_cycles_of_steps_are_averaged(taken: list[float], cycle: int, mean: float) -> None:
    assert pace.mean_of_cycles(taken, cycle) == pytest.approx(mean)


@pytest.mark.parametrize("name", GAN_RECIPES)
def test_every_recipe_can_be_timed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SECONDS", 0.05)
    recipe = gan_recipe(name, size=32, width=2, z=8, batch=4)
    seconds = seconds_a_step(recipe, 2, CPU, 3)
    assert seconds is not None and seconds > 0
    assert recipe.cycle() == getattr(recipe, "critic_steps", getattr(recipe, "penalty_every", 1))


def test_the_steps_timed_are_those_of_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock) * 0.5)  # each look at it is half a second later
    seen: list[tuple[int, ...]] = []
    recipe = gan_recipe("dcgan", size=32, width=2, z=8, batch=6)
    build = type(recipe).build

    def watched(*given: object) -> object:
        gan = build(*given)  # type: ignore[arg-type]
        gan.generator.register_forward_hook(lambda _m, _g, made: seen.append(tuple(made.shape)))
        return gan

    monkeypatch.setattr(type(recipe), "build", watched)
    assert seconds_a_step(recipe, 3, CPU) == pytest.approx(0.5)
    assert seen == [(6, 3, 32, 32)] * 6  # half a second each, for three seconds


def test_a_cycle_of_slow_steps_is_given_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, steps = iter(range(1000)), []
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))  # a second a step
    monkeypatch.setattr(pace, "training_step", lambda *given: steps.append(given) or {"loss": torch.zeros(())})
    for critic_steps, expected in ((1, 3), (5, 5), (50, 6)):
        steps.clear()
        seconds_a_step(gan_recipe("wgan-gp", size=32, width=2, batch=4, critic_steps=critic_steps), 1, CPU)
        assert len(steps) == expected


def test_a_timing_can_be_stopped_between_steps() -> None:
    asked = iter([False, False, True])
    assert seconds_a_step(gan_recipe("dcgan", size=32, width=2, batch=4), 1, CPU, stop=lambda: next(asked)) is None


def test_the_job_tells_it_without_a_project(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SECONDS", 0.05)
    small = TimeGanParameters(overrides={"size": 32, "width": 2, "batch": 4}, channels=1, device="cpu")
    job = Job.of(tmp_path / "none.cellsynth", small)
    [last] = run(job)
    assert isinstance(last, Finished)
    assert last.result["device"] == "cpu" and last.result["seconds_a_step"] > 0
    assert list(run(job, lambda: True)) == [Stopped()]


def test_too_few_classes_are_told_as_when_training() -> None:
    with pytest.raises(UserError, match="several classes"):
        seconds_a_step(gan_recipe("acgan", size=32, width=2, batch=4), 1, CPU, 1)
