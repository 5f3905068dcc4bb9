"""How an object becomes a patch: the one choice that a generator and the classifier it helps must share."""

from __future__ import annotations

from typing import Literal

Fit = Literal["auto", "window", "whole"]

FIT = (
    "window: windows of the object at full resolution, where texture tells the class; "
    "whole: all of the object, resized, where shape does; auto: windows of segmented objects, whole ones where boxes "
    "were given."
)
