"""The conditional recipes' networks: shapes, counts by hand, what a critic under a penalty must not have."""

from __future__ import annotations

import itertools
from itertools import pairwise

import pytest
import torch
from torch import nn

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.conditional import Informed
from napari_cellsynth.synthesis.inner_layers import DoublingLayer, HalvingLayer
from napari_cellsynth.synthesis.networks import SIZES, Generator, count_parameters, layer_channels
from napari_cellsynth.synthesis.norm_free import ResidualCritic, ResidualGenerator, initialise_norm_free
from napari_cellsynth.synthesis.projection import ModulatedGenerator, ProjectionCritic
from napari_cellsynth.synthesis.recipes import gan_recipe, parameter_counts
from tests.synthesis.conditional_cases import CONDITIONAL, CPU, batch, built, small

META = torch.device("meta")


def dcgan_generator(size: int, channels: int, inputs: int, width: int) -> int:
    hidden = layer_channels(size, width)
    kernels = inputs * hidden[-1] + sum(a * b for a, b in pairwise(hidden)) + hidden[0] * channels
    return 16 * kernels + 2 * sum(hidden)


def dcgan_discriminator(size: int, channels: int, width: int, outputs: int) -> int:
    hidden = layer_channels(size, width)
    kernels = channels * hidden[0] + sum(a * b for a, b in pairwise(hidden)) + hidden[-1] * outputs
    return 16 * kernels + 2 * sum(hidden[1:])


def dcgan_critic(size: int, channels: int, width: int) -> int:
    hidden = layer_channels(size, width)
    kernels = channels * hidden[0] + sum(a * b for a, b in pairwise(hidden)) + hidden[-1]
    return 16 * kernels + sum(hidden)


