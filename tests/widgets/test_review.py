"""Reviewing in the gallery: by figure, by threshold, blind, and on the way between two patches."""

import numpy as np
import pytest
from qtpy.QtCore import QItemSelectionModel, Qt

from napari_cellsynth.events import Failed, Finished, Preview
from napari_cellsynth.project.schema import FIRST_PATCH_ID
from napari_cellsynth.widgets.between import STEPS, Between
from napari_cellsynth.widgets.blind_test import BlindTest
from napari_cellsynth.widgets.gallery import GalleryDock
from tests.widgets.conftest import FakeRun

pytestmark = pytest.mark.gui
LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
SELECT = QItemSelectionModel.SelectionFlag.Select
REALISM = [1.5, 0.4, np.nan, 0.9, 2.0, 0.7]


@pytest.fixture
def project(session, project_path):
    """A run of six Dense patches with figures, which learned from the six labelled crops."""
    session.open(project_path)
    made = session.project
    dense = made.classes()[0].id
    crops = made.objects().index[:6].tolist()
    made.label(crops, dense)
    parameters = {
        "recipe": {"size": 16, "fit": "window"}, "objects": crops, "low": [0.0], "high": [255.0], "dtype": "uint8",
    }  # fmt: skip
    run = made.new_run("gan", "dcgan", parameters, class_id=dense, groups=["video"], seed=0)
    images = np.random.default_rng(0).integers(0, 255, (6, 1, 16, 16)).astype(np.uint8)
    ids = made.add_synthetic(run.id, "step", dense, 0, 0, images)
    made.set_nearest(ids, crops, np.linspace(0.1, 0.6, 6))
    figures = {"realism": REALISM, "confidence": [0.9, 0.2, 0.8, 0.6, 0.1, 0.7], "copy_ratio": np.linspace(0.2, 0.9, 6)}
    made.set_figures(ids, figures)
    return made


@pytest.fixture
def dock(session, viewer, project, qtbot):
    made = GalleryDock(viewer)
    qtbot.addWidget(made)
    made.resize(1000, 400)
    made.show()
    qtbot.mouseClick(made.more, LEFT)
    yield made
    made.model.close()


def choose(box, text):
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


def numbers(dock):
    """The patches in view, counted from 0 in the order in which they were made."""
    return [number - FIRST_PATCH_ID for number in dock.model.table["id"]]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("oldest first", [0, 1, 2, 3, 4, 5]),
        ("newest first", [5, 4, 3, 2, 1, 0]),
        ("least realistic first", [1, 5, 3, 0, 4, 2]),
        ("most realistic first", [4, 0, 3, 5, 1, 2]),
        ("least sure class first", [4, 1, 3, 5, 2, 0]),
        ("surest class first", [0, 2, 5, 3, 1, 4]),
        ("nearest to real first", [0, 1, 2, 3, 4, 5]),
        ("unlikely copies first", [5, 4, 3, 2, 1, 0]),
    ],
)
def test_patches_are_sorted_by_each_figure_and_those_without_come_last(dock, order, expected):
    choose(dock.order_box, order)
    assert numbers(dock) == expected
    assert ("1 not scored" in dock.summary.text()) == ("realistic" in order)


def test_all_below_a_threshold_are_selected_and_one_key_rejects_them(dock, project, qtbot):
    assert dock.choose.threshold.value() == 1.0
    qtbot.mouseClick(dock.choose.select, LEFT)
    assert dock.selected.text() == "selected: 3" and numbers(dock)[:3] == [1, 5, 3]
    qtbot.keyClick(dock.patches, Qt.Key.Key_R)
    assert [number - FIRST_PATCH_ID for number in project.synthetic(review="rejected").index] == [1, 3, 5]
    qtbot.keyClick(dock.patches, Qt.Key.Key_Z, CONTROL)
    assert project.synthetic(review="rejected").empty


def test_all_above_a_threshold_of_another_figure_are_accepted(dock, project, qtbot):
    choose(dock.choose.figure, "class confidence")
    assert dock.choose.threshold.value() == 0.5
    choose(dock.choose.side, "above")
    dock.choose.threshold.setValue(0.65)
    qtbot.mouseClick(dock.choose.select, LEFT)
    qtbot.keyClick(dock.patches, Qt.Key.Key_A)
    assert [number - FIRST_PATCH_ID for number in project.synthetic(review="accepted").index] == [0, 2, 5]


def test_a_threshold_that_nothing_is_beyond_selects_nothing(dock, project, qtbot):
    dock.patches.setCurrentIndex(dock.model.index(0))
    dock.choose.threshold.setValue(0.1)
    qtbot.mouseClick(dock.choose.select, LEFT)
    assert dock.selected.text() == "selected: 0"
    qtbot.keyClick(dock.patches, Qt.Key.Key_R)
    assert project.synthetic(review="rejected").empty


def test_the_figures_of_the_selected_patch_are_said_in_words(dock):
    choose(dock.order_box, "oldest first")
    dock.patches.setCurrentIndex(dock.model.index(0))
    assert [each.text() for each in dock.facts.labels] == [
        "nearest real · distance 0.10",
        "copy ratio 0.20: likely a copy",
        "realism 1.50: among the real ones",
        "class Dense: 90%",
    ]
    dock.patches.setCurrentIndex(dock.model.index(2))
    assert [each.text() for each in dock.facts.labels if each.isVisible()] == [
        "nearest real · distance 0.30",
        "copy ratio 0.48: no copy",
        "class Dense: 80%",
    ]


