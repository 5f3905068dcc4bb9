"""What every GAN recipe says; readable without torch."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_cellsynth.training.fit import FIT, Fit

if TYPE_CHECKING:
    import torch

    from napari_cellsynth.synthesis.gan import Gan


class GanRecipe(BaseModel):
    """What every GAN recipe says; a recipe adds the fields that its networks and losses need."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")
    conditional: ClassVar[bool] = False
    """Whether one training learns all classes, each patch being made for a class."""
    purpose: ClassVar[str]
    """What it is for, in a few words."""
    parameters: ClassVar[dict[str, int]]
    """Trainable numbers of each network at the recipe's own settings, for 3 channels and, where it learns several
    classes, 12. A test holds them to the networks."""

    name: str
    source: str = Field(description="Where the recipe comes from.")
    size: Literal[32, 64, 128, 256, 512] = Field(64, description="Side of the patches in pixels.")
    fit: Fit = Field("auto", description=FIT)
    steps: int = Field(3000, ge=1, le=10_000_000, description="Training steps; one step is one batch.")
    batch: int = Field(64, ge=2, le=1024, description="Patches a step.")
    symmetries: bool = Field(
        True,
        description="Flip and quarter-turn the real patches at random. Turn it off where up and down differ "
        "or where left and right do.",
    )
    ema_half_life: int = Field(
        20_000,
        ge=0,
        le=10_000_000,
        description="Patches are drawn from a running average of the generator; this many training images "
        "halve the weight of an older state (less at the start of a run). 0 turns the average off.",
    )

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        """Read the records of older runs, where some recipes called the penalty's weight ``penalty``."""
        if isinstance(values, dict) and "penalty" in values and "penalty_weight" in cls.model_fields:
            return {"penalty_weight" if name == "penalty" else name: value for name, value in values.items()}
        return values

    def cycle(self) -> int:
        """Return after how many steps their work repeats, where not every step trains every network alike."""
        return 1

    @abstractmethod
    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the networks of this recipe with their optimisers and their training step.

        Parameters
        ----------
        channels : int
            Channels of the patches.
        device : torch.device
            Where it trains; on the meta device the networks have shapes but no weights.
        seed : int
            Seed of the first weights.
        classes : int
            Number of classes of a conditional recipe; the others take no notice of it.
        """
