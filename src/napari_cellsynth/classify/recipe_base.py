"""What every classifier recipe says; readable without torch."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from napari_cellsynth.classify.balance import BALANCE, Balance
from napari_cellsynth.classify.schedules import epochs_of
from napari_cellsynth.errors import UserError
from napari_cellsynth.training.augmentation import FLIPS, PRESETS, Augmentation
from napari_cellsynth.training.fit import FIT, Fit

if TYPE_CHECKING:
    from torch import nn

Optimiser = Literal["adamw", "adam", "sgd"]
Schedule = Literal["constant", "one-cycle", "step", "exponential"]
Loss = Literal["cross-entropy", "focal"]
Keep = Literal["last", "least-loss", "best-macro-f1", "best-micro-f1"]
OLDER_FIELDS = ("shift", "quarter_turns")
"""What older runs say of their augmentation; still understood."""

CUTTING = {"enhance": "none", "surround_px": 0, "masked": False, "with_size": False}
"""Fields that say how crops are cut, besides size and fit, and the values with which they are cut as for a GAN."""


class ClassifierRecipe(BaseModel):
    """What every classifier recipe states, whatever it learns with."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")
    family: ClassVar[str] = "classifiers: networks for small crops"
    """The recipes that it stands beside in a list."""
    purpose: ClassVar[str]
    """What it is for, in a few words."""
    parameters: ClassVar[int]
    several: ClassVar[bool] = True
    """Whether it can learn crops of several classes each."""
    """Trainable parameters at the recipe's own settings, for 3 channels and 4 classes; or features. To build all
    networks for the sake of a list takes seconds. A test holds each number to its network."""

    name: str
    source: str
    size: int = Field(64, ge=16, le=512, description="side of the network's input, px")
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
    with_size: bool = Field(
        False, description="the object's size as a further input: its box's longer side, px of the image (S4)"
    )
    channels: str = Field(
        "",
        pattern=r"^\s*(\d+\s*(,\s*\d+\s*)*)?$",
        description="channels of the images to look at, counted from 0, such as 0,2; empty: all",
    )
    balance: str = Field(description=BALANCE)

    @field_validator("channels", mode="before")
    @classmethod
    def _channels_as_text(cls, given: Any) -> Any:
        """Take one channel as a number, and several as a list, too."""
        if isinstance(given, int) and not isinstance(given, bool):
            return str(given)
        return ",".join(map(str, given)) if isinstance(given, list | tuple) else given

    def looks_at(self, channels: int) -> list[int]:
        """Return which channels of crops with so many it looks at; the object's size is the last of them, if asked.

        Raises
        ------
        UserError
            If the recipe chooses a channel that is not there.
        """
        of_image = channels - self.with_size
        chosen = [int(number) for number in self.channels.split(",")] if self.channels.strip() else [*range(of_image)]
        if max(chosen, default=0) >= of_image:
            raise UserError(
                f"The recipe looks at channel {max(chosen)}, but the images have channels 0 to {of_image - 1}.",
                "Choose other channels, or leave the field empty to take all.",
            )
        return [*chosen, of_image] if self.with_size else chosen


class NetworkRecipe(ClassifierRecipe):
    """What every recipe states that trains a network by gradient steps.

    ``epochs`` are epochs of the *real* crops: the number of optimiser steps and the batch of each follow from the
    number of real crops alone (see `schedules.epochs_of`), however many synthetic patches there are. Synthetic
    patches therefore take the place of real ones in the batches and never buy extra updates. Early stopping
    (``patience``) ends each training when its own validation says so: leave it at 0 where trainings are compared.
    """

    balance: Balance = Field(description=BALANCE)
    dropout: float = Field(0.5, ge=0, lt=1, description="share of features dropped before a linear layer")
    batch: int = Field(ge=2, le=4096, description="patches a step")
    doubling: int = Field(0, ge=0, description="epochs after which the batch doubles, again and again; 0: never")
    greatest_batch: int = Field(128, ge=2, le=4096, description="where the doubling ends")
    epochs: int = Field(ge=1, le=10_000, description="passes over the real crops")
    epoch_steps: int = Field(0, ge=0, le=10_000, description="optimiser steps an epoch; 0: a pass over the real crops")
    least_steps: int = Field(1, ge=1, description="fewest optimiser steps, for very small sets")
    optimiser: Optimiser = Field("adamw", description="how steps follow from gradients")
    momentum: float = Field(
        0.9, ge=0, lt=1, description="share of the last steps' direction kept in the next (β1 of Adam)"
    )
    lr: float = Field(gt=0, le=1, description="(greatest) learning rate")
    schedule: Schedule = Field(
        "one-cycle",
        description="one-cycle: up along a cosine over 30 % of the steps, then down to nothing; "
        "step: a tenth from half of the steps on; exponential: lr · exp(-0.01 · epoch)",
    )
    weight_decay: float = Field(ge=0, le=1, description="how strongly weights are pulled to 0: more for few crops")
    loss: Loss = Field(
        "cross-entropy", description="focal: patches that are classified well already count for less and less"
    )
    focal_gamma: float = Field(
        2.0, ge=0, le=10, description="how much less they count in the focal loss; 0: cross entropy"
    )
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
    keep: Keep = Field("last", description="the epoch whose weights are kept; all but the last need validation crops")
    patience: int = Field(
        0, ge=0, description="epochs without a better validation after which the training stops early; 0: never"
    )
    validation: float = Field(
        0.15,
        gt=0,
        lt=0.5,
        description="share of the training crops, in whole groups, set aside where keep or patience ask for it",
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

    @property
    def validates(self) -> bool:
        """Whether some training crops are set aside to choose by, and are not learned from."""
        return self.keep != "last" or self.patience > 0

    def steps(self, n_real: int) -> int:
        """Return the number of optimiser steps for ``n_real`` real crops."""
        return epochs_of(self, n_real).steps

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the network with fresh weights from torch's global generator.

        It takes patches (N, C, S, S) float32 in [-1, 1] and returns logits (N, K).

        Raises
        ------
        UserError
            If the recipe chooses a channel that is not there, or no such network can be made.
        """
        chosen = self.looks_at(channels)
        if not self.channels.strip():
            return self.network(channels, classes)
        from napari_cellsynth.classify.networks import of_channels

        return of_channels(chosen, self.network(len(chosen), classes))

    @abstractmethod
    def network(self, channels: int, classes: int) -> nn.Module:
        """Return the network of so many channels and classes, with fresh weights."""

    def start(self, network: nn.Module, channels: int) -> None:
        """Make a fresh network ready for its training, such as by published weights; most need nothing.

        Parameters
        ----------
        network : Module
            What `build` returned, on the CPU; changed in place.
        channels : int
            Channels of the patches.
        """

    def to_training_mode(self, network: nn.Module, epoch: int) -> None:
        """Set a network to training for a step of an epoch, counted from 0; some recipes freeze a part of it."""
        network.train()


class ScaledRecipe(NetworkRecipe):
    """What the recipes of networks state whose layers can be made wider or narrower."""

    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every layer")
