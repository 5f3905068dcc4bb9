import numpy as np
import pytest

pytest.importorskip("napari")

from napari_cellsynth.widgets.outline import outlines

pytestmark = pytest.mark.gui


@pytest.fixture
def layers(session, project_path, qtbot):
    """The layers of a project of three frames, the first one on the canvas, and the second one read ahead."""
    session.open(project_path)
    session.show_image(1)
    session.layers.show_frame(1, 1)
    session.layers.show_frame(1, 0)
    qtbot.waitUntil(lambda: session.layers.ahead.read(1, 1) is not None, timeout=10_000)
    return session.layers


def test_the_frames_beside_the_one_shown_are_read_and_outlined(session, layers):
    read = layers.ahead.read(1, 1)
    np.testing.assert_array_equal(read.mask, session.project.mask(1, 1))
    np.testing.assert_array_equal(read.outline, outlines(session.project.mask(1, 1), 2))
    expected = session.project.objects(image_id=1, frame=1).drop(columns="source")
    assert read.objects[expected.columns].equals(expected)
    assert session.frames.get(1, 1) is not None
    assert layers.ahead.read(1, 2) is None


def test_a_step_to_a_frame_that_was_read_ahead_does_not_read_it_again(session, layers, monkeypatch):
    def not_again(*_, **__):
        raise AssertionError("read again")

    for name in ("mask", "objects", "predictions"):
        monkeypatch.setattr(type(session.project), name, not_again)
    expected = layers.ahead.read(1, 1)
    layers.show_frame(1, 1)
    np.testing.assert_array_equal(layers.objects_layer.data, expected.mask)
    assert layers.frame_objects().index.tolist() == expected.objects.index.tolist()
    shown = layers.objects_layer._calculate_contour(expected.mask, (slice(0, 80), slice(8, 160)))
    np.testing.assert_array_equal(shown, expected.outline[:80, 8:])


def test_what_was_read_ahead_is_void_when_a_label_or_a_mask_changes(session, layers, qtbot):
    second = int(session.project.objects(image_id=1, frame=1).index[0])
    session.project.label([second], 2)
    assert layers.ahead.read(1, 1) is None
    layers.show_frame(1, 1)
    assert layers.frame_objects().loc[second, "class_id"] == 2
    qtbot.waitUntil(lambda: layers.ahead.read(1, 2) is not None, timeout=10_000)
    session.project.set_objects(1, 2, session.project.objects(image_id=1, frame=2).iloc[:0], np.zeros((160, 160), int))
    assert layers.ahead.read(1, 2) is None
    layers.show_frame(1, 2)
    assert not np.any(layers.objects_layer.data)
    assert layers.frame_objects().empty


def test_after_steps_the_words_of_the_last_frame_follow_at_rest(session, layers, qtbot):
    for frame in (1, 2):
        layers.show_frame(1, frame)
    expected = session.project.objects(image_id=1, frame=2).index.tolist()
    qtbot.waitUntil(lambda: layers.objects_layer.features["object"].tolist() == expected, timeout=2000)
    assert layers.frame_objects().index.tolist() == expected
