from __future__ import annotations

import numpy as np
import pandas as pd

from napari_cellsynth.widgets.label_queue import (
    ACQUISITION,
    LEAST_CERTAIN,
    MISLABELLED,
    MOST_CERTAIN,
    NEXT,
    RANDOM,
    UNLABELLED_FIRST,
    LabelQueue,
)


def objects(classes: list[int]) -> pd.DataFrame:
    n = len(classes)
    table = pd.DataFrame({"image_id": 1, "frame": np.arange(n) // 2, "label": classes}, index=np.arange(10, 10 + n))
    for column in ("y0", "x0", "cy", "cx"):
        table[column] = np.arange(n) * 5
    return table.assign(y1=table["y0"] + 4, x1=table["x0"] + 4, mask_label=1)


def walk(queue: LabelQueue) -> list[int]:
    return [queue.entry(i).object_id for i in range(len(queue))]


def test_acquisition_goes_by_frame_and_begins_at_the_first_unlabelled_object() -> None:
    queue = LabelQueue(objects([1, 1, 0, 0]), ACQUISITION)
    assert walk(queue) == [10, 11, 12, 13]
    assert queue.current is not None and queue.current.object_id == 12


def test_unlabelled_first_puts_the_labelled_ones_behind() -> None:
    assert walk(LabelQueue(objects([1, 0, -1, 0]), UNLABELLED_FIRST)) == [11, 13, 10, 12]


def test_random_is_the_same_every_time_and_loses_nothing() -> None:
    one, two = (walk(LabelQueue(objects([0] * 9), RANDOM)) for _ in range(2))
    assert one == two != list(range(10, 19)) and sorted(one) == list(range(10, 19))


def test_least_certain_puts_objects_without_a_prediction_last() -> None:
    suggested = {10: (1, 0.9), 12: (1, 0.4), 13: (2, 0.6)}
    assert walk(LabelQueue(objects([0, 0, 0, 0]), LEAST_CERTAIN, suggested)) == [12, 13, 10, 11]


def test_the_most_certain_come_class_by_class_and_those_without_a_suggestion_last():
    suggested = {10: (1, 0.4), 12: (2, 0.9), 13: (1, 0.6)}
    assert walk(LabelQueue(objects([0, 0, 0, 0]), MOST_CERTAIN, suggested)) == [13, 10, 12, 11]


def test_newer_suggestions_sort_ahead_and_the_person_stays_where_they_are():
    queue = LabelQueue(objects([0, 0, 0, 0]), LEAST_CERTAIN, {10: (1, 0.9), 12: (1, 0.4), 13: (2, 0.6)})
    assert queue.current.object_id == 12
    queue.set_classes([13], [7])
    queue.sort_ahead({10: (1, 0.3), 11: (1, 0.2), 12: (1, 0.8), 13: (2, 0.9)})
    assert queue.current.object_id == 12 and queue.class_of(13) == 7
    assert walk(queue) == [12, 11, 10, 13]
    assert queue.move_on(True) and queue.current.object_id == 11
    in_their_places = LabelQueue(objects([0, 0]), RANDOM)
    before = walk(in_their_places)
    in_their_places.sort_ahead({10: (1, 0.3), 11: (1, 0.2)})
    assert walk(in_their_places) == before


def test_a_labeller_moves_to_the_next_unlabelled_and_a_reviser_to_the_next() -> None:
    queue = LabelQueue(objects([0, 1, 0]), ACQUISITION)
    queue.set_classes([10], [1])
    queue.move_on(was_unlabelled=True)
    assert queue.position == 2
    queue.go_to(10)
    queue.move_on(was_unlabelled=False)
    assert queue.position == 1


def test_the_ends_hold_and_counts_follow_the_labels() -> None:
    queue = LabelQueue(objects([0, 0, 0]), ACQUISITION)
    queue.step(-5)
    assert queue.position == 0
    queue.step(99)
    assert queue.position == 2
    queue.set_classes([11, 999], [2, 2])
    assert queue.counts() == {0: 2, 2: 1}


def test_after_the_last_object_comes_the_first_unlabelled_one() -> None:
    queue = LabelQueue(objects([0, 0, 0]), ACQUISITION)
    queue.go_to(12)
    queue.set_classes([12], [1])
    queue.move_on(was_unlabelled=True)
    assert queue.position == 0 and not queue.finished


def test_with_nothing_left_to_label_the_queue_stays_until_the_person_walks() -> None:
    queue = LabelQueue(objects([1, 0, 1]), ACQUISITION)
    queue.set_classes([11], [2])
    queue.move_on(was_unlabelled=True)
    assert queue.position == 1 and queue.finished
    queue.step(1)
    assert queue.position == 2 and not queue.finished
    queue.move_on(was_unlabelled=False)
    assert queue.position == 2 and queue.finished
    queue.go_to(10)
    queue.move_on(was_unlabelled=False)
    assert queue.position == 1 and not queue.finished


def test_an_empty_queue_has_nothing_to_show() -> None:
    queue = LabelQueue(objects([]), UNLABELLED_FIRST)
    queue.step(1)
    assert queue.current is None and queue.counts() == {}


def test_the_frames_read_ahead_are_those_of_the_objects_that_come_next() -> None:
    queue = LabelQueue(objects([0, 1, 0, 0]), ACQUISITION)
    assert [entry.object_id for entry in queue.ahead(4)][:3] == [12, 13, 11]


def test_advised_objects_come_first_and_doubted_labels_are_revised_from_the_first_one_on() -> None:
    queue = LabelQueue(objects([1, 0, 1, 2]), MISLABELLED, advised=[13, 10])
    assert walk(queue) == [13, 10, 11, 12] and queue.position == 0
    queue = LabelQueue(objects([1, 0, 0, 0]), NEXT, advised=[12, 99, 11])
    assert walk(queue) == [12, 11, 10, 13] and queue.position == 0
