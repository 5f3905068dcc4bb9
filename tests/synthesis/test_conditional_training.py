"""Conditional trainings: the class steers, a resumed run ends alike, and the recipes hold what the papers say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished, Stopped
from napari_cellsynth.synthesis import run_folder, sample
from napari_cellsynth.synthesis import train as loop
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, gan_recipe
from napari_cellsynth.training import checkpoint
from tests.synthesis.conditional_cases import CONDITIONAL, CPU, built, small, squares


@pytest.mark.slow
@pytest.mark.parametrize("name", CONDITIONAL)
def test_the_class_steers_what_is_made(name: str) -> None:
    every_step = {"critic_steps": 1} if "wgan" in name else {}
    recipe = small(name, width=8, batch=16, lr=1e-3, **every_step)
    gan, store, rng = built(recipe), squares(), torch.Generator().manual_seed(0)
    for step in range(1, 151 if name == "c-wgan-gp" else 61):
        loop.training_step(gan, recipe, store, rng, step)
    noise = sample.latents(0, 0, 16, gan.latent)
    bright, dark = (sample.draw(gan.averaged, sample.with_class(noise, kind, 2), CPU).mean() for kind in (0, 1))
    assert bright > dark + 0.1  # the real ones: 0.175 and -0.175


@pytest.mark.parametrize("name", CONDITIONAL)
def test_a_resumed_run_ends_bit_for_bit_like_an_unbroken_one(name: str, tmp_path: Path) -> None:
    every_other = {"critic_steps": 2} if "wgan" in name else {}
    recipe = small(name, steps=6, **every_other)
    ends = {}
    for folder, stops in (("whole", [99]), ("broken", [3, 99])):
        for resume, after in enumerate(stops):
            asked = iter(range(99))
            events = list(
                loop.train(
                    squares(),
                    recipe,
                    tmp_path / folder,
                    seed=2,
                    device=CPU,
                    stop=lambda asked=asked, after=after: next(asked) >= after,  # type: ignore[misc]
                    resume=bool(resume),
                )
            )
            assert isinstance(events[-1], Stopped if after == 3 else Finished)
        flat: dict[str, torch.Tensor] = {}
        checkpoint._pack(checkpoint.load(tmp_path / folder / run_folder.STATE)[0], "", flat)
        ends[folder] = flat
    assert ends["whole"].keys() == ends["broken"].keys()
    assert [key for key, value in ends["whole"].items() if not torch.equal(value, ends["broken"][key])] == []
    drawn = sample.generate(tmp_path / "broken", 3, class_index=1, device=CPU)
    assert drawn.shape == (3, 1, 32, 32)


def test_the_bone_marrow_papers_facts_are_the_defaults() -> None:
    recipe = gan_recipe("c-wgan-gp").model_dump()
    assert {key: recipe[key] for key in ("size", "z", "width", "penalty_weight", "class_weight")} == {
        "size": 128,  # tables 3 to 5
        "z": 500,
        "width": 64,
        "penalty_weight": 10.0,  # WGAN-GP's, as the paper gives none
        "class_weight": 1.0,
    }
    for name in ("c-wgan-gp", "cwgan-gp"):  # Gulrajani et al. 2017, algorithm 1
        recipe = gan_recipe(name).model_dump()
        assert [recipe[key] for key in ("lr", "beta1", "beta2", "critic_steps", "penalty_weight")] == [
            1e-4,
            0.0,
            0.9,
            5,
            10.0,
        ]
    for name in ("cgan", "acgan"):  # Radford et al. 2016
        recipe = gan_recipe(name).model_dump()
        assert [recipe[key] for key in ("z", "width", "batch", "lr", "beta1", "beta2")] == [
            100, 64, 64, 2e-4, 0.5, 0.999,
        ]  # fmt: skip
    assert gan_recipe("infogan").model_dump()["z"] == 62 + 2


def test_the_compared_recipes_are_all_there_and_learn_several_classes() -> None:
    assert CONDITIONAL == ["cellsynth-conditional", "cgan", "acgan", "infogan", "cwgan-gp", "c-wgan-gp"]
    assert not GAN_RECIPES["dcgan"].conditional and not GAN_RECIPES["cellsynth"].conditional


def test_a_run_that_was_begun_when_the_weight_had_another_name_goes_on(tmp_path: Path) -> None:
    recipe = small("cwgan-gp", steps=4, penalty_weight=5.0)
    asked = iter(range(99))
    list(loop.train(squares(), recipe, tmp_path, device=CPU, stop=lambda: next(asked) >= 2))
    for path in tmp_path.glob("*.safetensors"):
        tensors, meta = checkpoint.load(path)
        meta["recipe"]["penalty"] = meta["recipe"].pop("penalty_weight")
        checkpoint.save(path, tensors, meta)
    assert sample.generate(tmp_path, 1, device=CPU).shape == (1, 1, 32, 32)
    with pytest.raises(UserError, match=r"penalty_weight = 5.0, not 6.0"):
        list(loop.train(squares(), small("cwgan-gp", steps=4, penalty_weight=6.0), tmp_path, device=CPU, resume=True))
    assert isinstance(list(loop.train(squares(), recipe, tmp_path, device=CPU, resume=True))[-1], Finished)
