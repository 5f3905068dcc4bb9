"""The protein paper's GAN recipe (S1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.synthesis.recipe_base import GanRecipe

if TYPE_CHECKING:
    import torch

    from napari_cellsynth.synthesis.gan import Gan


class DcganProteinRecipe(GanRecipe):
    """One DCGAN for each class at 512×512 pixels, as the protein paper trains it (S1, sections 3.1.2 and 3.1.3).

    The paper gives neither learning rates nor the batch of its GAN. Adam's values are DCGAN's, the rate of SGD is the
    default of Keras, the batch that of the paper's classifiers (section 3.2), the smoothing that of Salimans et al.
    2016 (section 3.4). Its images "after 10,000 epochs" (Fig. 5) are taken as 10,000 batches.
    """

    name: Literal["dcgan-protein"] = "dcgan-protein"
    purpose: ClassVar[str] = "large patches (512 px), as the protein paper makes them; for a GPU"
    parameters: ClassVar[dict[str, int]] = {"generator": 12_907_299, "discriminator": 6_354_689}
    source: str = Field(
        "protein images (seed S1): one DCGAN per class at 512×512; Radford et al. 2016",
        description="Where the recipe comes from.",
    )
    size: Literal[32, 64, 128, 256, 512] = Field(512, description="Side of the patches in pixels.")
    steps: int = Field(10_000, ge=1, le=10_000_000, description="Training steps; one step is one batch.")
    batch: int = Field(32, ge=2, le=1024, description="Patches a step.")
    z: int = Field(100, ge=1, le=4096, description="Length of the Gaussian noise that a patch is made of.")
    width: int = Field(
        32,
        ge=2,
        le=256,
        description="Channels of the outermost layers; they double inwards, from 32 to the paper's 1024 at 512 pixels.",
    )
    lr: float = Field(2e-4, gt=0, le=0.1, description="Learning rate of Adam, for the generator.")
    beta1: float = Field(0.5, ge=0, lt=1, description="First momentum of Adam.")
    lr_discriminator: float = Field(0.01, gt=0, le=1, description="Learning rate of SGD, for the discriminator.")
    label_smoothing: float = Field(
        0.1, ge=0, le=0.5, description="Real patches aim at 1 minus this when the discriminator is trained."
    )
    label_flips: float = Field(
        0.05,
        ge=0,
        lt=0.5,
        description="Share of patches, real and generated, that the discriminator is told the opposite of.",
    )

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.protein import ProteinDcgan

        return ProteinDcgan(self, channels, device, seed)
