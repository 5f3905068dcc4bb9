"""What every classifier recipe says; readable without torch."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_cellsynth.training.fit import FIT, Fit

if TYPE_CHECKING:
    from torch import nn


class ClassifierRecipe(BaseModel):
    """What every classifier recipe states, whatever it learns with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    size: int = Field(64, ge=16, le=512, multiple_of=16, description="side of the network's input, px")
    fit: Fit = Field("auto", description=FIT)
    balance: Literal["none", "weights", "oversample", "undersample", "smote"] = Field(
        description="weights: errors cost inversely to class frequency"
    )


class NetworkRecipe(ClassifierRecipe):
    """What every recipe states that trains a network by gradient steps.

    ``epochs`` are epochs of the *real* crops: the number of optimiser steps is ``epochs * ceil(real crops /
    batch)``, at least ``least_steps``, however many synthetic patches there are. Synthetic patches
    therefore take the place of real ones in the batches and never buy extra updates.
    """

    balance: Literal["none", "weights"] = Field(description="weights: errors cost inversely to class frequency")
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
    shift: int = Field(0, ge=0, le=64, description="greatest random shift, px")
    quarter_turns: bool = Field(False, description="random quarter turns besides the flips")
    augment_synthetic: bool = Field(True, description="augment synthetic patches like real ones")
    windows: int = Field(
        9, ge=1, le=64, description="windows averaged when predicting an object that exceeds the input"
    )
    symmetries: bool = Field(False, description="average predictions over the 8 flips and turns of a lone window")
    pretraining: float = Field(
        0.5, gt=0, lt=1, description="share of the steps on synthetic patches in mode pretrained"
    )

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
