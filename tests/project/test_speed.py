"""Figures that the window depends on, with a wide margin for a busy machine."""

from __future__ import annotations

import time
from statistics import quantiles

import numpy as np
import pandas as pd
import pytest

from napari_cellsynth.project import Project


@pytest.fixture
def large(project: Project) -> Project:
    y0 = np.arange(16_666) % 90
    boxes = pd.DataFrame({"y0": y0, "x0": 0, "y1": y0 + 5, "x1": 9})
    for frame in range(3):
        project.add_boxes(1, frame, boxes)
    return project


def test_labelling_stays_quick_among_fifty_thousand_objects(large: Project) -> None:
    ids = list(large.objects().index)
    large.label(ids, 1, source="bulk")
    times = []
    for number in range(200):
        start = time.perf_counter()
        large.label([ids[number * 97]], 2)
        times.append(time.perf_counter() - start)
    assert quantiles(times, n=20)[-1] < 0.05
    start = time.perf_counter()
    assert large.undo() == [ids[199 * 97]]
    assert time.perf_counter() - start < 0.1
    # What one label costs must not grow with the objects: no step of it reads a whole table.
    for query in (
        "SELECT class_id FROM objects WHERE id IN (SELECT value FROM json_each('[1]'))",
        "SELECT undo_top FROM actions WHERE user = 'a' ORDER BY id DESC LIMIT 1",
        "SELECT target FROM journal WHERE action = 1 ORDER BY id",
    ):
        plan = " ".join(row[3] for row in large._db.read(f"EXPLAIN QUERY PLAN {query}"))
        assert not any(f"SCAN {table}" in plan for table in ("objects", "actions", "journal")), plan


def test_fifty_thousand_objects_are_listed_within_half_a_second(large: Project) -> None:
    large.objects()
    # The processor's time, which other programs on a busy machine do not lengthen.
    start = time.process_time()
    assert len(large.objects()) == 50_002
    assert time.process_time() - start < 0.5
