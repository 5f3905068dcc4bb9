"""Features of Inception v3, which published FIDs and KIDs are measured with, from weights on this machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.pretrained import INCEPTION, absent, load_weights, local_weights

_SIDE = 299
_BATCH = 16
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Inception:
    """torchvision's Inception v3 without its last layer: 2048 features a patch.

    Parameters
    ----------
    weights : path, optional
        torchvision's weights; looked for in torch's own cache if not given. Nothing is downloaded.

    Raises
    ------
    UserError
        If there are no weights, or the file holds others.

    Notes
    -----
    Three channels are taken for colours; any other number is looked at channel by channel, and averaged. The patches
    are resized to 299 pixels (bilinear, anti-aliased). The weights are torchvision's, so the figures differ somewhat
    from those of the TensorFlow weights in the literature.
    """

    name = "Inception v3 (ImageNet)"

    def __init__(self, weights: Path | str | None = None) -> None:
        from torchvision.models import inception_v3

        path = local_weights(INCEPTION) if weights is None else Path(weights)
        if path is None:
            raise UserError(f"Inception is {absent(INCEPTION)}.", "Put torchvision's Inception v3 weights there.")
        network = load_weights(inception_v3(init_weights=False, aux_logits=True, transform_input=False), path)
        network.fc = nn.Identity()
        self._network = network
        self._mean, self._spread = (torch.tensor(values)[:, None, None] for values in (_MEAN, _SPREAD))

    def __call__(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return features (N, 2048) of patches (N, C, Y, X) in [-1, 1]."""
        colours = patches.shape[1] == 3
        planes = [patches] if colours else [patches[:, c : c + 1] for c in range(patches.shape[1])]
        return np.asarray(np.mean([self._features(plane) for plane in planes], axis=0), dtype=np.float32)

    @torch.no_grad()
    def _features(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        done = []
        for start in range(0, len(plane), _BATCH):
            x = torch.from_numpy(np.ascontiguousarray(plane[start : start + _BATCH])).expand(-1, 3, -1, -1)
            x = nn.functional.interpolate(x, (_SIDE, _SIDE), mode="bilinear", antialias=True, align_corners=False)
            done.append(self._network(((x + 1) / 2 - self._mean) / self._spread).numpy())
        return np.concatenate(done) if done else np.zeros((0, 2048), np.float32)
