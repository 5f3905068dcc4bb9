"""Conditional Wasserstein GANs with gradient penalty: CWGAN-GP, and the bone-marrow paper's three players (S2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from napari_cellsynth.synthesis.accumulate import Figures
from napari_cellsynth.synthesis.conditional import ConditionalGan, Informed
from napari_cellsynth.synthesis.losses import wasserstein_critic, wasserstein_generator
from napari_cellsynth.synthesis.networks import Generator
from napari_cellsynth.synthesis.norm_free import HalvingCritic, ResidualCritic, ResidualGenerator
from napari_cellsynth.synthesis.penalties import gradient_penalty, interpolated, random_shares

if TYPE_CHECKING:
    from napari_cellsynth.synthesis.recipes_cwgan import CwganGpRecipe, ThreePlayerRecipe


class Cwgan(ConditionalGan):
    """CWGAN-GP (Zheng et al. 2020, after Gulrajani et al. 2017, algorithm 1): class to generator and to critic.

    Every step trains the critic on its batch; every `critic_steps`-th trains the generator too, on new noise.

    Parameters
    ----------
    recipe, channels, device, seed, classes
        As for every `ConditionalGan`.
    """

    recipe: CwganGpRecipe

    def __init__(self, recipe: CwganGpRecipe, channels: int, device: torch.device, seed: int, classes: int) -> None:
        self._steps = 0
        super().__init__(recipe, channels, device, seed, classes)

    def _players(self, channels: int) -> dict[str, nn.Module]:
        size, width = self.recipe.size, self.recipe.width
        return {
            "generator": Generator(size, channels, self.latent + self.classes, width),
            "critic": Informed(HalvingCritic(size, channels + self.classes, width), self.classes),
        }

    def step(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train the critic on a real batch and a generated one of the same classes; the generator when it is due."""
        figures = self._train_judges(real, classes, rng)
        self._steps += 1
        if self._steps % self.recipe.critic_steps == 0:
            self._update("generator", self._improve, self._inputs_of(classes, rng), classes)
        return figures

    def state(self) -> dict[str, Any]:
        """Return everything that a resumed training needs: also how far the critic is ahead of the generator."""
        return super().state() | {"steps": self._steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        super().restore(state)
        self._steps = int(state["steps"])

    def _train_judges(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        """Train what the generator learns from, and return the figures."""
        inputs, share = self._inputs_of(classes, rng), random_shares(len(real), rng, real.device)
        return self._update("critic", self._judge, real, inputs, share, classes)

    def _judge(
        self, real: torch.Tensor, inputs: torch.Tensor, share: torch.Tensor, classes: torch.Tensor
    ) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            with torch.no_grad():
                fake = self.generator(inputs)
            on_real, on_fake = self._score(real, classes), self._score(fake, classes)
        loss = wasserstein_critic(on_real, on_fake)
        between = interpolated(real, fake, share).contiguous(memory_format=torch.channels_last)
        penalty = gradient_penalty(lambda patches: self._score(patches, classes), between)
        total = loss + self.recipe.penalty_weight * penalty
        return total, {
            "loss_generator": wasserstein_generator(on_fake),
            "loss_critic": total,
            "wasserstein": -loss,
            "penalty": penalty,
        }

    def _improve(self, inputs: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        with self._precision():
            fake = self.generator(inputs)
        return self._loss_generator(fake, classes), {}

    def _loss_generator(self, fake: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        with self._precision():
            return wasserstein_generator(self._score(fake, classes))

    def _score(self, patches: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self._networks["critic"](patches, classes)
        return scores


class ThreePlayers(Cwgan):
    """C-WGAN-GP (Hazra et al. 2022, S2, section 2.2.2): generator, critic, and a classifier apart from the critic.

    The generator is told the class, the critic is not, and the generator learns from both: its loss is the critic's
    and, weighted, the classifier's. The paper leaves open what the classifier learns from; here from real patches
    alone, because one that also learns from generated patches learns to take them for what they were meant to be.

    Parameters
    ----------
    recipe, channels, device, seed, classes
        As for every `ConditionalGan`.
    """

    recipe: ThreePlayerRecipe

    def _players(self, channels: int) -> dict[str, nn.Module]:
        size, width = self.recipe.size, self.recipe.width
        return {
            "generator": ResidualGenerator(size, channels, self.latent, self.classes, width),
            "critic": ResidualCritic(size, channels, width, 1),
            "classifier": ResidualCritic(size, channels, width, self.classes),
        }

    def _train_judges(self, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator) -> dict[str, torch.Tensor]:
        figures = super()._train_judges(real, classes, rng)
        return figures | self._update("classifier", self._tell_classes, real, classes)

    def _tell_classes(self, real: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, Figures]:
        logits = self._classify(real)
        loss = cross_entropy(logits, classes)
        accuracy = (logits.argmax(dim=1) == classes).float().mean()
        return loss, {"loss_class": loss, "accuracy_class": accuracy}

    def _loss_generator(self, fake: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        of_class = cross_entropy(self._classify(fake), classes)
        return super()._loss_generator(fake, classes) + self.recipe.class_weight * of_class

    def _classify(self, patches: torch.Tensor) -> torch.Tensor:
        with self._precision():
            logits: torch.Tensor = self._networks["classifier"](patches)
        return logits

    def _score(self, patches: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self._networks["critic"](patches)
        return scores[:, 0]
