"""The conditional recipes on DCGAN's networks, which the bone-marrow paper (S2) compares its own with.

One training learns all classes. None of these papers' networks fit 32 to 512 pixels, so all four share those of
Radford et al. 2016 and differ, as in S2's comparison, in how they learn of classes alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.synthesis.recipe_base import GanRecipe

if TYPE_CHECKING:
    import torch

    from napari_cellsynth.synthesis.gan import Gan


class ConditionalRecipe(GanRecipe):
    """What the conditional recipes share; the defaults are DCGAN's (Radford et al. 2016, section 4)."""

    conditional: ClassVar[bool] = True

    z: int = Field(100, ge=1, le=4096, description="Length of the Gaussian noise; the class is given beside it.")
    width: int = Field(
        64,
        ge=2,
        le=512,
        description="Channels of the outermost layers; half of it trains about three times faster.",
    )
    lr: float = Field(2e-4, gt=0, le=0.1, description="Learning rate of Adam, for every network.")
    beta1: float = Field(0.5, ge=0, lt=1, description="First momentum of Adam.")
    beta2: float = Field(0.999, ge=0, lt=1, description="Second momentum of Adam.")


class CganRecipe(ConditionalRecipe):
    """A GAN whose two networks are both told the class."""

    name: Literal["cgan"] = "cgan"
    purpose: ClassVar[str] = "all classes in one training, told to both networks"
    parameters: ClassVar[dict[str, int]] = {"generator": 3_675_008, "discriminator": 2_777_856}
    source: str = Field(
        "Mirza & Osindero 2014, on DCGAN's networks; compared in S2 (bone-marrow cells)",
        description="Where the recipe comes from.",
    )

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the conditional GAN's networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.cgan import Cgan

        return Cgan(self, channels, device, seed, classes)


class AcganRecipe(ConditionalRecipe):
    """A GAN whose discriminator also tells the class of a patch."""

    name: Literal["acgan"] = "acgan"
    purpose: ClassVar[str] = "all classes at once; the critic names the class as well"
    parameters: ClassVar[dict[str, int]] = {"generator": 3_675_008, "discriminator": 2_863_872}
    source: str = Field(
        "AC-GAN: Odena et al. 2017, on DCGAN's networks; compared in S2 (bone-marrow cells)",
        description="Where the recipe comes from.",
    )
    class_weight: float = Field(
        1.0, ge=0, le=100, description="Weight of the class loss beside the loss of real against generated."
    )

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the AC-GAN's networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.acgan import Acgan

        return Acgan(self, channels, device, seed, classes)


class InfoganRecipe(AcganRecipe):
    """A GAN that also learns two properties of its own, which one number each turns on and off."""

    name: Literal["infogan"] = "infogan"  # type: ignore[assignment]
    purpose: ClassVar[str] = "all classes at once, and two numbers that steer the look"
    parameters: ClassVar[dict[str, int]] = {"generator": 3_380_096, "discriminator": 2_896_640}
    source: str = Field(
        "InfoGAN: Chen et al. 2016, on DCGAN's networks, its categorical code taught the classes; compared in S2",
        description="Where the recipe comes from.",
    )
    z: int = Field(
        64,
        ge=3,
        le=4096,
        description="Length of the Gaussian noise, whose last two numbers are the continuous codes: 62 and 2 in the "
        "paper's first experiment.",
    )
    code_weight: float = Field(
        0.1, ge=0, le=100, description="Weight of reading the two continuous codes back out of a generated patch."
    )

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the InfoGAN's networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.acgan import Infogan

        return Infogan(self, channels, device, seed, classes)
