import time

import numpy as np
import pytest

pytest.importorskip("napari")

from napari_cellsynth.widgets.overlay import CLASSES, CONFIDENCE, PALE, PredictionOverlay, class_colors, look_up
from napari_cellsynth.widgets.overlay_table import PREDICTIONS

pytestmark = pytest.mark.gui


def test_each_object_gets_its_value_and_all_else_zero():
    instances = np.array([[0, 1, 1], [7, 0, 3]], dtype=np.int32)
    image = look_up(instances, [1, 3], [2, 4], np.uint8)
    assert image.tolist() == [[0, 2, 2], [0, 0, 4]]
    assert image.dtype == np.uint8


def test_an_image_without_objects_stays_empty():
    assert look_up(np.zeros((4, 4), np.int32), [], [], np.float32).sum() == 0


def test_ten_thousand_objects_on_a_large_frame_take_a_fraction_of_a_second():
    instances = np.arange(2000 * 2000, dtype=np.int32).reshape(2000, 2000) % 10_001
    labels = np.arange(1, 10_001)
    begun = time.perf_counter()
    image = look_up(instances, labels, labels % 4 + 1, np.uint8)
    assert time.perf_counter() - begun < 0.5
    assert image.max() == 4


def test_the_colormap_has_a_pale_and_a_full_entry_a_class_and_one_for_nothing():
    colors = class_colors(["#ff0000", "#0000ff"])
    assert colors.tolist() == [[0, 0, 0, 0], [1, 0, 0, PALE], [0, 0, 1, PALE], [1, 0, 0, 1], [0, 0, 1, 1]]


def test_a_label_is_full_and_a_prediction_of_the_same_class_pale(overlay, predicted):
    object_id, row = object_at(predicted, 0)
    place = (int(row["cy"]), int(row["cx"]))
    layer = overlay.layer(CLASSES)
    before = np.asarray(layer.get_color(int(layer.data[place])))
    predicted.project.label([object_id], int(row["predicted_id"]))
    after = np.asarray(layer.get_color(int(layer.data[place])))
    assert np.allclose(before[:3], after[:3], atol=0.01) and before[3] < 0.7 * after[3]
    overlay.color_by(PREDICTIONS)
    assert np.allclose(np.asarray(layer.get_color(int(layer.data[place]))), before)


def test_more_classes_than_a_byte_has_room_for_keep_their_colours(overlay, predicted):
    for number in range(130):
        predicted.project.add_class(f"class {number}")
    object_id, row = object_at(predicted, 0)
    last = predicted.project.classes()[-1]
    predicted.project.label([object_id], last.id)
    overlay.refresh()
    layer = overlay.layer(CLASSES)
    color = np.asarray(layer.get_color(int(layer.data[int(row["cy"]), int(row["cx"])])))
    assert np.allclose(color[:3], [int(last.color[i : i + 2], 16) / 255 for i in (1, 3, 5)], atol=0.01)


@pytest.fixture
def predicted(session, project_path):
    """A session whose project has predictions: even objects Dense, odd ones Spread, with 0.8."""
    session.open(project_path)
    project = session.project
    dense, spread = (record.id for record in project.classes())
    ids = [int(i) for i in project.objects().index]
    run = project.new_run("classifier", "fast", {}, groups=["video"], seed=0)
    probabilities = np.array([[0.8, 0.2] if i % 2 == 0 else [0.2, 0.8] for i in ids], dtype=np.float32)
    project.set_predictions(run.id, ids, probabilities, [dense, spread])
    project.catch_up()  # a new run's folder is otherwise told a second time within a second, on a slow machine mid-test
    return session


@pytest.fixture
def overlay(predicted, qtbot):
    made = PredictionOverlay(predicted)
    with qtbot.waitSignal(made.changed, timeout=2000):  # the predictions were set a moment ago
        pass
    yield made
    made.disconnect_viewer()


def object_at(session, number):
    table = session.layers.frame_objects()
    return int(table.index[number]), table.iloc[number]


def test_the_class_layer_shows_each_objects_predicted_class(overlay, predicted):
    image = overlay.layer(CLASSES).data
    for number in range(3):
        object_id, row = object_at(predicted, number)
        expected = 1 if object_id % 2 == 0 else 2
        assert image[int(row["cy"]), int(row["cx"])] == expected
    assert image[0, 0] == 0
    assert len(overlay.layer(CLASSES).colormap.colors) == 7  # nothing; two classes and unsure, pale and full


def test_the_layers_colours_are_the_classes(overlay, predicted):
    colors = [record.color for record in predicted.project.classes()]
    layer = overlay.layer(CLASSES)
    for place, color in enumerate(colors):
        shown = np.asarray(layer.get_color(place + 1))[:3]
        assert np.allclose(shown, [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)], atol=0.01)


