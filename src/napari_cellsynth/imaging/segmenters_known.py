"""Cellpose and StarDist as segmenters, where they are installed; nothing of them is imported before it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Known:
    """A package whose segmenter is known here.

    Attributes
    ----------
    title : str
    package : str
        What is imported.
    function : callable
        ``(image, **settings) -> labels``.
    """

    title: str
    package: str
    function: Callable[..., Any]

    def missing(self) -> str:
        """Say that it is not installed, and how it would be."""
        return f"{self.title} is not installed (pip install {self.package})."


def cellpose(
    image: NDArray[Any],
    model: str = "",
    diameter: float = 0.0,
    flow_threshold: float = 0.4,
    cell_threshold: float = 0.0,
) -> NDArray[Any]:
    """Segment by Cellpose's network; ``model`` empty: the one it takes by default, ``diameter`` 0: its own guess."""
    network = _cellpose(model)
    found = network.eval(
        image,
        diameter=diameter or None,
        flow_threshold=flow_threshold,
        cellprob_threshold=cell_threshold,
    )
    return np.asarray(found[0])


def stardist(
    image: NDArray[Any], model: str = "2D_versatile_fluo", probability: float = 0.0, overlap: float = 0.0
) -> NDArray[Any]:
    """Segment by StarDist's network; ``probability`` and ``overlap`` 0: the thresholds that came with it."""
    low, high = np.percentile(image, (1.0, 99.8))
    scaled = (image.astype(np.float32) - np.float32(low)) / np.float32(max(float(high - low), 1e-6))
    labels, _ = _stardist(model).predict_instances(scaled, prob_thresh=probability or None, nms_thresh=overlap or None)
    return np.asarray(labels)


@cache
def _cellpose(model: str) -> Any:
    models = import_module("cellpose.models")
    # Cellpose takes the CPU where there is no GPU. Version 4 has one class for all and one network by default;
    # earlier ones take a built-in's name.
    if hasattr(models, "Cellpose") and model in ("", "cyto", "cyto2", "cyto3", "nuclei"):
        return models.Cellpose(gpu=True, model_type=model or "cyto3")
    return models.CellposeModel(gpu=True, **({"pretrained_model": model} if model else {}))


@cache
def _stardist(model: str) -> Any:
    return import_module("stardist.models").StarDist2D.from_pretrained(model)


KNOWN = {"cellpose": Known("Cellpose", "cellpose", cellpose), "stardist": Known("StarDist", "stardist", stardist)}
