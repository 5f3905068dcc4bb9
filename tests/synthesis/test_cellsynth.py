"""Our own GAN: its step written out plainly, the rule that alters patches, and what its critic must not do."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from napari_cellsynth.synthesis.cellsynth import KNOWS, Cellsynth
from napari_cellsynth.synthesis.recipes import gan_recipe

CPU = torch.device("cpu")
ONE_CLASS = torch.zeros(6, dtype=torch.long)


THREE_CLASSES = torch.tensor([0, 1, 2, 2, 1, 0])


def gan(classes: int = 0, **changes: object) -> Cellsynth:
    name = "cellsynth-conditional" if classes else "cellsynth"
    recipe = gan_recipe(name, **({"size": 32, "width": 4, "z": 8, "batch": 6} | changes))
    built = recipe.build(2, CPU, 1, classes)
    assert isinstance(built, Cellsynth)
    built._dtype = None  # in float32, also where the hardware has bfloat16
    return built


def batch(seed: int) -> torch.Tensor:
    return torch.rand(6, 2, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def slope(critic: Callable[[torch.Tensor], torch.Tensor], at: torch.Tensor) -> torch.Tensor:
    at = at.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean()


@pytest.mark.parametrize("classes", [0, 3])
def test_steps_without_alteration_equal_the_losses_written_out(classes: int) -> None:
    ours = gan(classes, lr=1e-3, altered_first=0.0, altered_most=0.0, penalty_every=2)
    kinds = THREE_CLASSES if classes else ONE_CLASS
    generator, critic = copy.deepcopy(ours.generator), copy.deepcopy(ours.critic)
    for_g, for_c = (torch.optim.Adam(net.parameters(), 1e-3, betas=(0.0, 0.99)) for net in (generator, critic))
    rng, same = torch.Generator().manual_seed(0), torch.Generator().manual_seed(0)

    def score(patches: torch.Tensor) -> torch.Tensor:
        judged: torch.Tensor = critic(patches, kinds) if classes else critic(patches)
        return judged

    for number in range(3):
        real = batch(number)
        figures = ours.step(real, kinds, rng)
        noise = torch.randn((6, 8), generator=same)
        fake = generator(torch.cat([noise, torch.eye(3)[kinds]], dim=1) if classes else noise)  # of the same classes
        for _ in range(2):  # what the alterations would have drawn
            torch.rand((3, 6), generator=same), torch.rand((5, 6), generator=same)
            torch.randn((3, 6), generator=same)
        for_c.zero_grad()
        loss = softplus(score(fake.detach()) - score(real)).mean()
        assert figures["loss_critic"].item() == pytest.approx(loss.item(), rel=1e-4)
        if number % 2 == 0:  # every second step, twice as heavy; a quarter at half the side
            loss = loss + 0.2 / 4 / 2 * 2 * (slope(score, real) + slope(score, fake))
        loss.backward()
        for_c.step()
        torch.rand((3, 6), generator=same), torch.rand((5, 6), generator=same), torch.randn((3, 6), generator=same)
        for_g.zero_grad()
        loss_g = softplus(score(real) - score(fake)).mean()
        loss_g.backward()
        for_g.step()
        assert figures["loss_generator"].item() == pytest.approx(loss_g.item(), rel=1e-4)
    for mine, plain in zip(ours.critic.parameters(), critic.parameters(), strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-3, atol=1e-5)


def test_the_critic_judges_each_patch_by_itself() -> None:
    x = batch(0).requires_grad_(True)
    critic = gan().critic
    assert not any(isinstance(module, nn.BatchNorm2d) for module in critic.modules())
    (gradient,) = torch.autograd.grad(critic(x)[2], x)
    others = [0, 1, 3, 4, 5]
    assert gradient[2].abs().max() > 0 and gradient[others].abs().max() == 0


def test_more_patches_are_altered_where_the_critic_knows_the_real_ones() -> None:
    ours = gan(altered_first=0.3, altered_pace=100, altered_most=0.5)
    fake = torch.zeros(6)
    for _ in range(200):
        ours._follow(torch.ones(6) + 70, fake + 70, ONE_CLASS)  # whatever is added to all scores
    assert ours._known.item() > KNOWS and ours._probability.item() == pytest.approx(0.5)  # and no further
    for _ in range(400):
        ours._follow(torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0]), fake, ONE_CLASS)
    assert ours._known.item() < KNOWS and ours._probability.item() == 0.0


def test_how_well_the_critic_knows_the_real_patches_is_judged_within_each_class() -> None:
    ours = gan(3)
    # Real above generated in every class, though a class may lie above another by far.
    on_fake = torch.tensor([0.0, 50.0, -50.0, -50.0, 50.0, 0.0])
    ours._known.fill_(0.0)
    ours._follow(on_fake + 1, on_fake, THREE_CLASSES)
    assert ours._known.item() == pytest.approx(0.01)  # a hundredth of the way from 0 to 1
    ours._known.fill_(0.0)
    ours._follow(on_fake + torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0, -1.0]), on_fake, THREE_CLASSES)
    assert ours._known.item() == 0.0


def test_the_penalty_grows_fourfold_with_the_side() -> None:
    assert gan_recipe("cellsynth", size=128).gamma() == 4 * gan_recipe("cellsynth", size=64).gamma()  # type: ignore[attr-defined]


def test_a_restored_gan_goes_on_altering_as_before() -> None:
    first = gan()
    rng = torch.Generator().manual_seed(0)
    for number in range(3):
        first.step(batch(number), ONE_CLASS, rng)
    second = gan()
    second.restore(copy.deepcopy(first.state()))
    assert second._probability == first._probability and second._known == first._known
    states = [torch.Generator().manual_seed(5) for _ in range(2)]
    figures = [each.step(batch(3), ONE_CLASS, state) for each, state in zip((first, second), states, strict=True)]
    assert all(torch.equal(figures[0][name], figures[1][name]) for name in figures[0])