def test_the_overlay_follows_the_time_slider_with_one_frame_in_memory(overlay, predicted):
    seen = []
    overlay.changed.connect(lambda: seen.append(predicted.current_frame))
    predicted.viewer.dims.set_point(0, 2)
    assert seen[-1] == 2
    assert overlay.layer(CLASSES).data.ndim == 2
    assert set(overlay.table.index) == set(predicted.project.objects(frame=2).index)


def test_a_label_given_by_hand_recolours_its_object_and_only_it(overlay, predicted, qtbot):
    object_id, row = object_at(predicted, 0)
    record = predicted.project.classes()[0 if object_id % 2 else 1]
    before = overlay.layer(CLASSES).data.copy()
    with qtbot.waitSignal(overlay.changed, timeout=2000):
        predicted.project.label([object_id], record.id)
    changed = before != overlay.layer(CLASSES).data
    assert changed[int(row["cy"]), int(row["cx"])]
    assert changed.sum() == row["area"]


def test_a_burst_of_labels_repaints_once(overlay, predicted, qtbot):
    painted = []
    overlay.changed.connect(lambda: painted.append(1))
    for object_id in predicted.layers.frame_objects().index:
        predicted.project.label([int(object_id)], 1)
    assert not painted
    qtbot.waitUntil(lambda: bool(painted), timeout=2000)
    qtbot.wait(300)
    assert painted == [1]


def test_the_features_say_class_and_confidence_under_the_pointer(overlay, predicted):
    features = predicted.layers.objects_layer.features
    assert set(features["predicted"]) == {"Dense", "Spread"}
    assert np.allclose(features["confidence"], 0.8)


def test_counts_are_of_the_current_frame(overlay, predicted):
    counts = overlay.counts()
    assert sum(counts.values()) == len(predicted.layers.frame_objects())


def test_layers_are_shown_and_hidden(overlay, predicted):
    overlay.show("classes", False)
    assert not overlay.layer(CLASSES).visible
    overlay.show("confidence", True)
    confidence = overlay.layer(CONFIDENCE)
    assert confidence.visible
    assert np.isclose(confidence.data.max(), 0.8)
    overlay.show("outlines", False)
    assert not predicted.layers.objects_layer.visible
    overlay.show("classes", True)
    assert overlay.layer(CLASSES).visible


def test_pointing_at_an_object_says_its_prediction(overlay, predicted, qtbot):
    object_id, row = object_at(predicted, 1)
    predicted.viewer.cursor.position = (0, row["cy"], row["cx"])
    with qtbot.waitSignal(overlay.hovered) as said:
        overlay._on_move(predicted.viewer, None)
    name = "Dense" if object_id % 2 == 0 else "Spread"
    assert said.args == [f"object {object_id} · predicted {name} 0.80"]


def test_without_a_project_there_is_nothing_to_show(session):
    overlay = PredictionOverlay(session)
    overlay.refresh()
    assert overlay.counts() == {}
    assert overlay.layer(CLASSES) is None
    overlay.disconnect_viewer()


def test_predictions_and_differences_can_be_seen_under_the_labels(overlay, predicted, qtbot):
    object_id, row = object_at(predicted, 0)
    dense, spread = (record.id for record in predicted.project.classes())
    wrong = spread if object_id % 2 == 0 else dense
    with qtbot.waitSignal(overlay.changed, timeout=2000):
        predicted.project.label([object_id], wrong)
    assert overlay.differing() == 1
    assert overlay.table.loc[object_id, "class_id"] == wrong
    overlay.color_by("predictions")
    assert overlay.table.loc[object_id, "class_id"] == (dense if wrong == spread else spread)
    overlay.color_by("differences")
    assert sum(overlay.counts().values()) == 1
    assert np.count_nonzero(overlay.layer(CLASSES).data) == row["area"]


def test_unsure_objects_are_grey_and_differ_from_no_label(overlay, predicted, qtbot):
    object_id, row = object_at(predicted, 0)
    dense, spread = (record.id for record in predicted.project.classes())
    with qtbot.waitSignal(overlay.changed, timeout=2000):
        predicted.project.label([object_id], spread if object_id % 2 == 0 else dense)
        predicted.project.set_unsure_below(0.9)
    layer = overlay.layer(CLASSES)
    _, other = object_at(predicted, 1)
    assert layer.data[int(other["cy"]), int(other["cx"])] == 3
    assert np.allclose(layer.get_color(3)[:3], 0x9A / 255, atol=0.01)
    assert layer.data[int(row["cy"]), int(row["cx"])] in (4, 5)  # a label by hand is sure
    assert overlay.differing() == 0 and overlay.unsure() == len(overlay.table) - 1
    assert predicted.layers.objects_layer.features["unsure"].all()
