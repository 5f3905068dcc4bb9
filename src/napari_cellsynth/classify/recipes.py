"""Named, complete sets of hyperparameters for classifiers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_cellsynth.errors import UserError
from napari_cellsynth.training.fit import FIT, Fit


class ClassifierRecipe(BaseModel):
    """What every classifier recipe states.

    ``epochs`` are epochs of the *real* crops: the number of optimiser steps is ``epochs * ceil(real crops /
    batch)``, at least ``least_steps``, however many synthetic patches there are. Synthetic patches
    therefore take the place of real ones in the batches and never buy extra updates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    source: str
    size: int = Field(64, ge=16, le=512, multiple_of=16, description="side of the network's input, px")
    fit: Fit = Field("auto", description=FIT)
    width: float = Field(1.0, gt=0, le=4, description="factor on the channels of every layer")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of features dropped before a linear layer")
    batch: int = Field(ge=2, le=4096, description="patches a step")
    epochs: int = Field(ge=1, le=10_000, description="passes over the real crops")
    least_steps: int = Field(1, ge=1, description="fewest optimiser steps, for very small sets")
    lr: float = Field(gt=0, le=1, description="(greatest) learning rate")
    weight_decay: float = Field(ge=0, le=1, description="how strongly weights are pulled to 0: more for few crops")
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target spread over all classes, against overconfidence"
    )
    balance: Literal["none", "weights"] = Field(description="weights: errors cost inversely to class frequency")
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


class HescnetRecipe(ClassifierRecipe):
    """The stem-cell paper's network and training (S0, Table 2 and §3.3).

    The paper gives neither momentum nor batch size. Momentum is 0.9, as in the training of VGG, on which
    the paper bases its network; the batch is 64. The learning rate falls to a tenth at half of the steps
    (epoch 100 of 200).
    """

    name: Literal["hescnet"] = "hescnet"
    source: str = "S0: hESCnet, Table 2 and section 3.3; momentum and batch are ours, the paper gives none"
    size: int = Field(64, ge=32, le=512, multiple_of=16, description="side of the network's input, px")
    batch: int = Field(64, ge=2, le=4096, description="patches a step")
    epochs: int = Field(200, ge=1, le=10_000, description="passes over the real crops")
    lr: float = Field(0.005, gt=0, le=1, description="learning rate until half of the steps, then a tenth")
    momentum: float = Field(0.9, ge=0, lt=1, description="share of the last steps' direction kept in the next")
    weight_decay: float = Field(1e-4, ge=0, le=1)
    balance: Literal["none", "weights"] = "none"
    augment_synthetic: bool = False


class FastRecipe(ClassifierRecipe):
    """Four convolution blocks that train in minutes on a laptop's CPU.

    AdamW with one cosine cycle of the learning rate, class weights, flips, quarter turns and shifts;
    predictions are averaged over the 8 flips and turns. Small sets get at least ``least_steps`` steps,
    since a cycle needs some length.
    """

    name: Literal["fast"] = "fast"
    source: str = "ours: four conv blocks 32-64-128-128, after the sequential CNN of S2"
    batch: int = Field(32, ge=2, le=4096, description="patches a step")
    epochs: int = Field(40, ge=1, le=10_000, description="passes over the real crops")
    least_steps: int = Field(300, ge=1, description="fewest optimiser steps, for very small sets")
    lr: float = Field(2e-3, gt=0, le=1, description="greatest learning rate of the cycle")
    weight_decay: float = Field(0.05, ge=0, le=1)
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    balance: Literal["none", "weights"] = "weights"
    shift: int = Field(6, ge=0, le=64, description="greatest random shift, px")
    quarter_turns: bool = True
    symmetries: bool = True


CLASSIFIER_RECIPES: dict[str, type[ClassifierRecipe]] = {"fast": FastRecipe, "hescnet": HescnetRecipe}
"""Every classifier recipe by name."""


def classifier_recipe(name: str, /, **overrides: Any) -> ClassifierRecipe:
    """Return a recipe by name, with some of its values replaced.

    Parameters
    ----------
    name : str
        A key of `CLASSIFIER_RECIPES`.
    **overrides
        Fields to replace. A whole recorded recipe is fine too: its name must be this one, its source is ignored.

    Returns
    -------
    ClassifierRecipe

    Raises
    ------
    UserError
        If there is no such recipe or field, or a value is out of range.
    """
    if name not in CLASSIFIER_RECIPES:
        raise UserError(f"There is no classifier recipe '{name}'.", f"There are: {', '.join(CLASSIFIER_RECIPES)}.")
    kind = CLASSIFIER_RECIPES[name]
    overrides = {key: value for key, value in overrides.items() if key != "source" and (key, value) != ("name", name)}
    unknown = sorted(overrides.keys() - (kind.model_fields.keys() - {"name"}))
    if unknown:
        fields = ", ".join(field for field in kind.model_fields if field not in ("name", "source"))
        raise UserError(f"The recipe '{name}' has no setting '{unknown[0]}'.", f"It has: {fields}.")
    try:
        return kind(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{field} = {first['input']!r} does not suit the recipe '{name}'.", f"{first['msg']}."
        ) from None


def parameter_count(recipe: ClassifierRecipe, channels: int = 3, classes: int = 4) -> int:
    """Return the number of trainable parameters of a recipe's network.

    Parameters
    ----------
    recipe : ClassifierRecipe
        The recipe; its size and width matter.
    channels, classes : int
        Channels of the patches, number of classes.
    """
    from napari_cellsynth.classify.networks import count_parameters

    return count_parameters(recipe, channels, classes)
