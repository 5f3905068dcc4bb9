"""The conditional recipes with a Wasserstein critic: the compared CWGAN-GP, and the bone-marrow paper's own (S2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from napari_cellsynth.synthesis.recipes_conditional import ConditionalRecipe

if TYPE_CHECKING:
    import torch

    from napari_cellsynth.synthesis.gan import Gan


class CwganGpRecipe(ConditionalRecipe):
    """A Wasserstein GAN with gradient penalty whose two networks are both told the class.

    The settings are those of Gulrajani et al. 2017, algorithm 1; S2 gives none of its own.
    """

    name: Literal["cwgan-gp"] = "cwgan-gp"
    source: str = Field(
        "CWGAN-GP: Zheng et al. 2020 after Gulrajani et al. 2017, on DCGAN's layout; compared in S2",
        description="Where the recipe comes from.",
    )
    steps: int = Field(
        15_000,
        ge=1,
        le=10_000_000,
        description="Training steps; one step is one batch for the critic, and the generator learns on some of them.",
    )
    lr: float = Field(1e-4, gt=0, le=0.1, description="Learning rate of Adam, for every network.")
    beta1: float = Field(0.0, ge=0, lt=1, description="First momentum of Adam.")
    beta2: float = Field(0.9, ge=0, lt=1, description="Second momentum of Adam.")
    critic_steps: int = Field(5, ge=1, le=100, description="The generator learns once in so many steps of the critic.")
    penalty_weight: float = Field(10.0, ge=0, le=1000, description="Weight of the gradient penalty.")

    def cycle(self) -> int:
        """Return after how many steps the generator has learnt once."""
        return self.critic_steps

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the GAN's networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.cwgan import Cwgan

        return Cwgan(self, channels, device, seed, classes)


class ThreePlayerRecipe(CwganGpRecipe):
    """The bone-marrow paper's GAN: a generator that learns from a critic and from a separate classifier."""

    name: Literal["c-wgan-gp"] = "c-wgan-gp"  # type: ignore[assignment]
    source: str = Field(
        "C-WGAN-GP: Hazra et al. 2022 (seed S2, bone-marrow cells), tables 3 to 5",
        description="Where the recipe comes from.",
    )
    size: Literal[32, 64, 128, 256, 512] = Field(128, description="Side of the patches in pixels.")
    z: int = Field(500, ge=1, le=4096, description="Length of the Gaussian noise; the class is given beside it.")
    width: int = Field(
        64,
        ge=2,
        le=512,
        description="Channels of every layer: 64 in the paper, which wants a GPU; 16 is for a CPU.",
    )
    class_weight: float = Field(
        1.0, ge=0, le=100, description="Weight of the classifier's loss in what the generator learns from."
    )

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the three networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.cwgan import ThreePlayers

        return ThreePlayers(self, channels, device, seed, classes)
