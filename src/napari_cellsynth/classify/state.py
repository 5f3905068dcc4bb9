"""What changes in a training: weights, optimiser and step, in memory and in a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from napari_cellsynth.classify.batches import Mode, Part, mixed_seed
from napari_cellsynth.classify.model import CHECKPOINT_FILE, MODEL_FILE
from napari_cellsynth.classify.recipe_base import NetworkRecipe
from napari_cellsynth.classify.validation import Judge
from napari_cellsynth.errors import UserError
from napari_cellsynth.training import checkpoint


@dataclass
class State:
    """A training under way; batches and dropout are functions of seed and step, so they need no state."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    judge: Judge = field(default_factory=Judge)
    step: int = 0
    loss_sum: float = 0.0
    loss_steps: int = 0
    seconds: float = 0.0

    def save(self, folder: Path, identity: dict[str, Any]) -> Path:
        """Write the checkpoint, in one atomic step, and return the file."""
        path = folder / CHECKPOINT_FILE
        tensors = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "kept": self.judge.weights,
        }
        progress = {
            "step": self.step,
            "loss_sum": self.loss_sum,
            "loss_steps": self.loss_steps,
            "seconds": self.seconds,
            "judged": self.judge.record(),
        }
        checkpoint.save(path, tensors, {"progress": progress, "identity": identity})
        return path

    def restore(self, folder: Path, identity: dict[str, Any]) -> None:
        """Take up the checkpoint of ``folder``; without one (killed early) the state stays fresh.

        Raises
        ------
        UserError
            If the training is finished, or was started with other data or settings.
        """
        if (folder / MODEL_FILE).exists():
            raise UserError(f"The training in {folder} is finished; there is nothing to resume.", "Start a new one.")
        path = folder / CHECKPOINT_FILE
        if not path.exists():
            return
        tensors, about = checkpoint.load(path)
        changed = [key for key, value in identity.items() if about["identity"].get(key) != value]
        if changed:
            raise UserError(
                f"The training in {folder} was started with other {', '.join(changed)}.",
                "Resume with what it was started with, or start a new one.",
            )
        self.network.load_state_dict(tensors["network"])
        self.optimiser.load_state_dict(tensors["optimiser"])
        progress = about["progress"]
        self.judge.restore(progress.get("judged", {}), tensors.get("kept", {}))
        self.step, self.seconds = progress["step"], progress["seconds"]
        self.loss_sum, self.loss_steps = progress["loss_sum"], progress["loss_steps"]


def fresh(
    recipe: NetworkRecipe, channels: int, classes: int, seed: int, device: torch.device, *, start: bool = True
) -> State:
    """Return a training at its start: the same seed gives the same weights on every device.

    Without ``start`` published weights are left out, where a checkpoint is about to be taken up.
    """
    with seeded(mixed_seed(seed, 0), torch.device("cpu")):
        network = recipe.build(channels, classes)
        if start:
            recipe.start(network, channels)
    network.to(device).to(memory_format=torch.channels_last)
    return State(network, _optimiser(recipe, network), Judge(recipe.keep, recipe.patience))


def _optimiser(recipe: NetworkRecipe, network: nn.Module) -> torch.optim.Optimizer:
    weights, decay = network.parameters(), recipe.weight_decay
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=recipe.lr, momentum=recipe.momentum, weight_decay=decay)
    kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    return kind(weights, lr=recipe.lr, betas=(recipe.momentum, 0.999), weight_decay=decay)


def identity_of(
    recipe: NetworkRecipe, parts: Sequence[Part], mode: Mode, class_names: Sequence[str], seed: int
) -> dict[str, Any]:
    """Return what a training must still be for its checkpoint to fit."""
    return {
        "settings": recipe.model_dump(mode="json"),
        "crops": [[len(part.labels), part.is_synthetic] for part in parts],
        "channels": parts[0].store.channels,
        "classes": list(class_names),
        "mode": mode,
        "seed": seed,
    }


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Run a block under its own seed of torch's global generators, and leave those as they were."""
    gpus = [torch.cuda.current_device() if device.index is None else device.index] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed)
        yield
