"""Our own recipe, for one class and for several."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.synthesis.recipe_base import GanRecipe

if TYPE_CHECKING:
    import torch

    from napari_cellsynth.synthesis.gan import Gan


class CellsynthRecipe(GanRecipe):
    """A GAN of one class for few crops, on a CPU too."""

    name: Literal["cellsynth"] = "cellsynth"
    source: str = Field(
        "ours: relativistic pairs with R1 + R2 (R3GAN), altered patches (ADA), DCGAN's early strides",
        description="Where the recipe comes from.",
    )
    batch: int = Field(32, ge=2, le=1024, description="Patches a step.")
    z: int = Field(64, ge=1, le=4096, description="Length of the Gaussian noise that a patch is made of.")
    width: int = Field(
        32, ge=2, le=512, description="Channels of the outermost layers; 64 for a GPU, where there is more time."
    )
    lr: float = Field(2e-4, gt=0, le=0.1, description="Learning rate of Adam, for both networks.")
    beta1: float = Field(0.0, ge=0, lt=1, description="First momentum of Adam.")
    beta2: float = Field(0.99, ge=0, lt=1, description="Second momentum of Adam.")
    penalty_weight: float = Field(
        0.2,
        gt=0,
        le=1000,
        description="Weight γ of the critic's squared slope at 64 pixels; four times as much at twice the side.",
    )
    penalty_every: int = Field(4, ge=1, le=64, description="Steps between two penalties, each as many times as heavy.")
    altered_first: float = Field(0.3, ge=0, le=1, description="Share of patches altered at first, a kind of change.")
    altered_most: float = Field(0.8, ge=0, le=1, description="Share that is never exceeded, so that changes are seen.")
    altered_pace: int = Field(
        100_000, ge=100, le=100_000_000, description="Real patches over which the share goes from 0 to 1 at most."
    )

    def gamma(self) -> float:
        """Return the penalty's weight for the recipe's size."""
        return self.penalty_weight * (self.size / 64) ** 2

    def cycle(self) -> int:
        """Return after how many steps the penalty has been paid once."""
        return self.penalty_every

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.cellsynth import Cellsynth

        return Cellsynth(self, channels, device, seed, classes)


class CellsynthConditionalRecipe(CellsynthRecipe):
    """The same GAN over all classes at once: one training and one run for all of them."""

    conditional: ClassVar[bool] = True

    name: Literal["cellsynth-conditional"] = "cellsynth-conditional"  # type: ignore[assignment]
    source: str = Field(
        "ours: cellsynth over several classes, with a projection critic (Miyato & Koyama 2018)",
        description="Where the recipe comes from.",
    )
