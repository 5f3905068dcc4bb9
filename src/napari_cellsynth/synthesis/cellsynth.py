"""Our own GAN for few crops: pairs of real and generated patches, a smooth critic that never sees the same patch twice.

What it takes from whom: the relativistic loss and penalties at real and at generated patches (R3GAN, Huang et al.
2024), each only every few steps (StyleGAN2, Karras et al. 2020); altered patches before the critic, with a probability
that follows how well the critic knows the real ones (ADA, Karras et al. 2020); DCGAN's early strides, which a CPU can
train (Radford et al. 2016). With several classes: a critic that projects on the class (Miyato & Koyama 2018), and pairs
of one class each.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import one_hot

from napari_cellsynth.synthesis.accumulate import Figures
from napari_cellsynth.synthesis.conditional import need_several
from napari_cellsynth.synthesis.losses import relativistic
from napari_cellsynth.synthesis.networks import Generator
from napari_cellsynth.synthesis.norm_free import HalvingCritic
from napari_cellsynth.synthesis.penalties import zero_centred_penalty
from napari_cellsynth.synthesis.players import PlayersGan
from napari_cellsynth.synthesis.projection import ModulatedGenerator, ProjectionCritic
from napari_cellsynth.training.differentiable import altered, random_changes

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes_cellsynth import CellsynthRecipe

KNOWS = 0.6
"""Above this share of real patches (in [-1, 1]) scored over the mean generated one the critic knows them too well."""

SOUGHT = 0.01
"""Weight of a new step in the running mean of that share."""


class Cellsynth(PlayersGan):
    """A GAN of one class, or of several that share all layers but what `projection` says.

    Parameters
    ----------
    recipe : CellsynthRecipe
        Its hyperparameters.
    channels : int
        Channels of the patches.
    device : torch.device
        Where it trains; on the meta device the networks have shapes but no weights.
    seed : int
        Seed of the first weights, which are the same on every device.
    classes : int
        How many classes a conditional recipe learns; of no meaning for the others.

    Raises
    ------
    UserError
        If the recipe is conditional and there are fewer than 2 classes.
    """

    def __init__(
        self, recipe: CellsynthRecipe, channels: int, device: torch.device, seed: int, classes: int = 0
    ) -> None:
        self.recipe = recipe
        self._steps = 0
        # On the device, and changed there: reading it back at every step would keep a GPU waiting.
        self._probability = torch.tensor(recipe.altered_first, device=device)
        self._known = torch.tensor(KNOWS, device=device)
        size, z, width = recipe.size, recipe.z, recipe.width
        generator: Generator
        with torch.device("meta"):
            if recipe.conditional:
                need_several(recipe.name, classes)
                self.classes = classes
                generator = ModulatedGenerator(size, channels, z, classes, width)
                self.critic: HalvingCritic = ProjectionCritic(size, channels, width, classes)
            else:
                generator, self.critic = Generator(size, channels, z, width), HalvingCritic(size, channels, width)
        super().__init__(recipe.z, {"generator": generator, "critic": self.critic}, device, seed)
        self._optimisers = self._adam_for_each(recipe.lr, recipe.beta1, recipe.beta2)

    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train the critic on altered real and generated patches in pairs, then the generator on the same pairs."""
        count, device = len(real), real.device
        inputs = self.inputs(self.noise(count, rng, device), classes)
        of_real, of_judged, of_improved = (random_changes(count, rng, device) for _ in range(3))
        seen = altered(real, self._probability, of_real)
        judged = self._update("critic", self._judge, seen, classes, inputs, of_judged)
        self._follow(judged.pop("on_real"), judged.pop("on_fake"), classes)
        improved = self._update("generator", self._improve, seen, classes, inputs, of_improved)
        self._steps += 1
        return judged | improved | {"known": self._known.clone(), "altered": self._probability.clone()}

    def _judge(
        self, real: torch.Tensor, classes: torch.Tensor, inputs: torch.Tensor, changes: torch.Tensor
    ) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            fake = self._to_judge(inputs).float()
        fake = altered(fake, self._probability, changes)
        with self._precision():
            on_real, on_fake = self._score(torch.cat([real, fake]), classes.repeat(2)).chunk(2)
        loss = relativistic(on_real, on_fake)
        figures = {"loss_critic": loss, "on_real": on_real, "on_fake": on_fake}
        if self._steps % self.recipe.penalty_every == 0:
            critic = partial(self._score, classes=classes)
            slope = zero_centred_penalty(critic, real) + zero_centred_penalty(critic, fake)
            loss = loss + self.recipe.gamma() / 2 * self.recipe.penalty_every * slope
        return loss, figures

    def _improve(
        self, real: torch.Tensor, classes: torch.Tensor, inputs: torch.Tensor, changes: torch.Tensor
    ) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            fake = self._to_improve(inputs).float()
        fake = altered(fake, self._probability, changes)
        with self._precision():
            # Apart, since the generator learns nothing from the gradient at the real patches.
            loss = relativistic(self._score(fake, classes), self._score(real, classes))
        return loss, {"loss_generator": loss}

    def _score(self, patches: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.critic(patches, classes) if self.classes else self.critic(patches)
        return scores

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed training needs, the augmentation's probability included."""
        follows = {"steps": self._steps, "probability": self._probability, "known": self._known}
        return super().state() | {"follows": follows}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        super().restore(state)
        self._steps = int(state["follows"]["steps"])
        self._probability.copy_(state["follows"]["probability"])
        self._known.copy_(state["follows"]["known"])

    @torch.no_grad()
    def _follow(self, on_real: torch.Tensor, on_fake: torch.Tensor, classes: torch.Tensor) -> None:
        """Alter more patches where the critic knows the real ones too well, fewer where it does not.

        ADA's rule looks at the sign of D(real). A relativistic critic may add any constant to its scores, another one
        for each class, so the scores of the generated patches of the same class are the zero here.
        """
        zero = on_fake.float().mean()
        if self.classes:
            of_class = one_hot(classes, self.classes).to(torch.float32)
            zero = (on_fake.float() @ of_class / of_class.sum(dim=0))[classes]
        share = (on_real.float() - zero).sign().mean()
        self._known.lerp_(share, SOUGHT)
        pace = len(on_real) / self.recipe.altered_pace
        self._probability.add_((self._known - KNOWS).sign() * pace).clamp_(0.0, self.recipe.altered_most)
