"""Recipes of the LipNets, the liposome paper's networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.classify.balance import Balance
from napari_cellsynth.classify.recipe_base import Optimiser, ScaledRecipe, Schedule
from napari_cellsynth.training.fit import FIT, Fit

if TYPE_CHECKING:
    from torch import nn

_OURS = "dropout 0.25, smoothing 0.1, Adam at 1e-3 and 50 epochs are ours, it gives none"


class LipNetRecipe(ScaledRecipe):
    """What the LipNets share (S4, sections 5, 7 and 8.1): dropout, label smoothing, batches of 32, resized particles.

    Training sets are balanced by oversampling. The paper compares Adam with SGD and finds them alike; it gives no rates
    of dropout, smoothing or learning, and fixes the number of epochs by early stopping without telling it (``patience``
    does that here). "Two fully connected layers" (LipNet-1 and -2) are read as a hidden layer, of 128 neurons of ours,
    and the classes' own; "a fully connected layer" (LipNet-4 and -6) as the classes' own.
    """

    size: int = Field(28, ge=8, le=512, description="side of the network's input, px")
    fit: Fit = Field("whole", description=FIT)
    dropout: float = Field(0.25, ge=0, lt=1, description="share of features dropped after a block in training")
    batch: int = Field(32, ge=2, le=4096, description="patches a step")
    epochs: int = Field(50, ge=1, le=10_000, description="passes over the real crops")
    optimiser: Optimiser = "adam"
    lr: float = Field(1e-3, gt=0, le=1)
    schedule: Schedule = "constant"
    weight_decay: float = Field(0.0, ge=0, le=1)
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    balance: Balance = "oversample"


class PoolingLipNetRecipe(LipNetRecipe):
    """What the LipNets share that pool and end in linear layers."""

    hidden: int = Field(0, ge=0, le=4096, description="neurons of the linear layer before the last; 0: no such layer")
    blocks: ClassVar[tuple[int, ...]]

    def network(self, channels: int, classes: int) -> nn.Module:
        """Return the network with fresh weights."""
        from napari_cellsynth.classify.networks_lipnet import LipNet

        return LipNet(channels, classes, self.size, self.blocks, self.hidden, self.width, self.dropout)


class LipNet1Recipe(PoolingLipNetRecipe):
    """One convolution (S4, section 7)."""

    name: Literal["lipnet-1"] = "lipnet-1"
    purpose: ClassVar[str] = "small particles; the smallest LipNet"
    parameters: ClassVar[int] = 804_356
    source: str = f"S4: LipNet-1, section 7; 128 hidden neurons, {_OURS}"
    hidden: int = Field(128, ge=0, le=4096)
    blocks: ClassVar[tuple[int, ...]] = (1,)


class LipNet2Recipe(PoolingLipNetRecipe):
    """Two blocks of one convolution (S4, section 7)."""

    name: Literal["lipnet-2"] = "lipnet-2"
    purpose: ClassVar[str] = "small particles; two convolutions"
    parameters: ClassVar[int] = 211_492
    source: str = f"S4: LipNet-2, section 7; 128 hidden neurons, {_OURS}"
    hidden: int = Field(128, ge=0, le=4096)
    blocks: ClassVar[tuple[int, ...]] = (1, 1)


class LipNet4Recipe(PoolingLipNetRecipe):
    """Two blocks of two convolutions: the paper's best (S4, section 7)."""

    name: Literal["lipnet-4"] = "lipnet-4"
    purpose: ClassVar[str] = "small particles; the liposome paper's best"
    parameters: ClassVar[int] = 34_916
    source: str = f"S4: LipNet-4, section 7; {_OURS}"
    blocks: ClassVar[tuple[int, ...]] = (2, 2)


class LipNet6Recipe(PoolingLipNetRecipe):
    """Three blocks of two convolutions (S4, section 7)."""

    name: Literal["lipnet-6"] = "lipnet-6"
    purpose: ClassVar[str] = "small particles of 32 px; the deepest LipNet"
    parameters: ClassVar[int] = 49_188
    source: str = f"S4: LipNet-6, section 7; {_OURS}"
    size: int = Field(32, ge=8, le=512, description="side of the network's input, px")
    blocks: ClassVar[tuple[int, ...]] = (2, 2, 2)


class LipNet4cRecipe(LipNetRecipe):
    """LipNet-4 of convolutions alone (S4, section 7)."""

    name: Literal["lipnet-4c"] = "lipnet-4c"
    purpose: ClassVar[str] = "small particles; convolutions alone, no pooling"
    parameters: ClassVar[int] = 47_268
    source: str = f"S4: LipNet-4c, section 7; class maps averaged, {_OURS}"

    def network(self, channels: int, classes: int) -> nn.Module:
        """Return the network with fresh weights."""
        from napari_cellsynth.classify.networks_lipnet import ConvolutionalLipNet

        return ConvolutionalLipNet(channels, classes, self.width, self.dropout)