def residual_generator(size: int, channels: int, inputs: int, width: int) -> int:
    start, blocks = {32: (8, 8), 64: (16, 8), 128: (32, 8), 256: (32, 10), 512: (32, 12)}[size]
    doublings = (size // start).bit_length() - 1
    dense = (inputs + 1) * width * start**2
    deconvolutions = doublings * (25 * width + 1) * width + (25 * width + 1) * channels
    return dense + 2 * blocks * (9 * width + 1) * width + deconvolutions


def residual_critic(size: int, channels: int, width: int, outputs: int) -> int:
    blocks = {32: 2, 64: 6, 128: 10, 256: 14, 512: 18}[size]
    dense = (64 * width + 1) * 2 * width + (2 * width + 1) * outputs
    return (25 * channels + 1) * width + 2 * blocks * (9 * width + 1) * width + dense


def projecting(size: int, channels: int, z: int, width: int, classes: int) -> dict[str, int]:
    hidden = layer_channels(size, width)
    return {
        # a scale and a shift a class for each of the generator's channels, a 4×4 map a class for the critic
        "generator": dcgan_generator(size, channels, z + classes, width) + 2 * classes * sum(hidden),
        "critic": dcgan_critic(size, channels, width) + 16 * hidden[-1] * classes,
    }


def expected(name: str, size: int, channels: int, z: int, width: int, classes: int) -> dict[str, int]:
    if name == "c-wgan-gp":
        return {
            "generator": residual_generator(size, channels, z + classes, width),
            "critic": residual_critic(size, channels, width, 1),
            "classifier": residual_critic(size, channels, width, classes),
        }
    if name == "cellsynth-conditional":
        return projecting(size, channels, z, width, classes)
    second = {
        "cgan": {"discriminator": dcgan_discriminator(size, channels + classes, width, 1)},
        "acgan": {"discriminator": dcgan_discriminator(size, channels, width, 1 + classes)},
        "infogan": {"discriminator": dcgan_discriminator(size, channels, width, 1 + classes + 4)},
        "cwgan-gp": {"critic": dcgan_critic(size, channels + classes, width)},
    }[name]
    return {"generator": dcgan_generator(size, channels, z + classes, width)} | second


@pytest.mark.parametrize("name", CONDITIONAL)
@pytest.mark.parametrize("size", SIZES)
def test_shapes_and_counts_are_those_computed_by_hand(name: str, size: int) -> None:
    recipe = gan_recipe(name, size=size)
    for channels, classes in itertools.product((1, 3, 8), (2, 12)):
        gan = recipe.build(channels, META, 0, classes)
        networks = gan.networks()
        counts = {player: count_parameters(network) for player, network in networks.items()}
        assert counts == expected(name, size, channels, gan.latent, recipe.width, classes)  # type: ignore[attr-defined]
        kinds = torch.zeros(2, dtype=torch.long, device=META)
        patches = gan.generator(gan.inputs(torch.empty(2, gan.latent, device=META), kinds))
        assert patches.shape == (2, channels, size, size)
        for player, network in networks.items():
            if player != "generator":
                judged = (
                    network(patches, kinds) if isinstance(network, Informed | ProjectionCritic) else network(patches)
                )
                shapes = [tuple(one.shape) for one in (judged if isinstance(judged, tuple) else (judged,))]
                assert shapes in (
                    [(2,)],
                    [(2, 1)],
                    [(2, classes)],
                    [(2, 1), (2, classes)],
                    [(2, 1), (2, classes), (2, 2), (2, 2)],
                )


def test_the_three_players_are_the_bone_marrow_papers() -> None:
    """Tables 3 to 5 of S2, for 128 pixels, 3 channels and 12 classes, row by row."""
    recipe = gan_recipe("c-wgan-gp")
    block = 2 * (9 * 64 * 64 + 64)
    generator = (512 + 1) * 64 * 32 * 32 + (2 + 4 + 2) * block + 2 * (25 * 64 * 64 + 64) + 25 * 64 * 3 + 3
    critic = 25 * 3 * 64 + 64 + (2 + 4 + 4) * block + (64 * 8 * 8 + 1) * 128 + 128 + 1
    assert parameter_counts(recipe, channels=3) == {
        "generator": generator,
        "critic": critic,
        "classifier": critic - 129 + 129 * 12,
    }
    gan = recipe.build(3, META, 0, 12)
    maps: list[tuple[int, ...]] = []
    player = gan.networks()["critic"]
    assert isinstance(player, ResidualCritic)
    for module in player.layers:
        if isinstance(module, nn.Conv2d | nn.AvgPool2d):
            module.register_forward_hook(lambda _module, _given, made: maps.append(tuple(made.shape[1:])))
    player(torch.empty(1, 3, 128, 128, device=META))
    assert maps == [(64, 64, 64), (64, 32, 32), (64, 16, 16), (64, 8, 8)]
    assert isinstance(gan.generator, ResidualGenerator)
    assert (gan.generator.dense.in_features, gan.generator.start) == (512, 32)


@pytest.mark.parametrize("name", ["cellsynth-conditional", "cwgan-gp", "c-wgan-gp"])
def test_critics_under_a_penalty_judge_every_patch_by_itself_with_plain_layers(name: str) -> None:
    gan = built(small(name))
    forbidden = nn.BatchNorm2d | HalvingLayer | DoublingLayer
    for player, network in gan.networks().items():
        if player != "generator":
            assert not [module for module in network.modules() if isinstance(module, forbidden)]
    real, kinds = batch(0)
    real.requires_grad_(True)
    for _ in range(3):
        gan.step(real.detach(), kinds, torch.Generator().manual_seed(0))  # blocks begin as identities
    (slope,) = torch.autograd.grad(gan._score(real, kinds)[2], real)  # type: ignore[attr-defined]
    others = [0, 1, 3, 4, 5]
    assert float(slope[2].abs().max()) > 0
    assert float(slope[others].abs().max()) == 0


def test_a_class_is_a_plane_of_ones_behind_the_patch() -> None:
    seen: list[torch.Tensor] = []

    class Eye(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x.sum(dim=(1, 2, 3))

    real, _ = batch(0, channels=2)
    Informed(Eye(), 3)(real, torch.tensor([0, 1, 2, 2, 1, 0]))
    assert seen[0].shape == (6, 5, 32, 32)
    assert torch.equal(seen[0][:, :2], real)
    assert torch.equal(seen[0][1, 2:].mean(dim=(1, 2)), torch.tensor([0.0, 1.0, 0.0]))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_networks_without_norm_keep_the_size_of_their_signal_at_first() -> None:
    generator = ResidualGenerator(64, 2, z=100, classes=5, width=16)
    initialise_norm_free(generator, 0)
    rng = torch.Generator().manual_seed(0)
    noise = torch.cat([torch.randn(64, 100, generator=rng), torch.eye(5)[torch.arange(64) % 5]], dim=1)
    before_tanh = generator.layers[:-1]
    generator.layers = before_tanh
    assert 0.4 < float(generator(noise).detach().std()) < 2.5
    weight = generator.dense.weight.detach()
    of_noise, of_class = weight[:, :100].square().sum(dim=1).mean(), weight[:, 100:].square().mean()
    assert float(of_class) == pytest.approx(float(of_noise), rel=0.1)
    again, other = (ResidualGenerator(64, 2, z=100, classes=5, width=16) for _ in range(2))
    initialise_norm_free(again, 0), initialise_norm_free(other, 1)
    assert torch.equal(again.dense.weight, weight)
    assert not torch.equal(other.dense.weight, weight)


@pytest.mark.parametrize("name", CONDITIONAL)
def test_one_class_is_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(UserError, match="several classes") as caught:
        small(name).build(1, CPU, 0, 1)
    assert "dcgan" in caught.value.hint


def test_the_dcgan_generator_is_told_the_class_beside_the_noise() -> None:
    generator = built(small("cgan"), classes=3).generator
    assert isinstance(generator, Generator)
    assert generator.layers[0].in_channels == 8 + 3


def test_a_projection_critic_adds_the_inner_product_of_features_and_class() -> None:
    """Miyato & Koyama 2018, eq. 3: yᵀVφ(x) + ψ(φ(x)), with φ flattened and ψ a row of weights."""
    critic = ProjectionCritic(32, 2, width=4, classes=3)
    initialise_norm_free(critic, 0)
    real, kinds = batch(0, channels=2, classes=3)
    features = critic.layers(real).flatten(1)
    vectors, shared = critic.of_class.weight.flatten(1), critic.last.weight.flatten(1)[0]
    one_hot = torch.eye(3)[kinds]
    torch.testing.assert_close(critic(real, kinds), (one_hot @ vectors * features).sum(dim=1) + features @ shared)


def test_a_modulated_generator_scales_and_shifts_each_channel_by_the_class() -> None:
    generator = ModulatedGenerator(32, 1, z=4, classes=2, width=2)
    noise = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    first, second = (torch.cat([noise, torch.eye(2)[[kind] * 8]], dim=1) for kind in (0, 1))
    with torch.no_grad():
        generator.layers[0].weight[4:] = 0  # the class comes in by modulation alone
        for modulation in generator.of_class:
            modulation.weight.zero_()
        plain = Generator(32, 1, z=6, width=2)
        plain.load_state_dict(generator.state_dict(), strict=False)
        torch.testing.assert_close(generator(first), plain(first))
        torch.testing.assert_close(generator(first), generator(second))
        last = generator.of_class[-1].weight  # two channels' scales, then their shifts
        last[:2, 1] = -1.0
        last[2:, 1] = torch.tensor([3.0, -5.0])
        seen: list[torch.Tensor] = []
        generator.layers[-2].register_forward_pre_hook(lambda _layer, given: seen.append(given[0]))
        generator(second)
        # Scaled to nothing and shifted: 3, and -5 that the rectifier takes.
        torch.testing.assert_close(seen[0], torch.tensor([3.0, 0.0])[:, None, None].expand_as(seen[0]))
        generator(first)
        assert seen[1].std() > 0
