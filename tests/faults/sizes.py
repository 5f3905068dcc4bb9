"""How often a fault is tried: a little always, more with ``make faults``, thousands with ``make faults-long``."""

from __future__ import annotations

import os


def tries(always: int, minutes: int, long: int) -> int:
    """Return the number for the size that ``CELLSYNTH_FAULTS`` names (nothing, ``minutes`` or ``long``)."""
    return {"": always, "minutes": minutes, "long": long}[os.environ.get("CELLSYNTH_FAULTS", "")]
