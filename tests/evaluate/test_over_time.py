from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_cellsynth.evaluate.class_shares import Confusion
from napari_cellsynth.evaluate.over_time import FRAMES, GROUP_FRAMES, GROUPS, VIDEOS, class_table

NAMES = ("Dense", "Spread")
PERFECT = Confusion.of([0, 1] * 500, [0, 1] * 500, 2)


def objects(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["group", "video", "frame", "label", "predicted"])


SEEN = objects(
    ("well 1", "a", 0, 0, 1),
    ("well 1", "a", 0, -1, 1),
    ("well 1", "a", 1, -1, 1),
    ("well 1", "a", 1, -1, -1),
    ("well 1", "b", 0, -1, 0),
    ("well 2", "c", 0, -1, 0),
)


def counts(table: pd.DataFrame) -> dict:
    keys = [name for name in ("group", "video", "frame") if name in table]
    return {(*row[: len(keys)], row[-2]): row[-1] for row in table[[*keys, "class", "count"]].itertuples(index=False)}


def test_labels_are_believed_and_predictions_count_where_there_are_none():
    table = class_table(SEEN, NAMES, PERFECT, FRAMES)
    assert counts(table) == {
        ("well 1", "a", 0, "Dense"): 1,
        ("well 1", "a", 0, "Spread"): 1,
        ("well 1", "a", 1, "Dense"): 0,
        ("well 1", "a", 1, "Spread"): 1,
        ("well 1", "b", 0, "Dense"): 1,
        ("well 1", "b", 0, "Spread"): 0,
        ("well 2", "c", 0, "Dense"): 1,
        ("well 2", "c", 0, "Spread"): 0,
    }
    first = table.iloc[0]
    assert (first["labelled"], first["predicted"], first["objects"]) == (1, 0, 2)
    assert table["corrected_count"].to_numpy() == pytest.approx(table["count"].to_numpy())


def test_videos_and_groups_add_up_their_frames():
    assert counts(class_table(SEEN, NAMES, PERFECT, VIDEOS))["well 1", "a", "Spread"] == 2
    of_groups = counts(class_table(SEEN, NAMES, PERFECT, GROUPS))
    assert (of_groups["well 1", "Dense"], of_groups["well 1", "Spread"]) == (2, 2)
    assert counts(class_table(SEEN, NAMES, PERFECT, GROUP_FRAMES))["well 1", 0, "Dense"] == 2


def test_a_video_of_many_frames_is_one_sample_of_its_objects():
    frames = [("g", "v", t, -1, int(i < 3)) for t in range(30) for i in range(10)]
    one = class_table(objects(*frames[:10]), NAMES, PERFECT, VIDEOS)
    whole = class_table(objects(*frames), NAMES, PERFECT, VIDEOS)
    width = [(t["fraction_high"] - t["fraction_low"]).iloc[0] for t in (one, whole)]
    assert width[1] == pytest.approx(width[0], rel=0.2)


def test_without_held_out_answers_only_labels_can_be_trusted():
    table = class_table(SEEN, NAMES, None, FRAMES)
    assert table["corrected_fraction"].isna().all()
    assert table["fraction"].iloc[0] == 0.5
    labels = SEEN.assign(predicted=-1)
    assert class_table(labels, NAMES, None, FRAMES)["corrected_count"].tolist() == [1, 0]


def test_nothing_known_is_an_empty_table_with_all_its_columns():
    nothing = class_table(SEEN.assign(label=-1, predicted=-1), NAMES, PERFECT, FRAMES)
    assert len(nothing) == 0
    assert {"frame", "class", "corrected_fraction"} <= set(nothing)


def test_the_correction_is_that_of_the_matrix_where_it_can_be_inverted():
    rates = np.array([[0.9, 0.1], [0.2, 0.8]])
    true = np.repeat([0, 1], 100)
    predicted = np.r_[np.repeat([0, 1], [90, 10]), np.repeat([0, 1], [20, 80])]
    seen = objects(*[("g", "v", 0, -1, 0)] * 60, *[("g", "v", 0, -1, 1)] * 40)
    table = class_table(seen, NAMES, Confusion.of(true, predicted, 2), FRAMES)
    assert table["corrected_count"].to_numpy() == pytest.approx(np.linalg.solve(rates.T, [60, 40]))
    assert (table["count_low"] <= table["corrected_count"]).all()
