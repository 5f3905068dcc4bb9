from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project

P = np.array([[0.25, 0.75], [1.0, 0.0]], np.float32)


def test_predictions_come_back_by_class_name(project: Project) -> None:
    assert project.latest_prediction_run() is None
    assert len(project.predictions()) == 0
    project.set_predictions("classifier-0001", [1, 3], P, [2, 1])
    project.rename_class(1, "Compact")
    found = project.predictions()
    told = ["class_id", "classes", "confidence", "entropy", "margin", "unsure", "run"]
    assert list(found.columns) == [*told, "p_Spread", "p_Compact"]
    # In bits: H(1/4, 3/4) = 2 - 3/4 log2(3).
    np.testing.assert_allclose(found["entropy"], [2 - 0.75 * np.log2(3), 0], atol=1e-6)
    assert list(found["margin"]) == [0.5, 1.0]
    assert list(found["class_id"]) == [1, 2]
    assert list(found["confidence"]) == [0.75, 1.0]
    assert list(found["p_Spread"]) == [0.25, 1.0]
    assert len(project.predictions(image_id=1, frame=0)) == 2
    assert len(project.predictions(image_id=1, frame=1)) == 0


def test_the_newest_is_the_run_that_predicted_last(project: Project) -> None:
    project.set_predictions("classifier-0001", [1, 3], P, [1, 2])
    project.set_predictions("classifier-0002", [1], P[:1], [1, 2])
    assert project.latest_prediction_run() == "classifier-0002"
    assert list(project.predictions().index) == [1]
    project.set_predictions("classifier-0001", [1], P[1:], [1, 2])
    assert project.latest_prediction_run() == "classifier-0001"
    assert list(project.predictions()["class_id"]) == [1, 1]
    assert list(project.predictions("classifier-0002")["class_id"]) == [2]


def test_superseded_objects_have_no_prediction(project: Project) -> None:
    project.set_predictions("classifier-0001", [1, 3], P, [1, 2])
    project.set_objects(1, 0, project.objects().iloc[:0], np.zeros((100, 120), np.int32))
    assert len(project.predictions()) == 0


def test_wrong_runs_and_classes_are_refused(project: Project) -> None:
    with pytest.raises(UserError, match="predicted nothing"):
        project.predictions("classifier-0009")
    with pytest.raises(UserError, match="no class"):
        project.set_predictions("classifier-0001", [1, 3], P, [1, 9])
    project.set_predictions("classifier-0001", [1, 3], P, [1, 2])
    with pytest.raises(UserError, match="other classes"):
        project.set_predictions("classifier-0001", [1, 3], P, [2, 1])


def test_answers_below_the_set_confidence_are_unsure_and_keep_their_class(project: Project) -> None:
    project.set_predictions("classifier-0001", [1, 3], P, [2, 1])
    assert project.unsure_below() == 0 and not project.predictions()["unsure"].any()
    project.set_unsure_below(0.8)
    found = project.predictions()
    assert list(found["unsure"]) == [True, False] and list(found["class_id"]) == [1, 2]
    with Project.open(project.path, read_only=True) as other:
        assert other.unsure_below() == 0.8
    with pytest.raises(UserError, match="no confidence"):
        project.set_unsure_below(1.0)
