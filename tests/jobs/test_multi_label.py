"""The jobs on a project whose objects have several classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed
from napari_cellsynth.jobs.job import (
    ExperimentParameters,
    ExplainParameters,
    GenerateParameters,
    Job,
    LabelHelpParameters,
    OverTimeParameters,
    Parameters,
    PredictParameters,
    TrainClassifierParameters,
    TrainGanParameters,
)
from napari_cellsynth.jobs.run import result_of, run
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder

TINY = {"size": 32, "epochs": 1, "least_steps": 4}
TINY_GAN = {"size": 32, "width": 4, "batch": 4}


@pytest.fixture
def several(tmp_path: Path, multi_label_folder: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "several.cellsynth", multi_label=True) as project:
        import_folder(project, multi_label_folder)
        yield project


def do(project: Project, parameters: Parameters) -> dict[str, Any]:
    result = result_of(run(Job.of(project.path, parameters)))
    assert result is not None
    return result


def classes_by_object(project: Project, part: Any) -> dict[int, list[int]]:
    return {int(i): list(project.classes_of(label)) for i, label in part["label"].items()}


def test_a_run_records_all_classes_of_its_objects_and_predicts_several(several: Project) -> None:
    trained = do(several, TrainClassifierParameters(overrides=TINY))
    record = several.run(trained["run"])
    assert dict(record.parameters["training_objects"]) == classes_by_object(several, several.training_objects())
    assert dict(record.parameters["test_objects"]) == classes_by_object(several, several.test_objects())
    assert trained["scores"]["multi_label"] and trained["confusion"] == []
    assert do(several, PredictParameters(run=trained["run"]))["objects"] == 70
    found = several.predictions()
    p = found[[f"p_{name}" for name in trained["classes"]]].to_numpy()
    given = p >= np.array(trained["calibration"]["thresholds"])
    ids = record.parameters["class_ids"]
    assert found["classes"].tolist() == [tuple(np.array(ids)[row].tolist()) for row in given]


def test_a_stopped_training_goes_on_with_the_same_classes(several: Project) -> None:
    polls = iter(range(100))
    events = run(Job.of(several.path, TrainClassifierParameters(overrides=TINY)), lambda: next(polls) >= 2)
    assert result_of(events) is None
    [stopped] = several.runs("classifier")
    again = do(several, TrainClassifierParameters(resume=stopped.id))
    whole = do(several, TrainClassifierParameters(overrides=TINY))
    assert again["scores"]["log_loss"] == pytest.approx(whole["scores"]["log_loss"], rel=1e-5)


def test_a_gan_of_a_class_learns_from_all_crops_that_have_it(several: Project) -> None:
    blob = several.class_named("blob").id
    trained = do(several, TrainGanParameters(classes=["blob"], recipe="dcgan", steps=1, overrides=TINY_GAN))
    table = several.training_objects()
    has = set(table.index[several.indicators(table["label"], [blob])[:, 0]])
    parameters = several.run(trained["run"]).parameters
    assert set(parameters["objects"]) | set(parameters["held_back"]) == has
    do(several, GenerateParameters(run=trained["run"], n=6))
    mixed = do(several, TrainClassifierParameters(synthetic=6, overrides=TINY))
    assert mixed["crops"]["synthetic"] == [6 * (name == "blob") for name in mixed["classes"]]


def test_a_conditional_gan_holds_a_crop_back_in_all_its_classes_or_in_none(several: Project) -> None:
    trained = do(several, TrainGanParameters(recipe="cgan", steps=1, overrides=TINY_GAN))
    parameters = several.run(trained["run"]).parameters
    assert len(parameters["objects"]) > len(set(parameters["objects"]))
    assert not set(parameters["objects"]) & set(parameters["held_back"])


def test_a_default_balance_that_does_not_suit_gives_way_and_one_asked_for_is_refused(several: Project) -> None:
    told = do(several, TrainClassifierParameters(recipe="lipnet-1", overrides={"epochs": 1}))["notices"]
    assert told[0].startswith("lipnet-1 balances by weights here")
    with pytest.raises(UserError, match="smote needs a single-label project"):
        do(several, TrainClassifierParameters(recipe="svm", overrides={"balance": "smote"}))


def test_what_knows_of_one_class_only_says_so_in_one_line(several: Project) -> None:
    with pytest.raises(UserError, match=r"An experiment .* needs a single-label project"):
        do(several, ExperimentParameters(preset="smoke"))
    assert "Likely mistakes need a single-label project" in do(several, LabelHelpParameters(n=3))["notices"][0]


def test_an_explanation_names_the_surest_class(several: Project) -> None:
    trained = do(several, TrainClassifierParameters(overrides=TINY))
    told = do(several, ExplainParameters(object=1, run=trained["run"], methods=["occlusion"]))
    assert told["class"] == max(told["probabilities"], key=lambda name: told["probabilities"][name])


def test_a_single_label_run_still_predicts_after_the_project_became_multi_label(crops_project: Project) -> None:
    trained = do(crops_project, TrainClassifierParameters(overrides=TINY))
    crops_project.set_multi_label(True)
    do(crops_project, PredictParameters(run=trained["run"]))
    assert {len(classes) for classes in crops_project.predictions()["classes"]} == {1}


def test_counting_classes_over_time_says_that_it_takes_one_class_an_object(several: Project) -> None:
    *_, last = run(Job.of(several.path, OverTimeParameters()))
    assert isinstance(last, Failed) and not last.traceback
    assert "single-label project" in last.message
