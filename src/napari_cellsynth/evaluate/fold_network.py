"""A small network trained on the training crops of all classes: it describes patches, and knows their classes.

It is not the classifier that the synthetic patches are to help: another architecture and another seed. It must only
ever be shown crops of the training groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_cellsynth.atomic import replacing
from napari_cellsynth.errors import UserError

Patches = NDArray[np.float32]

FEATURES = 64
_LEAST_STEPS, _MOST_STEPS = 150, 400
_BATCH = 32
_RATE, _DECAY, _SMOOTHING, _DROPOUT = 2e-3, 0.05, 0.1, 0.3
_NOISE = 0.03
_SIDE = 64


def steps(crops: int) -> int:
    """Return how many steps a network is trained on so many patches: a few crops are soon learned."""
    return max(_LEAST_STEPS, min(crops, _MOST_STEPS))


class FoldNetwork:
    """Four convolutions, the first three strided, averaged over the patch to 64 features, and a linear layer.

    Parameters
    ----------
    channels : int
        Channels of the patches.
    classes : sequence of str
        Names of the classes, two at least.
    seed : int
        Fixes weights and batches: the same patches and seed make the same network on one machine.
    low, high : ndarray of float32, shape (C,), optional
        The raw intensities that are -1 and 1 in the patches it learns from. With them, `seen_in` lets it look at
        patches of another intensity range.

    Raises
    ------
    UserError
        If there are fewer than two classes.
    """

    def __init__(
        self,
        channels: int,
        classes: Sequence[str],
        *,
        seed: int = 0,
        low: NDArray[np.float32] | None = None,
        high: NDArray[np.float32] | None = None,
    ) -> None:
        if len(classes) < 2:
            raise UserError("A network needs at least two classes to learn.", "Label crops of a second class.")
        self.channels, self.classes, self.seed = channels, tuple(classes), seed
        self.low = np.zeros(channels, np.float32) if low is None else np.asarray(low, np.float32)
        self.high = np.ones(channels, np.float32) if high is None else np.asarray(high, np.float32)
        self.crops = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 7919)
            self._body = _body(channels)
            self._head = nn.Linear(FEATURES, len(classes))

    @property
    def name(self) -> str:
        """What a table calls it."""
        return f"network trained on {self.crops:,} training crops of {len(self.classes)} classes"

    def learn(self, patches: Patches, labels: NDArray[np.integer]) -> Iterator[int]:
        """Train; yields the number of `steps` done, so that the caller can stop in between.

        Parameters
        ----------
        patches : ndarray of float32, shape (N, C, S, S)
            Square patches of training crops, in [-1, 1].
        labels : ndarray of int, shape (N,)
            Positions in ``classes``. All classes are drawn equally often.
        """
        if not len(patches):
            raise UserError("There are no crops to learn from.", "Label some first.")
        self.crops = len(patches)
        x, y = torch.from_numpy(np.array(patches, np.float32)), torch.from_numpy(np.array(labels, np.int64))
        weights = (1 / torch.bincount(y).clamp(min=1))[y].double()
        generator = torch.Generator().manual_seed(self.seed)
        parameters = [*self._body.parameters(), *self._head.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=_RATE, weight_decay=_DECAY)
        total = steps(len(patches))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=_RATE, total_steps=total)
        loss_of = nn.CrossEntropyLoss(label_smoothing=_SMOOTHING)
        for step in range(total):
            chosen = torch.multinomial(weights, _BATCH, replacement=True, generator=generator)
            features = self._body(_small(_moved(x[chosen], generator)))
            kept = torch.rand(features.shape, generator=generator) >= _DROPOUT
            loss = loss_of(self._head(features * kept / (1 - _DROPOUT)), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            yield step + 1

    def __call__(self, patches: Patches) -> NDArray[np.float32]:
        """Return the features (N, 64) of patches (N, C, S, S) in [-1, 1]."""
        return self._run(patches, self._body, FEATURES)

    def probabilities(self, patches: Patches) -> NDArray[np.float32]:
        """Return the class probabilities (N, K) of patches (N, C, S, S) in [-1, 1]."""
        network = nn.Sequential(self._body, self._head, nn.Softmax(dim=1))
        return self._run(patches, network, len(self.classes))

    def seen_in(self, low: NDArray[np.float32], high: NDArray[np.float32]) -> SeenIn:
        """Return this network for patches whose -1 and 1 are other raw intensities (C,)."""
        return SeenIn(self, low, high)

    def save(self, path: Path) -> None:
        """Write the network as safetensors, beside and then renamed into place."""
        from safetensors.torch import save_file

        facts = {"classes": list(self.classes), "seed": self.seed, "crops": self.crops, "channels": self.channels}
        meta = json.dumps(facts | {"low": self.low.tolist(), "high": self.high.tolist()})
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            save_file(self._state(), beside, metadata={"network": meta})

    @classmethod
    def load(cls, path: Path) -> FoldNetwork:
        """Return the network of a file that `save` wrote.

        Raises
        ------
        UserError
            If it is no such file.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                facts = json.loads(file.metadata()["network"])
                made = cls(
                    facts["channels"],
                    facts["classes"],
                    seed=facts["seed"],
                    low=np.asarray(facts["low"], np.float32),
                    high=np.asarray(facts["high"], np.float32),
                )
                made.crops = facts["crops"]
                with torch.no_grad():
                    for key, value in made._state().items():
                        value.copy_(file.get_tensor(key))
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            raise UserError(f"{path} holds no feature network.", "Remove the file; it is made again.") from error
        return made

    def _state(self) -> dict[str, torch.Tensor]:
        return nn.ModuleDict({"body": self._body, "head": self._head}).state_dict()

    @torch.no_grad()
    def _run(self, patches: Patches, network: nn.Module, width: int) -> NDArray[np.float32]:
        parts = (torch.from_numpy(np.ascontiguousarray(patches[i : i + 64])) for i in range(0, len(patches), 64))
        done = [network(_small(part)).numpy() for part in parts]
        return np.concatenate(done) if done else np.zeros((0, width), np.float32)


