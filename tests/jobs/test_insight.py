from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_cellsynth.classify.predict import load
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.held_out import read_held_out
from napari_cellsynth.events import Failed
from napari_cellsynth.jobs.job import (
    EXPLANATIONS,
    ExplainParameters,
    LabelHelpParameters,
    PredictParameters,
    TrainClassifierParameters,
)
from napari_cellsynth.project import Project
from napari_cellsynth.project.label_help import read_label_help
from tests.jobs.test_run import SMALL_CLASSIFIER, events_of, result


def test_a_trained_classifier_leaves_its_answers_is_explained_and_withholds_unsure_ones(crops_project: Project) -> None:
    trained = result(crops_project, TrainClassifierParameters(overrides=SMALL_CLASSIFIER))
    run = crops_project.run(str(trained["run"]))
    assert trained["calibration"] == {"temperature": 1.0, "crops": 0}  # 30 crops of three groups: none to spare
    held = read_held_out(run.folder)
    assert held.probabilities.shape == (10, 2) and load(run.folder).temperature == 1.0
    wrong = int((held.probabilities.argmax(axis=1) != held.labels).sum())
    assert (run.folder / "mistakes.png").is_file() == (wrong > 0)
    object_id = int(crops_project.objects().index[0])
    drawn = result(crops_project, ExplainParameters(object=object_id, methods=list(EXPLANATIONS), class_name="stripes"))
    assert drawn["class"] == "stripes" and set(drawn["pictures"]) == set(EXPLANATIONS)  # type: ignore[call-overload]
    for file in drawn["pictures"].values():  # type: ignore[attr-defined]
        assert Path(file).parent.parent.parent == run.folder and np.ptp(np.asarray(Image.open(file))) > 0
    strange = events_of(crops_project, ExplainParameters(object=object_id, class_name="cloud"))[-1]
    assert isinstance(strange, Failed) and "'cloud'" in strange.message and not strange.traceback
    told = result(crops_project, PredictParameters(unsure_below=0.9))
    predictions = crops_project.predictions()
    assert told["unsure"] == int((predictions["confidence"] < 0.9).sum()) == int(predictions["unsure"].sum())
    assert "held-out" in str(told["consequence"])


def test_calibrating_crops_are_recorded_and_not_learned_from(
    crops_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_cellsynth.evaluate.calibration.LEAST", 5)
    monkeypatch.setattr("napari_cellsynth.evaluate.calibration.SHARE", 1 / 3)
    monkeypatch.setattr("napari_cellsynth.evaluate.calibration._CLASS_KEEPS", 0.6)
    trained = result(crops_project, TrainClassifierParameters(overrides=SMALL_CLASSIFIER))
    run = crops_project.run(str(trained["run"]))
    sets = [
        {i for i, _ in run.parameters[name]} for name in ("training_objects", "calibration_objects", "test_objects")
    ]
    assert [len(each) for each in sets] == [20, 10, 10] and len(set.union(*sets)) == 40
    groups = crops_project.objects()["group"]
    assert not set(groups[list(sets[0])]) & set(groups[list(sets[1])])
    assert set(groups[list(sets[1])]) <= set(run.groups)
    assert load(run.folder).temperature == trained["calibration"]["temperature"] != 1.0  # type: ignore[index]


def test_label_help_finds_a_swapped_label_and_what_to_label_next(crops_project: Project) -> None:
    table = crops_project.objects()
    classes = {record.name: record.id for record in crops_project.classes()}
    swapped = int(table.index[table["class_id"] == classes["blob"]][3])
    crops_project.label([swapped], classes["stripes"])
    crops_project.label([int(i) for i in table.index[-6:]], 0)
    found = result(crops_project, LabelHelpParameters(n=5))
    assert [each["object"] for each in found["mislabelled"]][:1] == [swapped]  # type: ignore[attr-defined]
    assert found["mislabelled"][0]["suggested"] == classes["blob"]  # type: ignore[index]
    assert len(found["next"]) == 5 and set(found["next"]) <= set(table.index[-6:])  # type: ignore[arg-type, call-overload]
    assert len(found["random"]) == 1 and found["random"][0] in found["next"]  # type: ignore[arg-type, index, operator]
    assert read_label_help(crops_project.path).next == found["next"]


def test_an_explanation_without_a_classifier_is_refused(crops_project: Project) -> None:
    last = events_of(crops_project, ExplainParameters(object=1))[-1]
    assert isinstance(last, Failed) and "No classifier" in last.message


def test_a_run_without_held_out_answers_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no answers on held-out crops"):
        read_held_out(tmp_path)
