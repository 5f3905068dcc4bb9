"""A classifier's held-out figures in words: the figure, and its interval in brackets."""

from __future__ import annotations

from typing import Any

from napari_cellsynth.evaluate.score_words import headline


def score_text(result: dict[str, Any] | None) -> str:
    """Return a run's `headline` figure with its 95 % interval: ".84 (.79–.88)"; empty where it is not known."""
    scores = (result or {}).get("scores") or {}
    name = headline(scores)
    value = scores.get(name)
    if value is None:
        return ""
    interval = (scores.get("intervals") or {}).get(name)
    return two(value) + (f" ({two(interval[0])}–{two(interval[1])})" if interval else "")


def two(value: float) -> str:
    """Return a share in two decimals without its leading zero."""
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text
