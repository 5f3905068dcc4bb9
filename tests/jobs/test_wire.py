"""Events on their way through a pipe."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest

from napari_cellsynth.events import Event, Failed, Finished, Metric, Preview, Progress, Saved, Stopped, Suggestions
from napari_cellsynth.jobs.wire import receive, send

SUGGESTED = Suggestions(np.arange(3), np.array([1, 2, 1]), np.array([0.5, 0.25, 1], np.float32), 7, None, 0.5)
EVENTS: list[Event] = [
    Progress(1, 2, "frames", "ä\nb"),
    Metric(3, {"loss": 0.1, "kid": math.inf}),
    Preview("α|β", np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)),
    Preview("none", np.zeros((0, 1, 4, 4), np.float32)),
    Preview("turned", np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4).transpose(0, 1, 3, 2)),
    SUGGESTED,
    Saved("run", "/a/b"),
    Finished({"deep": [{"a": None}], "ok": True}),
    Stopped("run"),
    Failed("m", "h", "t"),
]


def sent(events: list[Event]) -> bytes:
    pipe = io.BytesIO()
    for event in events:
        send(event, pipe)
    return pipe.getvalue()


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    return bool(a == b)


def test_every_kind_of_event_arrives_as_it_was_sent() -> None:
    pipe = io.BytesIO(sent(EVENTS))
    for event in EVENTS:
        got = receive(pipe)
        assert type(got) is type(event)
        assert all(same(value, getattr(got, name)) for name, value in vars(event).items()), event
    assert receive(pipe) is None


def test_numbers_of_numpy_arrive_as_plain_ones() -> None:
    got = receive(io.BytesIO(sent([Metric(1, {"loss": np.float32(0.5)}), Finished({"n": np.int64(3)})])))
    assert isinstance(got, Metric) and type(got.values["loss"]) is float


@pytest.mark.parametrize("event", [SUGGESTED, Preview("a", np.ones((1, 1, 2, 2), np.float32)), Progress(1, 2, "steps")])
def test_an_event_that_breaks_off_anywhere_is_the_end(event: Event) -> None:
    whole = sent([event])
    assert [cut for cut in range(len(whole)) if receive(io.BytesIO(whole[:cut])) is not None] in ([], [len(whole) - 1])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]\n",
        b"null\n",
        b"\xff\n",
        b'["Popen", {}, []]\n',
        b'["Progress", {"done": 1}, []]\n',
        b'["Preview", {"class_name": "a", "images": {"dtype": "|O", "shape": [1]}}, [8]]\n12345678',
    ],
)
def test_other_bytes_are_the_end_and_make_nothing(line: bytes) -> None:
    assert receive(io.BytesIO(line)) is None


def test_what_is_neither_an_array_nor_plain_is_not_sent() -> None:
    with pytest.raises(TypeError, match="not plain"):
        sent([Finished({"a": object()})])