class SeenIn:
    """A `FoldNetwork` for patches of another intensity range: GANs of single classes have a range of their own.

    Parameters
    ----------
    network : FoldNetwork
        The network.
    low, high : ndarray of float32, shape (C,)
        The raw intensities that are -1 and 1 in the patches it is to look at.
    """

    def __init__(self, network: FoldNetwork, low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
        self._network = network
        self.name = network.name
        self.classes = network.classes
        span = np.asarray(network.high, np.float64) - network.low
        self._gain = ((np.asarray(high, np.float64) - low) / span)[:, None, None]
        self._offset = ((np.asarray(high, np.float64) + low - network.high - network.low) / span)[:, None, None]

    def __call__(self, patches: Patches) -> NDArray[np.float32]:
        """Return the features (N, 64)."""
        return self._network(self._moved(patches))

    def probabilities(self, patches: Patches) -> NDArray[np.float32]:
        """Return the class probabilities (N, K)."""
        return self._network.probabilities(self._moved(patches))

    def _moved(self, patches: Patches) -> Patches:
        return np.clip(patches * self._gain + self._offset, -1, 1).astype(np.float32)


def _body(channels: int) -> nn.Sequential:
    return nn.Sequential(
        *_layer(channels, 16, 5, 2),
        *_layer(16, 32, 3, 2),
        *_layer(32, FEATURES, 3, 2),
        *_layer(FEATURES, FEATURES, 3, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def _layer(before: int, after: int, side: int, stride: int) -> list[nn.Module]:
    """Return layers that treat every patch on its own: batch norm would let one patch change another's features."""
    return [nn.Conv2d(before, after, side, stride, side // 2), nn.GroupNorm(4, after), nn.SiLU()]


def _small(x: torch.Tensor) -> torch.Tensor:
    """Return patches of 64 pixels a side at most: more would take longer than anyone waits for a table."""
    if max(x.shape[2:]) <= _SIDE:
        return x
    return nn.functional.interpolate(x, (_SIDE, _SIDE), mode="bilinear", antialias=True, align_corners=False)


def _moved(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a batch with a flip and a quarter turn for each half of it, and a little noise."""
    turns, flip = (int(torch.randint(high, (), generator=generator)) for high in (4, 2))
    half = len(x) // 2
    x = torch.cat([torch.rot90(x[:half], turns, (2, 3)), torch.rot90(x[half:], turns + 1, (2, 3))])
    x = x.flip(3) if flip else x
    return x + _NOISE * torch.randn(x.shape, generator=generator)
