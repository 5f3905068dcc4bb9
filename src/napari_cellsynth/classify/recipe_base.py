"""What every classifier recipe says; readable without torch."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_cellsynth.classify.balance import BALANCE, Balance
from napari_cellsynth.training.augmentation import FLIPS, PRESETS, Augmentation
from napari_cellsynth.training.fit import FIT, Fit

if TYPE_CHECKING:
    from torch import nn

OLDER_FIELDS = ("shift", "quarter_turns")
"""What older runs say of their augmentation; still understood."""

CUTTING = {"enhance": "none", "surround_px": 0, "masked": False}
"""Fields that say how crops are cut, besides size and fit, and the values with which they are cut as for a GAN."""


class ClassifierRecipe(BaseModel):
    """What every classifier recipe states, whatever it learns with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    size: int = Field(64, ge=16, le=512, multiple_of=16, description="side of the network's input, px")
    fit: Fit = Field("auto", description=FIT)
    enhance: Literal["none", "he", "ahe", "clahe"] = Field(
        "none", description="contrast enhancement of frames before crops are cut out of them (S1)"
    )
    surround_px: int = Field(
        0,
        ge=0,
        le=1000,
        description="surroundings seen on every side of an object's box, px of the image (S4)",
    )
    masked: bool = Field(
        False, description="all pixels but the object's own become background (S4); needs a segmentation's masks"
    )
    balance: str = Field(description=BALANCE)


class NetworkRecipe(ClassifierRecipe):
    """What every recipe states that trains a network by gradient steps.

    ``epochs`` are epochs of the *real* crops: the number of optimiser steps is ``epochs * ceil(real crops /
    batch)``, at least ``least_steps``, however many synthetic patches there are. Synthetic patches
    therefore take the place of real ones in the batches and never buy extra updates.
    """

    balance: Balance = Field(description=BALANCE)
    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every layer")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of features dropped before a linear layer")
    batch: int = Field(ge=2, le=4096, description="patches a step")
    epochs: int = Field(ge=1, le=10_000, description="passes over the real crops")
    least_steps: int = Field(1, ge=1, description="fewest optimiser steps, for very small sets")
    optimiser: Literal["adamw", "adam", "sgd"] = Field("adamw", description="how steps follow from gradients")
    momentum: float = Field(
        0.9, ge=0, lt=1, description="share of the last steps' direction kept in the next (β1 of Adam)"
    )
    lr: float = Field(gt=0, le=1, description="(greatest) learning rate")
    schedule: Literal["constant", "one-cycle", "step"] = Field(
        "one-cycle",
        description="one-cycle: up along a cosine over 30 % of the steps, then down to nothing; "
        "step: a tenth from half of the steps on",
    )
    weight_decay: float = Field(ge=0, le=1, description="how strongly weights are pulled to 0: more for few crops")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target spread over all classes, against overconfidence"
    )
    augmentation: Augmentation = Field(FLIPS, description="random changes of training patches, each by its probability")
    mixup: float = Field(
        0.0, ge=0, le=10, description="α of mixup's Beta distribution: the larger, the more even the mixtures; 0: off"
    )
    mixup_kind: Literal["linear", "nonlinear"] = Field(
        "linear", description="linear: one share for all of a patch; nonlinear: a share that varies over the patch"
    )
    mixup_of: Literal["all", "synthetic"] = Field(
        "all", description="all: every patch of a batch is mixed; synthetic: half of its synthetic ones (S3)"
    )
    augment_synthetic: bool = Field(True, description="augment synthetic patches like real ones")
    windows: int = Field(
        9, ge=1, le=64, description="windows averaged when predicting an object that exceeds the input"
    )
    symmetries: bool = Field(False, description="average predictions over the 8 flips and turns of a lone window")
    pretraining: float = Field(
        0.5, gt=0, lt=1, description="share of the steps on synthetic patches in mode pretrained"
    )

    @model_validator(mode="before")
    @classmethod
    def _whole_augmentation(cls, values: Any) -> Any:
        """Take an augmentation by its preset's name, in parts (the rest as the recipe has it), or from an older run."""
        if not isinstance(values, dict):
            return values
        values = dict(values)
        given = values.get("augmentation", {})
        if isinstance(given, str) and given in PRESETS:
            given = PRESETS[given].model_dump()
        older = {name: values.pop(name) for name in OLDER_FIELDS if name in values}
        if isinstance(given, dict):
            if "shift" in older:
                size = values.get("size", cls.model_fields["size"].default)
                given = {"shift": float(older["shift"] > 0), "shift_share": older["shift"] / size, **given}
            if "quarter_turns" in older:
                given = {"quarter_turn": float(older["quarter_turns"]), **given}
            values["augmentation"] = cls.model_fields["augmentation"].default.model_dump() | given
        return values

    def steps(self, n_real: int) -> int:
        """Return the number of optimiser steps for ``n_real`` real crops."""
        return max(self.least_steps, self.epochs * self.steps_per_epoch(n_real))

    def steps_per_epoch(self, n_real: int) -> int:
        """Return the steps after which as many patches were drawn as there are real crops."""
        return -(-n_real // min(self.batch, n_real))

    @abstractmethod
    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the network with fresh weights from torch's global generator.

        It takes patches (N, C, S, S) float32 in [-1, 1] and returns logits (N, K).
        """
