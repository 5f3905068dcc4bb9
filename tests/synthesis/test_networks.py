"""DCGAN's networks: shapes, parameter counts by hand, and what they are made of."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.networks import Discriminator, Generator, initialise, layer_channels
from napari_cellsynth.synthesis.recipes import gan_recipe, parameter_counts


def test_the_64_pixel_network_is_the_published_one() -> None:
    # generator: 4×4 kernels 100→512→256→128→64→3, two numbers a channel for each batch norm
    generator = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (512 + 256 + 128 + 64)
    discriminator = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512)
    assert (generator, discriminator) == (3_576_704, 2_765_568)
    counts = parameter_counts(gan_recipe("dcgan"), channels=3)
    assert counts == {"generator": generator, "discriminator": discriminator}


def test_other_sizes_channels_and_widths_count_as_computed_by_hand() -> None:
    counts = parameter_counts(gan_recipe("dcgan", size=128, width=8, z=10), channels=1)
    assert counts == {
        "generator": 16 * (10 * 64 + 64 * 64 + 64 * 32 + 32 * 16 + 16 * 8 + 8 * 1) + 2 * (64 + 64 + 32 + 16 + 8),
        "discriminator": 16 * (1 * 8 + 8 * 16 + 16 * 32 + 32 * 64 + 64 * 64 + 64) + 2 * (16 + 32 + 64 + 64),
    }


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
@pytest.mark.parametrize("channels", [1, 4])
def test_every_size_makes_patches_of_that_size_and_judges_them(size: int, channels: int) -> None:
    generator, discriminator = Generator(size, channels, 7, 2), Discriminator(size, channels, 2)
    patches = generator(torch.randn(2, 7)).detach()
    assert patches.shape == (2, channels, size, size)
    assert float(patches.abs().max()) <= 1
    assert discriminator(patches).shape == (2,)


def test_channels_double_inwards_up_to_eight_widths() -> None:
    assert layer_channels(32, 64) == [64, 128, 256]
    assert layer_channels(64, 64) == [64, 128, 256, 512]
    assert layer_channels(512, 16) == [16, 32, 64, 128, 128, 128, 128]


@pytest.mark.parametrize("size", [0, 16, 48, 63, 96, 1024])
def test_other_sizes_are_refused_with_the_ones_there_are(size: int) -> None:
    with pytest.raises(UserError, match=str(size)) as caught:
        Generator(size, 1, 7, 2)
    assert "32, 64, 128, 256, 512" in caught.value.hint


def test_the_first_layers_and_last_layers_have_no_batch_norm_and_no_convolution_a_bias() -> None:
    discriminator, generator = Discriminator(64, 3, 8), Generator(64, 3, 10, 8)
    assert isinstance(discriminator.layers[1], nn.LeakyReLU)
    assert isinstance(generator.layers[-1], nn.Tanh)
    convolutions = [
        module
        for network in (generator, discriminator)
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    assert len(convolutions) == 10
    assert all(module.bias is None for module in convolutions)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in discriminator.modules()) == 3


def test_the_first_weights_follow_dcgan_and_the_seed() -> None:
    one, same, other = (Generator(64, 3, 100, 16) for _ in range(3))
    initialise(one, 1), initialise(same, 1), initialise(other, 2)
    weight = one.layers[0].weight.detach()
    assert abs(float(weight.mean())) < 1e-3
    assert float(weight.std()) == pytest.approx(0.02, rel=0.02)
    assert float(one.layers[1].weight.detach().mean()) == pytest.approx(1, abs=0.01)
    assert torch.equal(weight, same.layers[0].weight)
    assert not torch.equal(weight, other.layers[0].weight)
