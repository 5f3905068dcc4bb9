"""Events as bytes: a line of JSON and, behind it, the arrays as they lie in memory. Nothing is unpickled."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import IO, Any, get_args

import numpy as np

from napari_cellsynth.events import Event

_EVENTS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}


def send(event: Event, pipe: IO[bytes]) -> None:
    """Write an event.

    Raises
    ------
    TypeError
        When the event holds something that is neither an array nor plain.
    """
    arrays: list[bytes] = []
    told: dict[str, Any] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, np.ndarray):
            arrays.append(np.ascontiguousarray(value).tobytes())
            value = {"dtype": value.dtype.str, "shape": value.shape}
        told[field.name] = value
    line = json.dumps([type(event).__name__, told, [len(array) for array in arrays]], default=_plain)
    pipe.write(line.encode() + b"\n" + b"".join(arrays))
    pipe.flush()


def receive(pipe: IO[bytes]) -> Event | None:
    """Read the next event; None where the pipe ends, also in the middle of one, or holds something else."""
    try:
        line = pipe.readline()
        name, told, lengths = json.loads(line)
        arrays = [pipe.read(length) for length in lengths]
        made = {key: _array(value, arrays) if _is_array(value) else value for key, value in told.items()}
        event: Event = _EVENTS[name](**made)
    except (OSError, ValueError, TypeError, KeyError, IndexError):
        return None
    return event


def _is_array(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"dtype", "shape"}


def _array(told: dict[str, Any], arrays: list[bytes]) -> np.ndarray[Any, Any]:
    return np.frombuffer(bytearray(arrays.pop(0)), told["dtype"]).reshape(told["shape"])


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not plain")
