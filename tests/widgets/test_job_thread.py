from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.events import Event, Metric, Preview, Progress, Saved
from napari_cellsynth.widgets.job_thread import duration_text, thinned


def test_many_figures_become_one_mean_at_the_newest_step() -> None:
    events: list[Event] = [Metric(step, {"loss": float(step)}) for step in (1, 2, 3)]
    assert thinned(events) == [Metric(3, {"loss": 2.0})]


def test_only_the_newest_progress_and_the_newest_samples_of_each_class_stay() -> None:
    old, new, other = (Preview(name, np.zeros((1, 1, 2, 2), np.float32)) for name in ("A", "A", "B"))
    events: list[Event] = [Progress(1, 9, "steps"), old, Saved("gan-0001", "x"), other, new, Progress(2, 9, "steps")]
    assert [type(event) for event in thinned(events)] == [Saved, Preview, Preview, Progress]
    kept = [event for event in thinned(events) if isinstance(event, Preview)]
    assert kept[0] is other and kept[1] is new
    assert thinned(events)[-1] == Progress(2, 9, "steps")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (42, "42 s"), (60, "1 min"), (3599, "1 h 00 min"), (5400, "1 h 30 min")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
