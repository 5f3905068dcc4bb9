"""What a finished training of any classifier says: its scores, its calibration, what it learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_cellsynth.classify.batches import Part
from napari_cellsynth.classify.targets import crops_of_classes
from napari_cellsynth.events import Finished


def outcome(
    parts: Sequence[Part],
    class_names: Sequence[str],
    found: dict[str, Any],
    *,
    temperature: float,
    thresholds: tuple[float, ...] | None,
    calibration_crops: int,
    notices: Sequence[str],
    **figures: Any,
) -> Finished:
    """Return the last event of a training, with the keys that `train.train` lists.

    Parameters
    ----------
    parts : sequence of Part
        What was learned from.
    class_names : sequence of str, length K
        Names of the classes.
    found : dict
        The held-out crops' scores (`scoring.score`); empty without such crops.
    temperature : float
        Of the calibration; 1 leaves the probabilities as they are.
    thresholds : tuple of float, length K, optional
        From which probability on a class is given, where crops have several.
    calibration_crops : int
        How many crops temperature or thresholds were chosen by.
    notices : sequence of str
        What the user should know.
    **figures
        What is the classifier's own: ``seconds``, ``steps``, ``parameters`` and the like.
    """
    calibration: dict[str, Any] = {"temperature": temperature, "crops": calibration_crops}
    if thresholds is not None:
        calibration["thresholds"] = thresholds
    learned = {
        "synthetic" if part.is_synthetic else "real": crops_of_classes(part.labels, len(class_names)).tolist()
        for part in parts
    }
    return Finished(
        {
            "scores": found,
            "confusion": found.get("confusion", []),
            "classes": list(class_names),
            "calibration": calibration,
            "crops": learned,
            "notices": [*notices, *found.get("notices", [])],
            **figures,
        }
    )
