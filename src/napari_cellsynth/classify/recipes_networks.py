"""Recipes of networks made for small crops: the stem-cell, bone-marrow and cell-cycle papers' and our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.classify.balance import Balance
from napari_cellsynth.classify.recipe_base import Optimiser, ScaledRecipe, Schedule
from napari_cellsynth.training.augmentation import Augmentation

if TYPE_CHECKING:
    from torch import nn


class HescnetRecipe(ScaledRecipe):
    """The stem-cell paper's network and training (S0, Table 2 and §3.3).

    The paper gives neither momentum nor batch size. Momentum is 0.9, as in the training of VGG, on which
    the paper bases its network; the batch is 64. The learning rate falls to a tenth at half of the steps
    (epoch 100 of 200).
    """

    name: Literal["hescnet"] = "hescnet"
    purpose: ClassVar[str] = "stem-cell colonies as in the paper; for a GPU"
    parameters: ClassVar[int] = 60_948_292
    source: str = "S0: hESCnet, Table 2 and section 3.3; momentum and batch are ours, the paper gives none"
    size: int = Field(64, ge=32, le=512, description="side of the network's input, px")
    batch: int = Field(64, ge=2, le=4096, description="patches a step")
    epochs: int = Field(200, ge=1, le=10_000, description="passes over the real crops")
    lr: float = Field(0.005, gt=0, le=1, description="learning rate until half of the steps, then a tenth")
    optimiser: Optimiser = "sgd"
    schedule: Schedule = "step"
    weight_decay: float = Field(1e-4, ge=0, le=1)
    balance: Balance = "none"
    augment_synthetic: bool = False

    def network(self, channels: int, classes: int) -> nn.Module:
        """Return hESCnet with fresh weights."""
        from napari_cellsynth.classify.networks import Hescnet

        return Hescnet(channels, classes, self.size, self.width, self.dropout)


class FastRecipe(ScaledRecipe):
    """Four convolution blocks that train in minutes on a laptop's CPU.

    AdamW with one cosine cycle of the learning rate, class weights, flips, quarter turns and shifts;
    predictions are averaged over the 8 flips and turns. Small sets get at least ``least_steps`` steps,
    since a cycle needs some length.
    """

    name: Literal["fast"] = "fast"
    purpose: ClassVar[str] = "a good classifier in minutes on a CPU: the default"
    parameters: ClassVar[int] = 249_380
    source: str = "ours: four conv blocks 32-64-128-128, after the sequential CNN of S2"
    batch: int = Field(32, ge=2, le=4096, description="patches a step")
    epochs: int = Field(40, ge=1, le=10_000, description="passes over the real crops")
    least_steps: int = Field(300, ge=1, description="fewest optimiser steps, for very small sets")
    lr: float = Field(2e-3, gt=0, le=1, description="greatest learning rate of the cycle")
    weight_decay: float = Field(0.05, ge=0, le=1)
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    balance: Balance = "weights"
    augmentation: Augmentation = Augmentation(quarter_turn=1, shift=1)
    symmetries: bool = True

    def network(self, channels: int, classes: int) -> nn.Module:
        """Return the four blocks with fresh weights."""
        from napari_cellsynth.classify.networks import BlockNet

        return BlockNet(channels, classes, self.size, width=self.width, dropout=self.dropout)


class SequentialRecipe(ScaledRecipe):
    """The sequential CNN of the bone-marrow paper (S2, section 2.2.3 and Fig. 3).

    Four blocks of convolution, batch norm, LeakyReLU and max pool, then dropout and a linear layer; 50 epochs of 256
    iterations. The size is that of the paper's generated images. The paper gives no channels, kernel, batch, optimiser
    or learning rate: those are ours.
    """

    name: Literal["sequential"] = "sequential"
    purpose: ClassVar[str] = "bone-marrow cells as in the paper; hours on a CPU"
    parameters: ClassVar[int] = 454_436
    source: str = "S2: sequential CNN, section 2.2.3; channels 32-64-128-256, batch and Adam are ours, it gives none"
    size: int = Field(128, ge=16, le=512, description="side of the network's input, px")
    batch: int = Field(32, ge=2, le=4096, description="patches a step")
    epochs: int = Field(50, ge=1, le=10_000, description="stretches of the training")
    epoch_steps: int = Field(256, ge=0, le=10_000)
    optimiser: Optimiser = "adam"
    lr: float = Field(1e-3, gt=0, le=1)
    schedule: Schedule = "constant"
    weight_decay: float = Field(0.0, ge=0, le=1)
    balance: Balance = "none"

    def network(self, channels: int, classes: int) -> nn.Module:
        """Return the four blocks with fresh weights."""
        from napari_cellsynth.classify.networks import SEQUENTIAL, BlockNet

        return BlockNet(channels, classes, self.size, SEQUENTIAL, self.width, self.dropout, slope=0.01)


class CellCycleRecipe(ScaledRecipe):
    """The cell-cycle paper's network and training (S3, sections 2.2 and 2.3).

    Adam at 1e-4 (β 0.9, 0.999), batches of 32, cross entropy. The paper gives neither padding, nor dropout, nor the
    number of epochs. ``channels`` chooses what it looks at, such as brightfield and darkfield alone.
    """

    name: Literal["cellcycle"] = "cellcycle"
    purpose: ClassVar[str] = "phases of the cell cycle, channels of your choice"
    parameters: ClassVar[int] = 218_580
    source: str = "S3: CNN of sections 2.2 and 2.3; no padding, dropout 0.5 and 50 epochs are ours, it gives none"
    size: int = Field(66, ge=24, le=512, description="side of the network's input, px")
    batch: int = Field(32, ge=2, le=4096, description="patches a step")
    epochs: int = Field(50, ge=1, le=10_000, description="passes over the real crops")
    optimiser: Optimiser = "adam"
    lr: float = Field(1e-4, gt=0, le=1)
    schedule: Schedule = "constant"
    weight_decay: float = Field(0.0, ge=0, le=1)
    balance: Balance = "none"

    def network(self, channels: int, classes: int) -> nn.Module:
        """Return the network with fresh weights."""
        from napari_cellsynth.classify.networks import CellCycleNet

        return CellCycleNet(channels, classes, self.size, self.width, self.dropout)