def test_the_facts_stand_beside_the_patches_and_below_them_where_the_dock_is_narrow(dock, qtbot):
    dock.patches.setCurrentIndex(dock.model.index(0))
    qtbot.waitUntil(lambda: dock.facts.x() > dock.patches.x() and dock.facts.y() == dock.patches.y())
    dock.resize(360, 600)
    qtbot.waitUntil(lambda: dock.facts.x() == dock.patches.x() and dock.facts.y() > dock.patches.y())


def test_what_is_needed_seldom_is_folded_away_until_patches_must_be_scored(dock, project, qtbot):
    qtbot.mouseClick(dock.more, LEFT)
    assert not dock.choose.select.isVisible()
    choose(dock.order_box, "surest class first")
    assert not dock.tools.score.isVisible()
    choose(dock.order_box, "most realistic first")
    assert dock.tools.score.isVisible()


def test_patches_are_scored_by_a_job_on_the_runs_in_view(dock, fake_runs, qtbot):
    qtbot.mouseClick(dock.tools.score, LEFT)
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    assert (fake_runs[0].job.kind, fake_runs[0].job.parameters) == ("score", {"runs": ["gan-0001"]})


@pytest.fixture
def round_of_six(dock, project, session, qtbot):
    test = BlindTest(session, list(project.synthetic().index), 6, seed=3, parent=dock)
    test.open()
    qtbot.waitUntil(test.real.isEnabled, timeout=5000)
    yield test
    if test._reader in session.workers:  # a dialog that was closed is deleted already
        test.done(0)


def test_a_blind_round_gives_no_hint_and_ends_with_score_interval_and_words(round_of_six, project, qtbot):
    test = round_of_six
    assert test.place.text() == "Patch 1 of 6: is it real or synthetic?"
    truth = [each.id >= FIRST_PATCH_ID for each in test._shown]
    assert sorted(truth) == [False] * 3 + [True] * 3
    sizes = set()
    for place, synthetic in enumerate(truth):
        sizes.add((test.picture.pixmap().width(), test.picture.pixmap().height()))
        right = place != 5  # the last answer is wrong
        qtbot.keyClick(test, Qt.Key.Key_S if synthetic == right else Qt.Key.Key_R)
    assert sizes == {(320, 320)}
    assert test.words.text().startswith("You could not tell them apart: 5 of 6 right (83%, 95 % interval 44% to 97%)")
    assert "1 " in test.place.text()
    [kept] = project.blind_rounds()
    assert [each.synthetic for each in kept.answers] == truth
    qtbot.keyClick(test, Qt.Key.Key_S)
    assert len(test.answers) == 6 and len(project.blind_rounds()) == 1


def test_the_buttons_answer_too_and_a_round_that_is_left_is_not_kept(round_of_six, project, qtbot):
    qtbot.mouseClick(round_of_six.synthetic, LEFT)
    qtbot.mouseClick(round_of_six.real, LEFT)
    assert [each.said_synthetic for each in round_of_six.answers] == [True, False]
    qtbot.keyClick(round_of_six, Qt.Key.Key_Escape)
    assert not round_of_six.isVisible() and project.blind_rounds() == []


def test_the_button_opens_a_round_of_the_patches_in_view(dock, qtbot):
    qtbot.mouseClick(dock.tools.blind, LEFT)
    test = dock.findChild(BlindTest)
    qtbot.waitUntil(test.real.isEnabled, timeout=5000)
    assert len(test._shown) == 12
    test.done(0)


def test_two_selected_patches_are_walked_between(dock, fake_runs, qtbot):
    dock.patches.setCurrentIndex(dock.model.index(0))
    assert not dock.tools.between.isEnabled()
    dock.patches.selectionModel().select(dock.model.index(3), SELECT)
    strip = np.zeros((STEPS, 1, 16, 16), np.float32)
    FakeRun.script, FakeRun.last = (Preview("Dense", strip),), Finished({})
    qtbot.mouseClick(dock.tools.between, LEFT)
    shown = dock.findChild(Between)
    qtbot.waitUntil(lambda: shown.strip.count() == STEPS, timeout=5000)
    job = fake_runs[0].job
    assert job.kind == "interpolate"
    assert (job.parameters["first"] - FIRST_PATCH_ID, job.parameters["last"] - FIRST_PATCH_ID) == (5, 2)
    assert "9 steps" in shown.words.text()
    shown.done(0)


def test_a_walk_that_fails_closes_its_strip_and_says_why(dock, fake_runs, said, qtbot):
    FakeRun.last = Failed("The checkpoint is gone.")
    dock.patches.setCurrentIndex(dock.model.index(0))
    dock.patches.selectionModel().select(dock.model.index(1), SELECT)
    qtbot.mouseClick(dock.tools.between, LEFT)
    shown = dock.findChild(Between)
    qtbot.waitUntil(lambda: len(fake_runs) == 1)
    closed = []
    shown.finished.connect(closed.append)
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: bool(closed), timeout=5000)
    assert any("checkpoint is gone" in text for text in said)
