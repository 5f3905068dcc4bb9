"""Training states on disk: tensors as safetensors, the rest as JSON, written beside and renamed into place.

Nothing is pickled, so opening somebody else's checkpoint runs none of their code. A state may nest
dictionaries, lists and tuples of tensors, numbers, strings, booleans and None, as the ``state_dict`` of modules
and optimisers do; it comes back with the same types, integer keys included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise

from napari_cellsynth.atomic import replacing
from napari_cellsynth.errors import UserError

FORMAT = "cellsynth-1"
_BROKEN = (
    OSError, SafetensorError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, MemoryError,
    AssertionError,
)  # fmt: skip
"""What safetensors, a damaged description, and networks that are loaded with other weights raise."""


def save(path: Path, tensors: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    """Write a state and its description to one file; a crash leaves the old file or the new one.

    Parameters
    ----------
    path : Path
        The file (``*.safetensors``); its folder must exist.
    tensors : mapping
        Nested dictionaries, lists and tuples of tensors and plain values.
    meta : mapping
        Plain JSON values that describe the state.

    Raises
    ------
    UserError
        If the disk refuses the file.
    """
    flat: dict[str, torch.Tensor] = {}
    tree = _pack(tensors, "", flat)
    header = {"format": FORMAT, "tree": json.dumps(tree), "meta": json.dumps(dict(meta))}
    try:
        # Written here and not by safetensors, whose files nobody but their owner may read, whatever the umask.
        with replacing(path) as beside:
            beside.write_bytes(serialise(flat, metadata=header))
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"The checkpoint {path} could not be written: {error}.", "Free some disk space, then resume."
        ) from error


def load(path: Path, device: torch.device | str = "cpu") -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a file that `save` wrote.

    Parameters
    ----------
    path : Path
        The file.
    device : torch.device or str
        Where the tensors go.

    Returns
    -------
    tensors : dict
        The nested state.
    meta : dict
        Its description.

    Raises
    ------
    UserError
        If the file is missing, damaged or of another program.
    """
    with readable(path):
        return _read(path, device)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what damaged or foreign weights and descriptions lead to into a `UserError` that names the file."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"There is no checkpoint {path}.", "Train first, or choose another run.") from error
    except torch.OutOfMemoryError:
        raise  # the device's, not the file's fault
    except _BROKEN as error:
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"The checkpoint {path} cannot be read: {words}.", "Bring it back from a backup, or train again."
        ) from error


def _read(path: Path, device: torch.device | str) -> tuple[dict[str, Any], dict[str, Any]]:
    with safe_open(path, framework="pt", device=str(device)) as stored:
        header = stored.metadata() or {}
        if header.get("format") != FORMAT:
            raise UserError(f"{path} is not a checkpoint of this plugin.", "Choose a file out of a run's folder.")
        flat = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
    tensors, meta = _unpack(json.loads(header["tree"]), flat), json.loads(header["meta"])
    if not isinstance(tensors, dict) or not isinstance(meta, dict):
        raise ValueError("it describes no state")
    return tensors, meta


def _pack(value: Any, name: str, flat: dict[str, torch.Tensor]) -> Any:
    """Return the JSON tree of a state and collect its tensors by name."""
    if isinstance(value, torch.Tensor):
        flat[name] = value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"dict": [[key, _pack(item, f"{name}/{key}".lstrip("/"), flat)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        items = [_pack(item, f"{name}/{number}".lstrip("/"), flat) for number, item in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}, which a checkpoint cannot hold")


def _unpack(tree: Any, flat: Mapping[str, torch.Tensor]) -> Any:
    """Return the state that `_pack` described."""
    if not isinstance(tree, dict):
        return tree
    if "tensor" in tree:
        return flat[tree["tensor"]]
    if "dict" in tree:
        return {key: _unpack(item, flat) for key, item in tree["dict"]}
    if "tuple" in tree:
        return tuple(_unpack(item, flat) for item in tree["tuple"])
    return [_unpack(item, flat) for item in tree["list"]]
