"""Steps of conditional GANs against the same steps written out plainly, and whose turn it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, cross_entropy, nll_loss, one_hot

from tests.synthesis.conditional_cases import CONDITIONAL, batch, built, small

ONES, ZEROS = torch.ones(6), torch.zeros(6)


def twins(gan: Any) -> dict[str, tuple[nn.Module, torch.optim.Adam]]:
    """Return copies of a GAN's networks, each with a plain Adam of the same settings."""
    copies = {name: copy.deepcopy(network) for name, network in gan.networks().items()}
    recipe = gan.recipe
    betas = (recipe.beta1, recipe.beta2)
    return {name: (net, torch.optim.Adam(net.parameters(), recipe.lr, betas=betas)) for name, net in copies.items()}


def assert_same_weights(gan: Any, players: dict[str, tuple[nn.Module, torch.optim.Adam]]) -> None:
    for name, (plain, _) in players.items():
        mine = gan.networks()[name].state_dict()
        for key, value in plain.state_dict().items():
            # Adam's first steps have the size of lr however small a gradient is: some near zero differ by rounding.
            near = torch.isclose(mine[key].float(), value.float(), rtol=1e-3, atol=1e-4)
            assert near.float().mean() > 0.98, f"{name} {key}"


def test_a_step_of_acgan_equals_the_papers_losses_written_out() -> None:
    gan = built(small("acgan", lr=1e-3, class_weight=0.7), channels=2, classes=3)
    players = twins(gan)
    (generator, for_g), (discriminator, for_d) = players["generator"], players["discriminator"]
    rng, same = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)
    for number in range(3):
        real, kinds = batch(number, channels=2, classes=3)
        figures = gan.step(real, kinds, rng)
        inputs = torch.cat([torch.randn(6, 8, generator=same), one_hot(kinds, 3).float()], dim=1)
        fake = generator(inputs)
        source_real, class_real = discriminator(real)
        source_fake, class_fake = discriminator(fake.detach())
        # Odena et al. 2017, eqs. 2 and 3: the discriminator raises L_S + L_C, the generator L_C - L_S.
        loss_s = binary_cross_entropy(source_real[:, 0].sigmoid(), ONES)
        loss_s = loss_s + binary_cross_entropy(source_fake[:, 0].sigmoid(), ZEROS)
        on_real = nll_loss(class_real.log_softmax(1), kinds)
        for_d.zero_grad()
        (loss_s + 0.7 * (on_real + nll_loss(class_fake.log_softmax(1), kinds))).backward()
        for_d.step()
        source_fake, class_fake = discriminator(fake)
        loss_g = binary_cross_entropy(source_fake[:, 0].sigmoid(), ONES)
        for_g.zero_grad()
        (loss_g + 0.7 * nll_loss(class_fake.log_softmax(1), kinds)).backward()
        for_g.step()
        plain = {"loss_generator": loss_g, "loss_discriminator": loss_s, "loss_class": on_real}
        for name, value in plain.items():
            assert float(figures[name]) == pytest.approx(float(value.detach()), rel=1e-3), name
        right = (class_real.argmax(1) == kinds).float().mean()
        assert float(figures["accuracy_class"]) == pytest.approx(float(right))
    assert_same_weights(gan, players)


