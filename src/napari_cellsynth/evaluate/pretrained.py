"""Weights of published networks, where they lie on this machine already; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from napari_cellsynth.errors import UserError

INCEPTION = "inception_v3_google-0cc3c7bd.pth"
ALEXNET = "alexnet-owt-7be5be79.pth"


def local_weights(name: str) -> Path | None:
    """Return torchvision's weights out of torch's own cache (``$TORCH_HOME/hub/checkpoints``), or None."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    return path if path.is_file() else None


def absent(name: str) -> str:
    """Return the line that says where weights are looked for."""
    return f"not available: weights absent ({name} is not in {Path(torch.hub.get_dir()) / 'checkpoints'})"


def load_weights(network: torch.nn.Module, path: Path) -> torch.nn.Module:
    """Fill a network from a file of weights and return it, ready to compare patches: frozen, in evaluation mode.

    Raises
    ------
    UserError
        If the file is not there, cannot be read or holds other weights than the network's.
    """
    if not path.is_file():
        raise UserError(f"There is no file of weights {path}.", "Give the path of torchvision's weights.")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except Exception as error:  # a damaged file can raise nearly anything
        raise UserError(
            f"{path} does not hold the weights of {type(network).__name__}.", "Download them again, or remove the file."
        ) from error
    return network.requires_grad_(False).eval()
