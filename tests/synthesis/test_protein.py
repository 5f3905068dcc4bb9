"""The protein paper's DCGAN: its networks by hand, its labels, and a step against the same step written out."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from napari_cellsynth.synthesis.losses import flipped_labels
from napari_cellsynth.synthesis.protein import ProteinDcgan
from napari_cellsynth.synthesis.protein_networks import (
    ProteinDiscriminator,
    ProteinGenerator,
    dropped,
    halving_channels,
)
from napari_cellsynth.synthesis.recipes import gan_recipe, parameter_counts

CPU, META = torch.device("cpu"), torch.device("meta")


def gan(**changes: object) -> ProteinDcgan:
    recipe = gan_recipe("dcgan-protein", **({"size": 32, "width": 4, "z": 8, "batch": 6} | changes))
    built = recipe.build(2, CPU, seed=1)
    assert isinstance(built, ProteinDcgan)
    built._dtype = None  # in float32, also where the hardware has bfloat16
    return built


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_512_pixel_network_is_the_papers() -> None:
    inner = [1024, 512, 256, 128, 64, 32]
    assert halving_channels(512, 32) == inner[::-1]
    convolutions = 9 * sum(a * b for a, b in zip(inner, [*inner[1:], 3], strict=True))
    norms = 2 * sum(inner[1:])
    assert parameter_counts(gan_recipe("dcgan-protein"), channels=3) == {
        "generator": (100 + 1) * 8 * 8 * 1024 + convolutions + 3 + norms,
        "discriminator": convolutions + 32 + 1024 + norms - 2 * 32 + 8 * 8 * 1024 + 1,
    }
    with META:
        generator, discriminator = ProteinGenerator(512, 3, 100, 32), ProteinDiscriminator(512, 3, 32)
    ups = [module for module in generator.modules() if isinstance(module, nn.ConvTranspose2d)]
    downs = [module for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    assert len(ups) == len(downs) == 6
    assert all(layer.kernel_size == (3, 3) and layer.stride == (2, 2) for layer in (*ups, *downs))
    for network, between in ((generator, 5), (discriminator, 4)):  # none behind the discriminator's first
        norms_of = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        assert len(norms_of) == between
        assert all(norm.momentum == pytest.approx(1 - 0.80) for norm in norms_of)
    assert isinstance(generator.layers[-1], nn.Tanh)


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
@pytest.mark.parametrize("channels", [1, 3, 8])
def test_every_size_and_number_of_channels_has_its_shapes(size: int, channels: int) -> None:
    with META:
        patches = ProteinGenerator(size, channels, 100, 32)(torch.empty(4, 100))
        discriminator = ProteinDiscriminator(size, channels, 32)
        inner = discriminator.last(nn.Sequential(*discriminator.blocks)(patches))
        assert patches.shape == (4, channels, size, size)
        assert inner.shape == (4, 32 * size // 16, 8, 8)
        assert discriminator.unit(inner.flatten(1)).shape == (4, 1)


def test_the_papers_values_are_the_defaults() -> None:
    recipe = gan_recipe("dcgan-protein").model_dump()
    facts = {"size": 512, "z": 100, "label_flips": 0.05, "label_smoothing": 0.1}
    assert {name: recipe[name] for name in facts} == facts


def test_adam_trains_the_generator_and_sgd_the_discriminator() -> None:
    optimisers = gan(lr=3e-4, lr_discriminator=0.02).optimisers()
    assert type(optimisers["generator"]) is torch.optim.Adam
    assert type(optimisers["discriminator"]) is torch.optim.SGD
    assert optimisers["generator"].param_groups[0]["lr"] == 3e-4
    assert optimisers["discriminator"].param_groups[0]["lr"] == 0.02


def test_one_label_in_twenty_is_flipped() -> None:
    count, share = 20_000, 0.05
    labels = flipped_labels(torch.zeros(count), 0.9, 0.0, share, rng())
    flipped = int((labels == 0.0).sum())
    assert abs(flipped - share * count) < 4 * math.sqrt(count * share * (1 - share))
    assert int((labels == 0.9).sum()) == count - flipped


def test_dropout_leaves_out_its_share_keeps_the_mean_and_draws_from_its_generator_alone() -> None:
    x = torch.ones(100, 100)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    one, same, other = dropped(x, 0.25, rng(1)), dropped(x, 0.25, rng(1)), dropped(x, 0.25, rng(2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert abs(float((one == 0).float().mean()) - 0.25) < 4 * math.sqrt(0.25 * 0.75 / x.numel())
    assert float(one.max()) == pytest.approx(1 / 0.75)


def test_a_step_equals_the_papers_written_out() -> None:
    ours = gan(lr=1e-3, lr_discriminator=0.05, label_flips=0.3)
    generator, discriminator = copy.deepcopy(ours.generator), copy.deepcopy(ours.discriminator)
    for_g = torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.999))
    for_d = torch.optim.SGD(discriminator.parameters(), 0.05)
    theirs, same = rng(), rng()
    flips = 0
    for step in range(3):
        real = torch.rand(6, 2, 32, 32, generator=rng(step)) * 2 - 1
        figures = ours.step(real, torch.zeros(6, dtype=torch.long), theirs)
        fake = generator(torch.randn(6, 8, generator=same))
        on_real = discriminator(real, same).sigmoid()
        on_fake = discriminator(fake.detach(), same).sigmoid()
        wrong_real = torch.rand(6, generator=same) < 0.3
        wrong_fake = torch.rand(6, generator=same) < 0.3
        flips += int(wrong_real.sum() + wrong_fake.sum())
        loss_real = binary_cross_entropy(on_real, torch.where(wrong_real, 0.0, 0.9))
        loss_fake = binary_cross_entropy(on_fake, torch.where(wrong_fake, 0.9, 0.0))
        for_d.zero_grad()
        (loss_real + loss_fake).backward()
        for_d.step()
        for_g.zero_grad()
        loss_g = binary_cross_entropy(discriminator(fake, same).sigmoid(), torch.ones(6))
        loss_g.backward()
        for_g.step()
        assert float(figures["loss_discriminator"]) == pytest.approx(float((loss_real + loss_fake).detach()), rel=1e-3)
        assert float(figures["loss_generator"]) == pytest.approx(float(loss_g.detach()), rel=1e-3)
    assert 0 < flips < 36
    for mine, plain in ((ours.generator, generator), (ours.discriminator, discriminator)):
        for name, value in plain.state_dict().items():
            near = torch.isclose(mine.state_dict()[name].float(), value.float(), rtol=1e-3, atol=1e-4)
            assert near.float().mean() > 0.99, name
    assert all(value.requires_grad for value in ours.discriminator.parameters())
