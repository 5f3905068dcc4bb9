"""The recipes of Wasserstein GANs of one class: with a gradient penalty, and with a divergence penalty."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.synthesis.recipe_base import GanRecipe

if TYPE_CHECKING:
    import torch

    from napari_cellsynth.synthesis.gan import Gan

SOURCE = "Where the recipe comes from."
STEPS = "Training steps; one step is one batch and one update of the critic."
BATCH = "Patches a step."
CRITIC_STEPS = (
    "Critic updates for each update of the generator: one step updates the critic, every so many steps the generator "
    "too."
)
LR = "Learning rate of Adam, for both networks."
WHERE = "at points between real and generated patches"
BETA1, BETA2 = "First momentum of Adam.", "Second momentum of Adam."


class WganRecipe(GanRecipe):
    """What the recipes of Wasserstein GANs have in common.

    The networks are DCGAN's, the critic's batch norm replaced by layer norm (`napari_cellsynth.synthesis.critic`), the
    generator's ReLU by a leaky one (`napari_cellsynth.synthesis.wgan`).
    """

    steps: int = Field(15_000, ge=1, le=10_000_000, description=STEPS)
    z: int = Field(128, ge=1, le=4096, description="Length of the Gaussian noise that a patch is made of.")
    width: int = Field(
        64,
        ge=2,
        le=512,
        description="Channels of the outermost layers; half of it trains about three times faster.",
    )
    critic_steps: int = Field(5, ge=1, le=100, description=CRITIC_STEPS)
    lr: float = Field(1e-4, gt=0, le=0.1, description=LR)
    beta1: float = Field(0.0, ge=0, lt=1, description=BETA1)
    beta2: float = Field(0.9, ge=0, lt=1, description=BETA2)
    penalty_weight: float = Field(10.0, gt=0, le=1000, description=f"Weight λ of the penalty (|∇D| - 1)² {WHERE}.")

    def cycle(self) -> int:
        """Return after how many steps the generator has learnt once."""
        return self.critic_steps


class GradientPenaltyRecipe(WganRecipe):
    """A Wasserstein GAN whose critic's gradient is pulled to length 1."""

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.penalties import gradient_penalty
        from napari_cellsynth.synthesis.wgan import Wgan

        return Wgan(self, gradient_penalty, channels, device, seed)


class DivergencePenaltyRecipe(WganRecipe):
    """A Wasserstein GAN whose critic pays for every slope, the steep ones above all."""

    penalty_weight: float = Field(2.0, gt=0, le=1000, description=f"Weight k of the penalty |∇D|^p {WHERE}.")
    penalty_power: float = Field(6.0, gt=1, le=12, description="Power p of the critic's slope in the penalty.")

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.penalties import divergence_penalty
        from napari_cellsynth.synthesis.wgan import Wgan

        return Wgan(self, partial(divergence_penalty, power=self.penalty_power), channels, device, seed)


class WganGpRecipe(GradientPenaltyRecipe):
    """WGAN-GP with the published settings: λ 10, five critic steps, Adam 1e-4 (0, 0.9) (algorithm 1), batch 64."""

    name: Literal["wgan-gp"] = "wgan-gp"
    purpose: ClassVar[str] = "where a DCGAN collapses: steadier, and slower"
    parameters: ClassVar[dict[str, int]] = {"generator": 3_806_080, "critic": 2_765_632}
    source: str = Field("WGAN-GP: Gulrajani et al. 2017, algorithm 1", description=SOURCE)


class WganGpCellCycleRecipe(GradientPenaltyRecipe):
    """WGAN-GP as the cell-cycle paper trains it for its rare phases (S3, section 2.4).

    The paper leaves the networks "at their default values" and does not give them. Its 7000 epochs are about 30,000
    steps for a class of some 70 crops in batches of 16.
    """

    name: Literal["wgan-gp-cellcycle"] = "wgan-gp-cellcycle"
    purpose: ClassVar[str] = "very rare classes, as the cell-cycle paper fills them up"
    parameters: ClassVar[dict[str, int]] = {"generator": 3_806_080, "critic": 2_765_632}
    source: str = Field("cell-cycle phases (seed S3): WGAN-GP; Gulrajani et al. 2017", description=SOURCE)
    steps: int = Field(30_000, ge=1, le=10_000_000, description=STEPS)
    batch: int = Field(
        16,
        ge=2,
        le=1024,
        description="Patches a step. The paper's 16 is that of meta- and prophase; for the rarer ana- and telophase 4.",
    )
    lr: float = Field(1e-5, gt=0, le=0.1, description=LR)
    beta1: float = Field(0.01, ge=0, lt=1, description=BETA1)
    beta2: float = Field(0.999, ge=0, lt=1, description=BETA2)


class WganDivRecipe(DivergencePenaltyRecipe):
    """WGAN-div with the published penalty, k 2 and p 6 (Wu et al. 2018, section 4); the rest as WGAN-GP."""

    name: Literal["wgan-div"] = "wgan-div"
    purpose: ClassVar[str] = "as wgan-gp, with a gentler penalty on the critic"
    parameters: ClassVar[dict[str, int]] = {"generator": 3_806_080, "critic": 2_765_632}
    source: str = Field("WGAN-div: Wu et al. 2018; optimiser of Gulrajani et al. 2017", description=SOURCE)


class WganDivCellCycleRecipe(DivergencePenaltyRecipe):
    """WGAN-div as the cell-cycle paper trains it for its rare phases (S3, section 2.4).

    The paper leaves the networks "at their default values" and does not give them, nor the number of epochs.
    """

    name: Literal["wgan-div-cellcycle"] = "wgan-div-cellcycle"
    purpose: ClassVar[str] = "rare classes, by the cell-cycle paper's better GAN"
    parameters: ClassVar[dict[str, int]] = {"generator": 3_806_080, "critic": 2_765_632}
    source: str = Field("cell-cycle phases (seed S3): WGAN-div; Wu et al. 2018", description=SOURCE)
    batch: int = Field(64, ge=2, le=1024, description=BATCH)
    critic_steps: int = Field(
        4,
        ge=1,
        le=100,
        description=f"{CRITIC_STEPS} The paper's 4 is that of meta-, ana- and telophase; for prophase 10.",
    )
    lr: float = Field(1e-4, gt=0, le=0.1, description=f"{LR} For telophase the paper takes 1e-5.")
    beta1: float = Field(0.01, ge=0, lt=1, description=BETA1)
    beta2: float = Field(0.999, ge=0, lt=1, description=BETA2)
