"""What holds for every GAN recipe of one class: it trains through the loop at any size, and resumes bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_cellsynth.events import Finished, Stopped
from napari_cellsynth.synthesis import run_folder, sample
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, GanRecipe, gan_recipe
from napari_cellsynth.synthesis.train import train
from napari_cellsynth.training import checkpoint
from napari_cellsynth.training.loader import CropStore

CPU = torch.device("cpu")
NAMES = [name for name, kind in GAN_RECIPES.items() if not kind.conditional]


def tiny(name: str, **changes: object) -> GanRecipe:
    changes = {"size": 32, "width": 2, "z": 8, "batch": 4, "steps": 7} | changes
    if "critic_steps" in GAN_RECIPES[name].model_fields:
        changes["critic_steps"] = 3
    return gan_recipe(name, **changes)


def store(size: int, channels: int = 1, dtype: str = "uint16") -> CropStore:
    rng = np.random.default_rng(0)
    top = np.iinfo(dtype).max
    crops = [(rng.random((channels, size + 5, size + 3)) * top).astype(dtype) for _ in range(3)]
    return CropStore(crops, 0, top, size)


def flat(folder: Path) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    checkpoint._pack(checkpoint.load(folder / run_folder.STATE)[0], "", tensors)
    return tensors


@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_and_resumed_run_ends_bit_for_bit_like_an_unbroken_one(tmp_path: Path, name: str) -> None:
    recipe, crops = tiny(name), store(32)
    list(train(crops, recipe, tmp_path / "whole", seed=2, device=CPU))
    asked = iter(range(100))
    events = list(train(crops, recipe, tmp_path / "broken", seed=2, device=CPU, stop=lambda: next(asked) >= 4))
    assert isinstance(events[-1], Stopped)
    torch.rand(5)  # what happens between to the global generator must not matter
    events = list(train(crops, recipe, tmp_path / "broken", seed=2, device=CPU, resume=True))
    assert isinstance(events[-1], Finished)
    whole, broken = flat(tmp_path / "whole"), flat(tmp_path / "broken")
    assert whole.keys() == broken.keys()
    assert [key for key in whole if not torch.equal(whole[key], broken[key])] == []
    one, other = (sample.generate(tmp_path / each, 3, 0, device=CPU) for each in ("whole", "broken"))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "dtype"), [(1, "uint8"), (3, "uint16")])
def test_it_trains_at_64_pixels_with_one_and_three_channels(
    tmp_path: Path, name: str, channels: int, dtype: str
) -> None:
    events = list(train(store(64, channels, dtype), tiny(name, size=64, steps=4), tmp_path, device=CPU))
    assert isinstance(events[-1], Finished)
    assert "loss_generator" in events[-1].result
    patches = sample.generate(tmp_path, 2, device=CPU)
    assert patches.shape == (2, channels, 64, 64)
    assert np.isfinite(patches).all() and np.abs(patches).max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_a_step_at_512_pixels(tmp_path: Path, name: str) -> None:
    events = list(train(store(512), tiny(name, size=512, batch=2, steps=1), tmp_path, device=CPU))
    assert isinstance(events[-1], Finished)
    assert sample.generate(tmp_path, 1, device=CPU).shape == (1, 1, 512, 512)
