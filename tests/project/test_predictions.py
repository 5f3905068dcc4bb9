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
    assert list(found.columns) == ["class_id", "confidence", "run", "p_Spread", "p_Compact"]
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
