"""Recipes of networks made for small crops: the stem-cell paper's and our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from napari_cellsynth.classify.balance import Balance
from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.training.augmentation import Augmentation

if TYPE_CHECKING:
    from torch import nn


class HescnetRecipe(NetworkRecipe):
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
    optimiser: Literal["adamw", "adam", "sgd"] = "sgd"
    schedule: Literal["constant", "one-cycle", "step"] = "step"
    weight_decay: float = Field(1e-4, ge=0, le=1)
    balance: Balance = "none"
    augment_synthetic: bool = False

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return hESCnet with fresh weights."""
        from napari_cellsynth.classify.networks import Hescnet

        return Hescnet(channels, classes, self.size, self.width, self.dropout)


class FastRecipe(NetworkRecipe):
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
    balance: Balance = "weights"
    augmentation: Augmentation = Augmentation(quarter_turn=1, shift=1)
    symmetries: bool = True

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the four blocks with fresh weights."""
        from napari_cellsynth.classify.networks import FastNet

        return FastNet(channels, classes, self.size, self.width, self.dropout)
