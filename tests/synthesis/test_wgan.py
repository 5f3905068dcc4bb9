"""Wasserstein GANs: the critic, a step against the published algorithms written out, and the papers' settings."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from napari_cellsynth.synthesis.critic import Critic
from napari_cellsynth.synthesis.networks import Generator, initialise
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, gan_recipe, parameter_counts
from napari_cellsynth.synthesis.wgan import Wgan

CPU, META = torch.device("cpu"), torch.device("meta")
NAMES = ("wgan-gp", "wgan-gp-cellcycle", "wgan-div", "wgan-div-cellcycle")
NO_CLASSES = torch.zeros(6, dtype=torch.long)


def wgan(name: str, **changes: object) -> Wgan:
    recipe = gan_recipe(name, **({"size": 32, "width": 4, "z": 8, "batch": 6, "critic_steps": 2} | changes))
    built = recipe.build(2, CPU, seed=1)
    assert isinstance(built, Wgan)
    built._dtype = None  # in float32, also where the hardware has bfloat16
    return built


def real(seed: int) -> torch.Tensor:
    return torch.rand(6, 2, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def plain_penalty(critic: nn.Module, at: torch.Tensor, name: str) -> torch.Tensor:
    at = at.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    norm = gradient.flatten(1).norm(dim=1)
    return ((norm - 1) ** 2).mean() if "gp" in name else (norm**6).mean()


@pytest.mark.parametrize("name", NAMES)
def test_steps_equal_the_published_algorithm_written_out(name: str) -> None:
    ours = wgan(name, lr=1e-3, beta1=0.0, beta2=0.9)
    initialise(ours.critic, 7)  # with a slope from the first step on: at none at all the norm has no derivative
    generator, critic = copy.deepcopy(ours.generator), copy.deepcopy(ours.critic)
    for_g, for_c = (torch.optim.Adam(net.parameters(), 1e-3, betas=(0.0, 0.9)) for net in (generator, critic))
    rng, same = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    for step in range(1, 5):
        x = real(step)
        before = copy.deepcopy(ours.generator.state_dict())
        figures = ours.step(x, NO_CLASSES, rng)
        fake = generator(torch.randn(6, 8, generator=same)).detach()
        share = torch.rand((6, 1, 1, 1), generator=same)
        distance = critic(x).mean() - critic(fake).mean()
        penalty = plain_penalty(critic, share * x + (1 - share) * fake, name)
        for_c.zero_grad()
        loss_c = (10 if "gp" in name else 2) * penalty - distance
        loss_c.backward()
        loss_g = -critic(fake).mean()
        for_c.step()
        if step % 2 == 0:
            for_g.zero_grad()
            loss_g = -critic(generator(torch.randn(6, 8, generator=same))).mean()
            loss_g.backward()
            for_g.step()
        expected = {"loss_generator": loss_g, "loss_critic": loss_c, "wasserstein": distance}
        for figure, value in (expected | {"penalty": penalty}).items():
            assert float(figures[figure]) == pytest.approx(float(value.detach()), rel=1e-2, abs=1e-3), figure
        changed = not torch.equal(before["layers.0.weight"], ours.generator.state_dict()["layers.0.weight"])
        assert changed == (step % 2 == 0)
    for mine, plain in ((ours.generator, generator), (ours.critic, critic)):
        for key, value in plain.state_dict().items():
            # Adam's first steps have the size of lr in the gradient's direction, however small it is: a handful of
            # weights with gradients near zero may differ by rounding.
            near = torch.isclose(mine.state_dict()[key].float(), value.float(), rtol=1e-2, atol=2e-4)
            assert near.float().mean() > 0.98, key
    assert all(value.requires_grad for value in ours.critic.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_a_level_critic_learns_to_tell_real_from_generated(name: str) -> None:
    ours = wgan(name, lr=3e-4, critic_steps=100)  # against a generator that stands still
    assert not ours.critic.score.weight.any()
    rng = torch.Generator().manual_seed(0)
    told = [ours.step(real(step), NO_CLASSES, rng) for step in range(60)]
    assert all(torch.isfinite(value) for figures in told for value in figures.values())
    assert float(told[0]["wasserstein"]) == 0
    assert sum(float(figures["wasserstein"]) for figures in told[-10:]) / 10 > 0.1


def test_the_place_between_two_generator_updates_is_part_of_the_state() -> None:
    ours, resumed = wgan("wgan-gp"), wgan("wgan-gp")
    rng = torch.Generator().manual_seed(0)
    ours.step(real(0), NO_CLASSES, rng)
    state = copy.deepcopy(ours.state())
    assert state["critic_updates"] == 1
    resumed.restore(state)
    again = torch.Generator()
    again.set_state(rng.get_state())
    ours.step(real(1), NO_CLASSES, rng)
    resumed.step(real(1), NO_CLASSES, again)
    assert torch.equal(ours.generator.layers[0].weight, resumed.generator.layers[0].weight)  # type: ignore[index, union-attr]
    assert torch.equal(rng.get_state(), again.get_state())


def test_each_patchs_score_depends_on_that_patch_alone() -> None:
    critic = Critic(32, 2, 4)
    initialise(critic, 0)
    x = real(0).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x)[2], x)
    assert gradient[2].abs().max() > 0
    assert not gradient[[0, 1, 3, 4, 5]].any()


def test_no_critic_under_a_penalty_has_batch_norm() -> None:
    recipes = [gan_recipe(name) for name in GAN_RECIPES]
    networks = [recipe.build(3, META, 0, 4 if recipe.conditional else 0).networks() for recipe in recipes]
    critics = [each["critic"] for each in networks if "critic" in each]
    assert len(critics) >= len(NAMES)
    modules = [module for critic in critics for module in critic.modules()]
    assert not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in modules)
    # The penalty is differentiated twice: layers of our own would have to know how.
    assert all(type(module) is nn.Conv2d for module in modules if isinstance(module, nn.Conv2d))


@pytest.mark.parametrize("size", [32, 64, 128, 256, 512])
@pytest.mark.parametrize("channels", [1, 3, 8])
def test_every_size_and_number_of_channels_has_its_shapes(size: int, channels: int) -> None:
    with META:
        patches = Generator(size, channels, 128, 64)(torch.empty(4, 128))
        assert patches.shape == (4, channels, size, size)
        scores = Critic(size, channels, 64)(patches)
    assert scores.shape == (4,)


def test_parameters_count_as_computed_by_hand() -> None:
    # critic: 4×4 kernels 3→64→128→256→512→1, a bias first, two numbers a channel for each layer norm
    critic = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 2 * (128 + 256 + 512)
    generator = 16 * (128 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (512 + 256 + 128 + 64)
    for name in NAMES:
        assert parameter_counts(gan_recipe(name), channels=3) == {"generator": generator, "critic": critic}
    # at 32 pixels one layer less, at 128 one more of eight widths
    small = parameter_counts(gan_recipe("wgan-gp", size=32, width=8), channels=1)["critic"]
    assert small == 16 * (8 + 8 * 16 + 16 * 32 + 32) + 8 + 2 * (16 + 32)
    large = parameter_counts(gan_recipe("wgan-gp", size=128, width=8), channels=8)["critic"]
    assert large == 16 * (8 * 8 + 8 * 16 + 16 * 32 + 32 * 64 + 64 * 64 + 64) + 8 + 2 * (16 + 32 + 64 + 64)


def test_a_generator_whose_last_weights_are_all_negative_still_makes_bright_patches_with_a_way_back() -> None:
    ours = wgan("wgan-gp")
    with torch.no_grad():
        ours.generator.layers[-2].weight.abs_().neg_()  # type: ignore[index, union-attr]
    patches = ours.generator(torch.randn(6, 8, generator=torch.Generator().manual_seed(0)))
    assert patches.max() > 0
    assert not any(isinstance(module, nn.ReLU) for module in ours.generator.modules())


def test_scores_stay_in_float32_under_autocast_and_are_those_of_the_convolution() -> None:
    critic = Critic(32, 2, 4)
    initialise(critic, 0)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = critic(real(0))
    assert rounded.dtype == torch.float32
    exact = critic.score(critic.layers(real(0))).flatten()
    torch.testing.assert_close(critic(real(0)), exact, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)


def test_the_penalty_sees_the_critic_in_float32_though_the_scores_come_from_bfloat16() -> None:
    ours = wgan("wgan-gp")
    ours._dtype = torch.bfloat16
    seen: list[torch.dtype] = []
    ours.critic.layers[0].register_forward_hook(lambda module, given, made: seen.append(made.dtype))
    ours.step(real(0), NO_CLASSES, torch.Generator().manual_seed(0))
    assert seen == [torch.bfloat16, torch.float32]  # the scores, the penalty


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        # Gulrajani et al. 2017, algorithm 1
        ("wgan-gp", {"penalty_weight": 10, "critic_steps": 5, "lr": 1e-4, "beta1": 0.0, "beta2": 0.9}),
        # Wu et al. 2018
        ("wgan-div", {"penalty_weight": 2, "penalty_power": 6}),
        # S3, section 2.4
        ("wgan-gp-cellcycle", {"size": 64, "batch": 16, "lr": 1e-5, "beta1": 0.01, "beta2": 0.999}),
        ("wgan-gp-cellcycle", {"critic_steps": 5, "penalty_weight": 10}),
        ("wgan-div-cellcycle", {"size": 64, "batch": 64, "lr": 1e-4, "beta1": 0.01, "beta2": 0.999}),
        ("wgan-div-cellcycle", {"critic_steps": 4, "penalty_weight": 2, "penalty_power": 6}),
    ],
)
def test_the_papers_values_are_the_defaults(name: str, facts: dict[str, float]) -> None:
    given = gan_recipe(name).model_dump()
    assert {field: given[field] for field in facts} == facts


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("wgan-gp-cellcycle", {"batch": 4}),  # ana- and telophase
        ("wgan-div-cellcycle", {"critic_steps": 10}),  # prophase
        ("wgan-div-cellcycle", {"lr": 1e-5}),  # telophase
    ],
)
def test_the_papers_other_phases_are_settings_of_the_same_recipe(name: str, changes: dict[str, float]) -> None:
    assert gan_recipe(name, **changes).model_dump().items() >= changes.items()
