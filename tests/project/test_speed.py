"""What a label costs must not grow with the objects (the times themselves are measured in benchmarks/labels.py)."""

from __future__ import annotations

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


def test_labelling_and_undo_read_no_whole_table(large: Project) -> None:
    ids = list(large.objects().index)
    assert len(ids) == 50_002
    large.label(ids, 1, source="bulk")
    large.label([ids[97]], 2)
    assert large.undo() == [ids[97]]
    for query in (
        "SELECT class_id FROM objects WHERE id IN (SELECT value FROM json_each('[1]'))",
        "SELECT undo_top FROM actions WHERE user = 'a' ORDER BY id DESC LIMIT 1",
        "SELECT target FROM journal WHERE action = 1 ORDER BY id",
    ):
        plan = " ".join(row[3] for row in large._db.read(f"EXPLAIN QUERY PLAN {query}"))
        assert not any(f"SCAN {table}" in plan for table in ("objects", "actions", "journal")), plan
