"""The simulated time-lapse under napari's File > Open Sample."""

from __future__ import annotations

from typing import Any

FRAMES, SIZE, COLONIES = 12, 512, 12


def simulated_timelapse() -> list[tuple[Any, dict[str, Any], str]]:
    """Return a phase-contrast-like time-lapse of stem-cell colonies, (12, 512, 512) uint8.

    Returns
    -------
    list of LayerData
        One image layer; `Segment colonies` can add it to a project.
    """
    from napari_cellsynth.imaging.simulate import simulate_timelapse

    video = simulate_timelapse(frames=FRAMES, size=SIZE, colonies=COLONIES, seed=0)
    return [(video.images[:, 0], {"name": "simulated time-lapse"}, "image")]
