"""A GAN of several classes in a project: trained, resumed, drawn from by class, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.events import Failed, Stopped
from napari_cellsynth.jobs.job import (
    GenerateParameters,
    QualityParameters,
    TrainClassifierParameters,
    TrainGanParameters,
)
from napari_cellsynth.project import Project
from napari_cellsynth.synthesis import sample
from tests.jobs.test_run import SMALL_CLASSIFIER, SMALL_GAN, events_of, result


def train(project: Project, **changes: object) -> dict[str, object]:
    small = TrainGanParameters(recipe="acgan", steps=4, overrides=SMALL_GAN)
    return result(project, small.model_copy(update=changes))


@pytest.mark.parametrize("recipe", ["acgan", "cellsynth-conditional"])
def test_one_run_learns_all_classes_and_makes_patches_of_each(recipe: str, crops_project: Project) -> None:
    made = train(crops_project, recipe=recipe)
    run = crops_project.run(str(made["run"]))
    assert run.class_id is None and len(run.class_ids) == 2
    test = crops_project.test_objects()
    assert set(run.parameters["objects"]).isdisjoint(test.index) and set(run.groups).isdisjoint(test["group"])
    assert result(crops_project, GenerateParameters(run=run.id, n=5))["patches"] == 10
    table = crops_project.synthetic(run=run.id)
    assert table.groupby("class_id").size().tolist() == [5, 5]
    # The nearest real patch is one of the patch's own class.
    objects = crops_project.objects()["class_id"]
    assert (objects.loc[table["nearest_object"]].to_numpy() == table["class_id"].to_numpy()).all()
    first, second = (sample.generate(run.folder, 3, 0, class_index=number) for number in (0, 1))
    assert not np.array_equal(first, second)  # the same noise, another class
    trained = result(crops_project, TrainClassifierParameters(synthetic=5, overrides=SMALL_CLASSIFIER))
    assert trained["synthetic"] == 10


def test_more_patches_of_one_class_go_on_with_its_own_index(crops_project: Project) -> None:
    run = str(train(crops_project)["run"])
    result(crops_project, GenerateParameters(run=run, n=3))
    result(crops_project, GenerateParameters(run=run, n=2, classes=["stripes"]))
    stripes = crops_project.class_named("stripes").id
    table = crops_project.synthetic(run=run)
    assert table[table["class_id"] == stripes]["index_in_run"].tolist() == [0, 1, 2, 3, 4]
    assert len(table) == 8


def test_a_stopped_run_goes_on_with_the_crops_and_classes_it_began_with(crops_project: Project) -> None:
    parameters = TrainGanParameters(recipe="cwgan-gp", steps=6, overrides=SMALL_GAN | {"critic_steps": 2})
    stopped = events_of(crops_project, parameters, stop_after=3)[-1]
    assert isinstance(stopped, Stopped)
    before = crops_project.run(stopped.run)
    relabelled = [before.parameters["objects"][0]]
    crops_project.label(relabelled, crops_project.class_named("stripes").id)
    asked = TrainGanParameters(resume=stopped.run)
    for field, other in (("recipe", {"recipe": "dcgan"}), ("critic_steps", {"overrides": {"critic_steps": 3}})):
        [failed] = events_of(crops_project, asked.model_copy(update=other))
        assert isinstance(failed, Failed) and f"another {field} would change nothing" in failed.message
    done = result(crops_project, asked)
    after = crops_project.run(stopped.run)
    assert done["run"] == stopped.run and done["steps"] == 6
    assert after.parameters["object_classes"] == before.parameters["object_classes"]


def test_what_cannot_be_learned_together_is_said(crops_project: Project) -> None:
    one = TrainGanParameters(recipe="acgan", classes=["blob"], steps=2, overrides=SMALL_GAN)
    [failed] = events_of(crops_project, one)
    assert isinstance(failed, Failed) and "several classes" in failed.message and not failed.traceback
    two = TrainGanParameters(recipe="dcgan", classes=["blob", "stripes"], steps=2, overrides=SMALL_GAN)
    [failed] = events_of(crops_project, two)
    assert isinstance(failed, Failed) and "one class at a time" in failed.message and not failed.traceback
    crops_project.add_class("empty")
    three = TrainGanParameters(recipe="acgan", classes=["blob", "empty"], steps=2, overrides=SMALL_GAN)
    [failed] = events_of(crops_project, three)
    assert isinstance(failed, Failed) and "empty has 0" in failed.message and not failed.traceback


def test_patches_of_a_class_that_was_not_learned_are_refused(crops_project: Project) -> None:
    run = str(train(crops_project)["run"])
    crops_project.add_class("other")
    failed = events_of(crops_project, GenerateParameters(run=run, n=2, classes=["other"]))[-1]
    assert isinstance(failed, Failed) and "has not learned other" in failed.message


def test_quality_is_measured_class_by_class(crops_project: Project) -> None:
    run = str(train(crops_project)["run"])
    result(crops_project, GenerateParameters(run=run, n=10))
    told = result(crops_project, QualityParameters(run=run, n=10, extractor="handmade"))
    assert isinstance(told["classes"], dict) and list(told["classes"]) == ["blob", "stripes"]
    record = crops_project.run(run)
    assert [record.quality(class_id)["kid"] for class_id in record.class_ids] == [
        table["kid"] for table in told["classes"].values()
    ]
    result(crops_project, QualityParameters(run=run, n=10, extractor="handmade", classes=["blob"]))
    assert all(crops_project.run(run).quality(class_id) for class_id in record.class_ids)