def test_a_step_of_the_three_players_equals_the_papers_losses_written_out() -> None:
    gan = built(small("c-wgan-gp", critic_steps=2, class_weight=0.7, penalty_weight=5.0), channels=2, classes=3)
    players = twins(gan)
    (generator, for_g), (critic, for_d) = players["generator"], players["critic"]
    classifier, for_c = players["classifier"]
    rng, same = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)

    def generated(kinds: torch.Tensor) -> torch.Tensor:
        patches: torch.Tensor = generator(
            torch.cat([torch.randn(6, 8, generator=same), one_hot(kinds, 3).float()], dim=1)
        )
        return patches

    for number in range(4):
        real, kinds = batch(number, channels=2, classes=3)
        figures = gan.step(real, kinds, rng)
        fake = generated(kinds).detach()
        share = torch.rand(6, 1, 1, 1, generator=same)
        between = (share * real + (1 - share) * fake).requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        wasserstein = critic(real).mean() - critic(fake).mean()
        for_d.zero_grad()
        (-wasserstein + 5.0 * penalty).backward()
        for_d.step()
        loss_class = cross_entropy(classifier(real), kinds)
        for_c.zero_grad()
        loss_class.backward()
        for_c.step()
        if number % 2:
            fake = generated(kinds)
            loss = -critic(fake).mean() + 0.7 * cross_entropy(classifier(fake), kinds)
            for_g.zero_grad()
            loss.backward()
            for_g.step()
        plain = {"wasserstein": wasserstein, "penalty": penalty, "loss_class": loss_class}
        plain["loss_critic"] = 5.0 * penalty - wasserstein
        for name, value in plain.items():
            assert float(figures[name]) == pytest.approx(float(value.detach()), rel=1e-3, abs=1e-4), name
    assert_same_weights(gan, players)


def test_infogan_reads_back_its_two_codes_which_are_the_last_of_the_noise() -> None:
    gan: Any = built(small("infogan", code_weight=0.5), classes=3)
    inputs = torch.arange(44.0).view(4, 11)  # 6 of noise, 2 codes, 3 of class
    mean, log_variance = torch.zeros(4, 2), torch.full((4, 2), 2.0)
    loss = gan._loss_codes(inputs, (torch.zeros(4, 1), torch.zeros(4, 3), mean, log_variance))
    codes = inputs[:, 6:8]
    plain = (0.5 * (2.0 + codes.square() / torch.tensor(2.0).exp())).mean()
    assert float(loss) == pytest.approx(0.5 * float(plain), rel=1e-5)


@pytest.mark.parametrize("name", ["cwgan-gp", "c-wgan-gp"])
def test_the_generator_learns_on_every_nth_step_and_the_judges_on_each(name: str) -> None:
    gan = built(small(name, critic_steps=3))
    rng = torch.Generator().manual_seed(0)
    for step in range(1, 7):
        before = {player: copy.deepcopy(list(net.parameters())) for player, net in gan.networks().items()}
        gan.step(*batch(step), rng)
        for player, network in gan.networks().items():
            changed = any(not torch.equal(a, b) for a, b in zip(before[player], network.parameters(), strict=True))
            assert changed == (player != "generator" or step % 3 == 0), (player, step)
    assert all(value.requires_grad for net in gan.networks().values() for value in net.parameters())


@pytest.mark.parametrize("name", CONDITIONAL)
def test_a_step_tells_its_figures_in_float32_also_under_autocast(name: str) -> None:
    gan = built(small(name))
    gan._dtype = torch.bfloat16
    figures = gan.step(*batch(0), torch.Generator().manual_seed(0))
    shared = {"loss_generator"}
    assert (
        set(figures)
        == shared
        | {
            "cellsynth-conditional": {"loss_critic", "known", "altered"},
            "cgan": {"loss_discriminator", "score_real", "score_fake"},
            "acgan": {"loss_discriminator", "loss_class", "accuracy_class", "accuracy_class_generated"},
            "infogan": {"loss_discriminator", "loss_class", "accuracy_class", "accuracy_class_generated"},
            "cwgan-gp": {"loss_critic", "wasserstein", "penalty"},
            "c-wgan-gp": {"loss_critic", "wasserstein", "penalty", "loss_class", "accuracy_class"},
        }[name]
    )
    for value in figures.values():
        assert value.dtype == torch.float32 and not value.requires_grad and torch.isfinite(value)


@pytest.mark.parametrize("name", CONDITIONAL)
def test_512_pixels_take_a_step(name: str) -> None:
    gan = built(small(name, size=512, width=2, critic_steps=1) if "wgan" in name else small(name, size=512, width=2))
    real, kinds = batch(0, size=512)
    before = copy.deepcopy(list(gan.generator.parameters()))
    figures = gan.step(real[:2], kinds[:2], torch.Generator().manual_seed(0))
    assert all(torch.isfinite(value) for value in figures.values())
    assert any(not torch.equal(a, b) for a, b in zip(before, gan.generator.parameters(), strict=True))
