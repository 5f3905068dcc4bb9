"""Choosing a run's generator: by patches held back, never by one that copies, and the same after a resume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from napari_cellsynth.events import Finished, Stopped
from napari_cellsynth.synthesis import run_folder, sample
from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.synthesis.selection import LEAST, Judge, held_back
from napari_cellsynth.synthesis.train import train
from napari_cellsynth.training.loader import CropStore

CPU = torch.device("cpu")


def blobs(count: int, seed: int, side: int = 32, noise: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    cy, cx, radius = (rng.uniform(low, high, (count, 1, 1)) for low, high in ((12, 20), (12, 20), (4, 9)))
    image = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * radius**2)) * 1.6 - 0.8
    return np.clip(image + rng.normal(0, noise, image.shape), -1, 1).astype(np.float32)[:, None]


class Told(nn.Module):
    """A generator that gives these patches, whatever the noise."""

    def __init__(self, patches: np.ndarray) -> None:
        super().__init__()
        self.patches = torch.from_numpy(patches)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.patches[: len(inputs)]


class Shown:
    """What a judge asks of a GAN."""

    def __init__(self, patches: np.ndarray) -> None:
        self.averaged, self.latent = Told(patches), 4


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(CropStore.from_patches(blobs(80, 0)), CropStore.from_patches(blobs(20, 1)))


def test_patches_of_the_same_law_score_best_and_noise_worst(judge: Judge) -> None:
    fresh, dim = (judge(Shown(patches)) for patches in (blobs(128, 2), blobs(128, 2) * 0.5))  # type: ignore[arg-type]
    noise = judge(Shown(np.random.default_rng(0).uniform(-1, 1, (128, 1, 32, 32)).astype(np.float32)))  # type: ignore[arg-type]
    assert fresh < dim < noise < np.inf


@pytest.mark.parametrize("turned", [False, True])
def test_a_generator_that_gives_training_patches_back_is_never_chosen(judge: Judge, turned: bool) -> None:
    copies = np.resize(blobs(80, 0), (128, 1, 32, 32))
    copies = np.ascontiguousarray(copies[..., ::-1]) if turned else copies
    copies = copies + np.random.default_rng(3).normal(0, 0.01, copies.shape).astype(np.float32)
    assert judge(Shown(copies)) == np.inf  # type: ignore[arg-type]
    assert judge(Shown(np.resize(blobs(60, 5), (128, 1, 32, 32)))) < np.inf  # type: ignore[arg-type]


def test_a_tenth_is_held_back_by_whole_groups_where_that_is_possible() -> None:
    groups = [f"video {number % 12}" for number in range(240)]
    chosen = held_back(groups, np.zeros(240, int), seed=3)
    names = np.asarray(groups)
    assert 0.05 <= chosen.mean() <= 0.25
    assert set(names[chosen]).isdisjoint(names[~chosen])
    np.testing.assert_array_equal(chosen, held_back(groups, np.zeros(240, int), seed=3))


def test_in_one_group_single_crops_are_held_back_and_small_classes_give_none() -> None:
    classes = np.repeat([0, 1], [200, LEAST - 1])
    chosen = held_back(["video"] * len(classes), classes, seed=0)
    assert chosen[classes == 0].sum() == 20 and not chosen[classes == 1].any()


def scores(values: list[float]) -> object:
    told = iter(values)
    return lambda _gan: next(told)


def tiny(steps: int) -> object:
    return gan_recipe("dcgan", size=32, width=2, z=8, batch=4, steps=steps)


def test_patches_are_drawn_from_the_generator_that_scored_best(tmp_path: Path) -> None:
    store = CropStore.from_patches(blobs(8, 0))
    judged = scores([5.0, 3.0, 4.0, float("inf"), 2.0, 9.0, 9.0, 9.0, 9.0, 9.0])
    events = list(train(store, tiny(40), tmp_path, device=CPU, judge=judged))  # type: ignore[arg-type]
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.result["checkpoint"] == "step-0000030" and last.result["chosen_kid"] == 2.0
    # The five that are kept in every run, and the chosen one; those it took the place of are gone.
    assert run_folder.checkpoints(tmp_path) == [f"step-{step:07d}" for step in (8, 16, 24, 30, 32, 40)]
    best = sample.generate(tmp_path, 2, device=CPU)
    np.testing.assert_array_equal(best, sample.generate(tmp_path, 2, checkpoint="step-0000030", device=CPU))


def test_a_resumed_run_keeps_to_the_best_of_before(tmp_path: Path) -> None:
    store = CropStore.from_patches(blobs(8, 0))
    asked = iter(range(1000))
    stop = lambda: next(asked) >= 27  # noqa: E731
    events = list(train(store, tiny(40), tmp_path, device=CPU, stop=stop, judge=scores([1.0, 3.0, 4.0])))  # type: ignore[arg-type]
    assert isinstance(events[-1], Stopped)
    assert run_folder.best_checkpoint(tmp_path) == "step-0000022"
    list(train(store, tiny(40), tmp_path, device=CPU, resume=True, judge=scores([2.0] * 9)))  # type: ignore[arg-type]
    assert run_folder.best_checkpoint(tmp_path) == "step-0000022"


def test_without_a_judge_the_newest_is_drawn_from(tmp_path: Path) -> None:
    list(train(CropStore.from_patches(blobs(8, 0)), tiny(4), tmp_path, device=CPU))  # type: ignore[arg-type]
    assert run_folder.best_checkpoint(tmp_path) == run_folder.newest_checkpoint(tmp_path) == "step-0000004"
    (tmp_path / run_folder.CHOSEN).write_text("not what it should be")
    assert run_folder.best_checkpoint(tmp_path) == "step-0000004"
