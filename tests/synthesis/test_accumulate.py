"""A batch that memory cannot hold goes through in parts: same gradients, same number of patches, told once."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished, Progress
from napari_cellsynth.synthesis import run_folder, sample
from napari_cellsynth.synthesis.accumulate import accumulated, more_parts
from napari_cellsynth.synthesis.players import PlayersGan
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, gan_recipe
from napari_cellsynth.synthesis.train import train
from napari_cellsynth.training import checkpoint
from napari_cellsynth.training.loader import CropStore

CPU = torch.device("cpu")
BATCH = 8
NORMED = ("dcgan", "dcgan-protein", "cgan", "acgan", "infogan")


def built(name: str, **changes: Any) -> PlayersGan:
    kind = GAN_RECIPES[name]
    values = {"size": 32, "width": 4, "z": 8, "batch": BATCH} | changes
    if "critic_steps" in kind.model_fields:
        values["critic_steps"] = 2
    gan = gan_recipe(name, **values).build(2, CPU, 1, 2 if kind.conditional else 0)
    assert isinstance(gan, PlayersGan)
    gan._dtype = None  # in float32, also where the hardware has bfloat16
    return gan


def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    real = torch.rand(BATCH, 2, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return real.contiguous(memory_format=torch.channels_last), torch.arange(BATCH) % 2


class Limit:
    """Lets a network take in only so many rows at a time, and counts the rows and the refusals."""

    def __init__(self, network: nn.Module, rows: int, error: Exception) -> None:
        self.rows, self.error, self.refused, self.largest = rows, error, 0, 0
        network.register_forward_pre_hook(self)

    def __call__(self, _module: nn.Module, given: tuple[Any, ...]) -> None:
        if len(given[0]) > self.rows:
            self.refused += 1
            raise self.error
        self.largest = max(self.largest, len(given[0]))


def no_memory() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory.")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_parts_of_a_batch_have_the_gradients_and_figures_of_the_whole() -> None:
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    whole, parted = (torch.ones(3, requires_grad=True) for _ in range(2))

    def loss_of(weight: torch.Tensor) -> Any:
        def loss(rows: torch.Tensor) -> Any:
            each = (rows @ weight).square()
            return each.mean(), {"mean": each.mean(), "each": each}

        return loss

    told = [accumulated(loss_of(weight), (x,), parts) for weight, parts in ((whole, 1), (parted, 3))]
    torch.testing.assert_close(whole.grad, 2 * (x * (x @ torch.ones(3))[:, None]).mean(dim=0))
    torch.testing.assert_close(parted.grad, whole.grad)
    torch.testing.assert_close(told[1], told[0])
    assert told[1]["each"].shape == (7,) and not told[1]["mean"].requires_grad


@pytest.mark.parametrize(
    ("parts", "rows", "least", "more"), [(1, 64, 2, 2), (2, 64, 1, 4), (2, 6, 2, 3), (3, 6, 2, 3), (6, 6, 1, 6)]
)
def test_parts_are_halved_down_to_the_fewest_rows(parts: int, rows: int, least: int, more: int) -> None:
    assert more_parts(parts, rows, least) == more


@pytest.mark.parametrize("name", ["cellsynth", "wgan-gp", "wgan-div", "cwgan-gp", "c-wgan-gp"])
def test_steps_in_parts_equal_those_of_whole_batches_where_no_norm_ties_patches_together(name: str) -> None:
    whole, parted = built(name), built(name)
    critics = [gan.networks()["critic"] for gan in (whole, parted)]
    for gan in (whole, parted):
        gan.generator.eval()  # batch norm with fixed statistics: each patch by itself
        if hasattr(gan, "critic") and hasattr(gan.critic, "score"):  # a level one has no slope to compare
            nn.init.normal_(gan.critic.score.weight, 0.0, 0.1, generator=torch.Generator().manual_seed(3))
    limit = Limit(critics[1], 6, no_memory())  # a real and a generated half together are 8 and the parts of them 4
    rngs = [torch.Generator().manual_seed(0) for _ in range(2)]
    for number in range(4):
        figures = [gan.step(*batch(number), rng) for gan, rng in zip((whole, parted), rngs, strict=True)]
        torch.testing.assert_close(figures[1], figures[0], rtol=1e-3, atol=1e-4)
    assert parted.parts > 1 and whole.parts == 1
    assert limit.refused in (1, 2)  # and not again at every step
    assert torch.equal(rngs[0].get_state(), rngs[1].get_state())
    for each, network in whole.networks().items():
        mine, other = (
            torch.cat([value.detach().flatten() for value in one.parameters()])
            for one in (network, parted.networks()[each])
        )
        # Adam's first steps have the size of lr in the gradient's direction, however small it is: a handful of
        # weights with gradients near zero may differ by rounding.
        assert torch.isclose(mine, other, rtol=1e-3, atol=1e-5).float().mean() > 0.995, each


@pytest.mark.parametrize("name", NORMED)
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_with_batch_norm_it_goes_on_with_smaller_parts_and_all_patches(name: str, player: str) -> None:
    gan = built(name)
    limit = Limit(gan.networks()[player], 3, no_memory())
    seen: list[int] = []
    gan.networks()["discriminator"].register_forward_pre_hook(lambda _m, given: seen.append(len(given[0])))
    rng = torch.Generator().manual_seed(0)
    for number in range(2):
        before = {each: copy.deepcopy(network.state_dict()) for each, network in gan.networks().items()}
        seen.clear()
        figures = gan.step(*batch(number), rng)
        for each, network in gan.networks().items():
            assert any(not torch.equal(before[each][key], value) for key, value in network.named_parameters()), each
    assert gan.parts == 4 and limit.largest == 2 and limit.refused == 2
    assert sum(seen) == 3 * BATCH  # in the last step: real, generated, and generated once more for the generator
    assert all(torch.isfinite(value) and not value.dim() for value in figures.values())
    assert all(value.requires_grad for network in gan.networks().values() for value in network.parameters())


def test_a_player_that_has_learnt_does_not_learn_twice_when_the_next_one_runs_out_of_memory() -> None:
    def steps_of(gan: PlayersGan, name: str) -> set[int]:
        return {int(moments["step"]) for moments in gan.optimisers()[name].state.values()}

    gan = built("dcgan")
    discriminator = gan.networks()["discriminator"]
    failed = []

    def fail_once(_module: nn.Module, _given: Any) -> None:
        at_rest = not next(discriminator.parameters()).requires_grad
        if at_rest and not failed:  # the generator's turn
            failed.append(True)
            raise no_memory()

    discriminator.register_forward_pre_hook(fail_once)
    gan.step(*batch(0), torch.Generator().manual_seed(0))
    assert failed and gan.parts == 2
    assert steps_of(gan, "discriminator") == steps_of(gan, "generator") == {1}


def test_a_batch_that_fits_goes_through_once_and_whole() -> None:
    gan = built("dcgan")
    limit = Limit(gan.generator, BATCH, no_memory())
    calls = []
    gan.generator.register_forward_pre_hook(lambda _module, given: calls.append(len(given[0])))
    gan.step(*batch(0), torch.Generator().manual_seed(0))
    assert calls == [BATCH] and limit.refused == 0 and gan.parts == 1


def crops() -> CropStore:
    pixels = np.random.default_rng(0).integers(0, 255, (70, 1, 40, 40)).astype(np.uint8)
    return CropStore(list(pixels), 0, 255, 32)


def limited(monkeypatch: pytest.MonkeyPatch, rows: int, error: Exception) -> None:
    """Let every DCGAN's discriminator take only so many rows."""
    from napari_cellsynth.synthesis.networks import Discriminator

    forward = Discriminator.forward

    def refusing(self: Discriminator, x: torch.Tensor) -> torch.Tensor:
        if len(x) > rows:
            raise error
        return forward(self, x)

    monkeypatch.setattr(Discriminator, "forward", refusing)


