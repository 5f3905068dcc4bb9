"""Further ways to find objects: plug points for segmenters of other packages, Cellpose and StarDist among them.

A package offers one through the entry-point group ``napari_cellsynth.segmenters``: a callable that takes one frame, raw
intensities (Y, X), or (Y, X, C) where it has several channels, and its settings by keyword, and returns int labels
(Y, X), 0 for background. Its settings are its keyword parameters with defaults; a pydantic model in its attribute
``parameters`` may describe them instead.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from napari_cellsynth import plugged
from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.segmenters_known import KNOWN

ENTROPY = "entropy"
"""The built-in method, texture and Otsu's threshold; `segment.segment_colonies`."""

_PLAIN = (bool, int, float, str)


@dataclass(frozen=True)
class Segmenter:
    """A segmenter of another package.

    Attributes
    ----------
    name : str
    function : callable
        ``(image, **settings) -> labels``.
    form : type of BaseModel
        Its settings, with their defaults.
    """

    name: str
    function: Callable[..., Any]
    form: type[BaseModel]

    def settings(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return all settings, the ones not given at their defaults.

        Raises
        ------
        UserError
            When one is unknown or out of its range.
        """
        unknown = sorted(set(options) - set(self.form.model_fields))
        if unknown:
            known = ", ".join(self.form.model_fields) or "none"
            raise UserError(f"{self.name} has no setting {unknown[0]}.", f"It has: {known}.")
        try:
            return self.form(**options).model_dump()
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the settings"
            raise UserError(f"{self.name}: {where}: {first['msg']}.", "Give another value.") from error

    def segment(self, frame: NDArray[Any], options: Mapping[str, Any], *, name: str) -> NDArray[np.int32]:
        """Find the objects of one frame.

        Parameters
        ----------
        frame : ndarray, shape (C, Y, X)
            Raw intensities.
        options : mapping
            Settings that differ from their defaults.
        name : str
            How messages call the frame.

        Returns
        -------
        ndarray of int32, shape (Y, X)

        Raises
        ------
        UserError
            When the segmenter fails, or returns anything but a label image of the frame's size.
        """
        image = frame[0] if len(frame) == 1 else np.moveaxis(frame, 0, -1)
        settings = self.settings(options)
        try:
            labels = self.function(np.ascontiguousarray(image), **settings)
        except UserError:
            raise
        except Exception as error:
            words = " ".join(str(error).split()) or "no reason given"
            raise UserError(f"{self.name} failed on {name}: {type(error).__name__}: {words[:200]}") from error
        from napari_cellsynth.imaging.by_hand import as_instances  # SciPy: half a second that no dock waits for

        return as_instances(labels, frame.shape[1:], name=f"What {self.name} returns for {name}")


def segmenter_names() -> list[str]:
    """Return the methods that can be used here, the built-in one first; nothing is imported for it."""
    there = [name for name, known in KNOWN.items() if find_spec(known.package) is not None]
    return list(dict.fromkeys([ENTROPY, *there, *_entry_points()]))


def not_installed() -> list[str]:
    """Return a line for each segmenter that is known but not installed."""
    return [known.missing() for known in KNOWN.values() if find_spec(known.package) is None]


@cache
def segmenter(name: str) -> Segmenter:
    """Return another package's segmenter; its code is loaded now.

    Raises
    ------
    UserError
        When there is none of that name, it is not installed, or it cannot be loaded.
    """
    point = _entry_points().get(name)
    if point is None and name in KNOWN:
        if find_spec(KNOWN[name].package) is None:
            raise UserError(KNOWN[name].missing(), f"There are: {', '.join(segmenter_names())}.")
        return _made(name, KNOWN[name].function)
    if point is None:
        raise UserError(f"There is no segmentation method {name!r}.", f"There are: {', '.join(segmenter_names())}.")
    try:
        function = point.load()
    except Exception as error:
        words = " ".join(str(error).split())
        raise UserError(f"The segmenter {name} cannot be loaded: {type(error).__name__}: {words[:200]}") from error
    return _made(name, function)


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in plugged.named(plugged.SEGMENTERS) if point.name != ENTROPY}


def _made(name: str, function: Any) -> Segmenter:
    if not callable(function):
        raise UserError(f"The segmenter {name} is no function.", "Its package is at fault.")
    form = getattr(function, "parameters", None)
    if not (isinstance(form, type) and issubclass(form, BaseModel)):
        form = _form_of(name, function)
    try:
        form()
    except ValidationError as error:
        raise UserError(f"The segmenter {name} has settings without defaults.", "Its package is at fault.") from error
    return Segmenter(name, function, form)


def _form_of(name: str, function: Callable[..., Any]) -> type[BaseModel]:
    """Return a form of a function's keyword parameters that have plain defaults."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # noqa: BLE001 - a hint that is not there at run time is none
        hints = {}
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        default = parameter.default
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if default is not None and not isinstance(default, _PLAIN):
            continue  # without a default, or with one that no form can show: the function's own holds
        kind = hints.get(parameter.name, Any if default is None else type(default))
        fields[parameter.name] = (kind, default)
    return create_model(
        f"{name}Settings", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields
    )
