"""The averaged generator, and a DCGAN step against the same step written out plainly."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.functional import binary_cross_entropy

from napari_cellsynth.synthesis.dcgan import Dcgan
from napari_cellsynth.synthesis.recipes import gan_recipe

CPU = torch.device("cpu")

ONE_CLASS = torch.zeros(6, dtype=torch.long)


def gan(**changes: object) -> Dcgan:
    recipe = gan_recipe("dcgan", **({"size": 32, "width": 4, "z": 8, "batch": 6} | changes))
    built = recipe.build(2, CPU, seed=1)
    assert isinstance(built, Dcgan)
    return built


def test_a_step_equals_the_published_loop_written_out() -> None:
    ours = gan(lr=1e-3)
    ours._dtype = None  # in float32, also where the hardware has bfloat16
    generator, discriminator = copy.deepcopy(ours.generator), copy.deepcopy(ours.discriminator)
    for_g, for_d = (torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.999)) for net in (generator, discriminator))
    rng, same = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    ones, zeros = torch.ones(6), torch.zeros(6)
    for batch in range(3):
        real = torch.rand(6, 2, 32, 32, generator=torch.Generator().manual_seed(batch)) * 2 - 1
        figures = ours.step(real, ONE_CLASS, rng)
        for_d.zero_grad()
        loss_real = binary_cross_entropy(discriminator(real).sigmoid(), ones)
        loss_real.backward()
        fake = generator(torch.randn(6, 8, generator=same))
        loss_fake = binary_cross_entropy(discriminator(fake.detach()).sigmoid(), zeros)
        loss_fake.backward()
        for_d.step()
        for_g.zero_grad()
        loss_g = binary_cross_entropy(discriminator(fake).sigmoid(), ones)
        loss_g.backward()
        for_g.step()
        assert float(figures["loss_discriminator"]) == pytest.approx(float((loss_real + loss_fake).detach()), rel=1e-3)
        assert float(figures["loss_generator"]) == pytest.approx(float(loss_g.detach()), rel=1e-3)
    for mine, plain in ((ours.generator, generator), (ours.discriminator, discriminator)):
        for name, value in plain.state_dict().items():
            # Adam's first steps have the size of lr in the gradient's direction, however small it is: a handful of
            # weights with gradients near zero may differ by rounding.
            near = torch.isclose(mine.state_dict()[name].float(), value.float(), rtol=1e-3, atol=1e-4)
            assert near.float().mean() > 0.99, name


def test_the_average_halves_the_weight_of_an_old_state_after_its_half_life() -> None:
    ours = gan()
    before = [value.clone() for value in ours.averaged.parameters()]
    with torch.no_grad():
        for value in ours.generator.parameters():
            value.add_(1.0)
        for value in ours.generator.buffers():
            value.add_(1)
    for _ in range(10):
        ours.update_average(batch=6, seen=10_000_000, half_life=60)
    for value, old in zip(ours.averaged.parameters(), before, strict=True):
        torch.testing.assert_close(value, old + 0.5)
    buffers = dict(ours.averaged.named_buffers())
    torch.testing.assert_close(buffers["layers.1.running_mean"], torch.full((16,), 0.5))
    assert int(buffers["layers.1.num_batches_tracked"]) == 1


def test_early_in_a_run_the_average_forgets_fast_and_without_a_half_life_it_copies() -> None:
    ours = gan()
    with torch.no_grad():
        for value in ours.generator.parameters():
            value.add_(1.0)
    old = next(ours.averaged.parameters()).clone()
    ours.update_average(batch=6, seen=120, half_life=20_000)  # half-life 5 % of 120 = 6 images = this batch
    torch.testing.assert_close(next(ours.averaged.parameters()), old + 0.5)
    ours.update_average(batch=6, seen=120, half_life=0)
    torch.testing.assert_close(next(ours.averaged.parameters()), old + 1.0)


def test_the_discriminator_learns_again_after_the_generators_step() -> None:
    ours = gan()
    before = copy.deepcopy(ours.discriminator.state_dict())
    for seed in range(2):
        ours.step(torch.rand(6, 2, 32, 32) * 2 - 1, ONE_CLASS, torch.Generator().manual_seed(seed))
        after = ours.discriminator.state_dict()
        assert all(not torch.equal(after[name], before[name]) for name in after)
        before = copy.deepcopy(after)
    assert all(value.requires_grad for value in ours.discriminator.parameters())


def test_building_a_gan_leaves_the_global_random_numbers_alone() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    gan()
    assert torch.equal(torch.rand(3), expected)


def test_loaded_moments_take_the_memory_order_of_their_weights() -> None:
    ours, fresh = gan(), gan()
    ours.step(torch.rand(6, 2, 32, 32) * 2 - 1, ONE_CLASS, torch.Generator().manual_seed(0))
    state = ours.state()
    for optimiser in state["optimisers"].values():
        for moments in optimiser["state"].values():
            moments |= {name: value.contiguous() for name, value in moments.items()}
    fresh.restore(state)
    weight = fresh.discriminator.layers[2].weight
    moment = fresh.optimisers()["discriminator"].state[weight]["exp_avg"]
    assert moment.stride() == weight.stride()
    assert not moment.is_contiguous()