@pytest.mark.parametrize(
    "error",
    [no_memory(), RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 7 bytes")],
)
def test_a_training_goes_on_in_parts_says_so_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    limited(monkeypatch, 4, error)
    recipe = gan_recipe("dcgan", size=32, width=2, z=8, batch=BATCH, steps=4)
    asked = iter(range(100))
    events = list(train(crops(), recipe, tmp_path, device=CPU, stop=lambda: next(asked) >= 2))
    notes = [event.note for event in events if isinstance(event, Progress)]
    assert notes[0] == "" and "8 patches of a step go through in 2 parts" in notes[-1]
    events = list(train(crops(), recipe, tmp_path, device=CPU, resume=True))
    assert isinstance(events[-1], Finished) and events[-1].result["parts"] == 2 and events[-1].result["steps"] == 4
    assert sample.generate(tmp_path, 1, device=CPU).shape == (1, 1, 32, 32)


def test_a_run_in_parts_does_not_depend_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, 4, no_memory())
    recipe = gan_recipe("dcgan", size=32, width=2, z=8, batch=BATCH, steps=4)
    list(train(crops(), recipe, tmp_path / "whole", device=CPU))
    asked = iter(range(100))
    list(train(crops(), recipe, tmp_path / "broken", device=CPU, stop=lambda: next(asked) >= 2))
    list(train(crops(), recipe, tmp_path / "broken", device=CPU, resume=True))
    whole, broken = (
        checkpoint.load(tmp_path / each / run_folder.STATE)[0]["gan"]["networks"] for each in ("whole", "broken")
    )
    # All but the running statistics of batch norm, which see one batch more where it is found out anew.
    weights = [(name, key) for name in whole for key in whole[name] if key.endswith(("weight", "bias"))]
    assert weights and all(torch.equal(whole[name][key], broken[name][key]) for name, key in weights)


def test_where_the_smallest_part_is_too_big_it_is_one_line_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(monkeypatch, 0, no_memory())
    recipe = gan_recipe("dcgan", size=32, width=2, z=8, batch=BATCH, steps=2)
    with pytest.raises(UserError, match="even for 2 patches at a time") as caught:
        list(train(crops(), recipe, tmp_path, device=CPU))
    assert "size, width or batch" in (caught.value.hint or "")


def test_other_errors_are_not_taken_for_too_little_memory() -> None:
    gan = built("dcgan")
    Limit(gan.generator, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes"):
        gan.step(*batch(0), torch.Generator().manual_seed(0))
    assert gan.parts == 1
