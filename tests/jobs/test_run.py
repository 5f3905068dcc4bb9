from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Failed, Finished, Metric, Preview, Progress, Saved, Stopped
from napari_cellsynth.jobs import Job, run
from napari_cellsynth.jobs.gan_patches import nearest_real
from napari_cellsynth.jobs.job import (
    DrawParameters,
    ExplainParameters,
    GenerateParameters,
    Parameters,
    PredictParameters,
    QualityParameters,
    SegmentParameters,
    TrainClassifierParameters,
    TrainGanParameters,
    checked,
)
from napari_cellsynth.jobs.run import result_of
from napari_cellsynth.project import Project

SMALL_GAN = {"size": 32, "width": 4, "batch": 4}
SMALL_CLASSIFIER = {"size": 32, "epochs": 2, "batch": 8, "least_steps": 4}


def events_of(project: Project, parameters: Parameters, stop_after: int | None = None) -> list[Event]:
    """All events of a job; with ``stop_after`` the stop flag goes up after so many events."""
    seen: list[Event] = []
    for event in run(Job.of(project.path, parameters), lambda: stop_after is not None and len(seen) >= stop_after):
        seen.append(event)
    assert isinstance(seen[-1], Finished | Stopped | Failed)
    assert not any(isinstance(event, Finished | Stopped | Failed) for event in seen[:-1])
    return seen


def result(project: Project, parameters: Parameters) -> dict[str, object]:
    last = events_of(project, parameters)[-1]
    assert isinstance(last, Finished), last
    json.dumps(last.result)  # plain values: they go into result files and over pipes
    return last.result


def train_small_gan(project: Project, steps: int = 3, class_name: str = "blob") -> str:
    made = result(project, TrainGanParameters(classes=[class_name], steps=steps, overrides=SMALL_GAN))
    return str(made["run"])


def measured(project: Project, run_id: str) -> dict[str, object]:
    """The figures of the one class of a small GAN."""
    classes = result(project, QualityParameters(run=run_id, n=12))["classes"]
    assert isinstance(classes, dict) and list(classes) == ["blob"]
    return dict(classes["blob"])


def test_segmentation_puts_the_objects_of_every_frame_into_the_project(tmp_path: Path) -> None:
    frames = np.full((3, 128, 128), 120, np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (3, 40, 40), np.uint8)
    frames[:, 20:60, 20:60] = noise
    frames[1, 80:115, 70:110] = noise[1, :35]
    tifffile.imwrite(tmp_path / "video.tif", frames, photometric="minisblack", metadata={"axes": "TYX"})
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([tmp_path / "video.tif"])
        made = result(project, SegmentParameters(radius=3, opening=2))
        assert made["frames"] == 3
        assert project.objects().groupby("frame").size().tolist() == [1, 2, 1]
        found = project.objects(frame=0).iloc[0]
        assert abs(found["cy"] - 40) < 2 and abs(found["cx"] - 40) < 2


def test_frames_of_many_channels_are_segmented_in_their_first(tmp_path: Path) -> None:
    frames = np.full((2, 6, 128, 128), 120, np.uint8)
    frames[:, 0, 20:60, 20:60] = np.random.default_rng(0).integers(0, 255, (2, 40, 40), np.uint8)
    tifffile.imwrite(tmp_path / "video.tif", frames, photometric="minisblack", metadata={"axes": "TCYX"})
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([tmp_path / "video.tif"])
        assert result(project, SegmentParameters(radius=3, opening=2))["objects"] == 2


def test_a_bad_frame_ends_the_segmentation_with_its_name_and_keeps_what_was_found(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).normal(100, 40, (2, 96, 96)).astype(np.float32)
    frames[1, 5, 5] = np.nan
    tifffile.imwrite(tmp_path / "video.tif", frames, photometric="minisblack", metadata={"axes": "TYX"})
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([tmp_path / "video.tif"])
        last = events_of(project, SegmentParameters(radius=3, opening=1))[-1]
        assert isinstance(last, Failed) and not last.traceback
        assert "video" in last.message and "frame 1" in last.message
        assert set(project.objects()["frame"]) <= {0}


def test_the_main_job_runs_from_gan_to_prediction_and_leaves_held_out_crops_unseen(
    crops_project: Project,
) -> None:
    runs = [train_small_gan(crops_project, class_name=name) for name in ("blob", "stripes")]
    for gan in runs:
        record = crops_project.run(gan)
        assert record.groups == ("g1", "g2", "g3")
        assert set(record.parameters["objects"]).isdisjoint(crops_project.test_objects().index)
        assert result(crops_project, GenerateParameters(run=gan, n=12))["patches"] == 12
    table = crops_project.synthetic()
    assert len(table) == 24 and table["distance"].notna().all()
    assert set(table["nearest_object"]).isdisjoint(crops_project.test_objects().index)
    trained = result(crops_project, TrainClassifierParameters(synthetic=10, overrides=SMALL_CLASSIFIER))
    assert (trained["real"], trained["synthetic"], trained["held_out"]) == (30, 20, 10)
    assert np.sum(trained["confusion"]) == 10  # type: ignore[arg-type]
    assert result(crops_project, PredictParameters())["objects"] == 40
    predictions = crops_project.predictions()
    assert len(predictions) == 40
    np.testing.assert_allclose(predictions[["p_blob", "p_stripes"]].sum(axis=1), 1, atol=1e-4)


def test_a_gan_of_a_fold_never_sees_the_folds_groups(crops_project: Project) -> None:
    crops_project.hold_out()
    groups = sorted(set(crops_project.training_objects()["group"]))
    crops_project.set_folds({groups[0]: 0})
    trained = result(crops_project, TrainGanParameters(classes=["blob"], steps=2, fold=0, overrides=SMALL_GAN))
    record = crops_project.run(str(trained["run"]))
    assert record.fold == 0
    assert record.groups and groups[0] not in record.groups
    last = events_of(crops_project, TrainGanParameters(classes=["blob"], steps=2, fold=3, overrides=SMALL_GAN))[-1]
    assert isinstance(last, Failed)
    assert "no fold 3" in last.message


def test_rare_classes_are_filled_up_and_shares_are_of_each_class(crops_project: Project) -> None:
    blob, stripes = (record.id for record in crops_project.classes())
    made = {}
    for class_id in (blob, stripes):
        record = crops_project.new_run(
            "gan", "dcgan", {"recipe": {"size": 32, "fit": "whole"}}, class_id=class_id, groups=[], seed=0
        )
        crops_project.add_synthetic(record.id, "step", class_id, 0, 0, np.zeros((60, 1, 32, 32), np.uint8))
    crops_project.hold_out()
    real = crops_project.training_objects()["class_id"].value_counts()
    for amount in ({"up_to": int(real[blob]) + 7}, {"share": 0.5}):
        trained = result(
            crops_project, TrainClassifierParameters(**amount, overrides=SMALL_CLASSIFIER | {"fit": "whole"})
        )
        patches = crops_project.run(str(trained["run"])).parameters["synthetic_patches"]
        made[next(iter(amount))] = [sum(c == class_id for _, c in patches) for class_id in (blob, stripes)]
    assert made["up_to"] == [7, int(real[blob]) + 7 - int(real[stripes])]
    assert made["share"] == [round(int(real[class_id]) / 2) for class_id in (blob, stripes)]


def test_drawn_patches_are_synthetic_patches_of_their_class_in_the_crops_intensities(crops_project: Project) -> None:
    made = result(crops_project, DrawParameters(class_name="blob", drawing="rings", n=70, size=32))
    run_ = crops_project.run(str(made["run"]))
    assert (run_.kind, run_.recipe, run_.status) == ("drawing", "rings", "finished")
    table = crops_project.synthetic(run=run_.id)
    assert len(table) == 70 and table["index_in_run"].tolist() == list(range(70))
    patches = crops_project.read_synthetic(table.index.tolist())
    low, high = run_.parameters["low"][0], run_.parameters["high"][0]
    assert patches.dtype == np.uint8 and low <= patches.min() < patches.max() <= high
    trained = result(crops_project, TrainClassifierParameters(synthetic=10, overrides=SMALL_CLASSIFIER))
    assert trained["synthetic"] == 10
    held_out = {group for group, split in crops_project.splits().items() if split == "test"}
    assert held_out and not held_out & set(run_.groups)


def test_enhancement_is_kept_from_training_to_prediction_and_not_mixed_with_synthetic_patches(
    crops_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    crops = Project.crops
    monkeypatch.setattr(Project, "crops", lambda *a, **how: (asked.append(how["enhance"]), crops(*a, **how))[1])
    result(crops_project, TrainClassifierParameters(overrides=SMALL_CLASSIFIER | {"enhance": "clahe"}))
    result(crops_project, PredictParameters())
    assert len(asked) >= 4 and set(asked) == {"clahe"}
    monkeypatch.undo()
    result(crops_project, DrawParameters(class_name="blob", n=5, size=32))
    overrides = SMALL_CLASSIFIER | {"enhance": "clahe"}
    last = events_of(crops_project, TrainClassifierParameters(synthetic=5, overrides=overrides))[-1]
    assert isinstance(last, Failed) and "enhance = clahe" in last.message


def test_the_size_of_objects_is_an_input_from_training_to_explanation_and_synthetic_patches_have_none(
    crops_project: Project,
) -> None:
    overrides = SMALL_CLASSIFIER | {"with_size": True}
    trained = result(crops_project, TrainClassifierParameters(recipe="best", overrides=overrides))
    record = crops_project.run(str(trained["run"]))
    assert len(record.parameters["low"]) == 2 and (record.folder / "features" / "model.skops").is_file()
    assert result(crops_project, PredictParameters(run=record.id))["objects"] == 40
    first = int(crops_project.objects().index[0])
    pictures = result(crops_project, ExplainParameters(object=first, methods=["grad-cam"]))["pictures"]
    assert isinstance(pictures, dict) and Path(pictures["grad-cam"]).is_file()
    result(crops_project, DrawParameters(class_name="blob", n=5, size=32))
    last = events_of(crops_project, TrainClassifierParameters(synthetic=5, overrides=overrides))[-1]
    assert isinstance(last, Failed) and "with_size = True" in last.message


def test_one_amount_of_synthetic_patches_is_enough() -> None:
    with pytest.raises(UserError, match="one of synthetic, up_to and share"):
        checked(TrainClassifierParameters, {"synthetic": 5, "share": 0.5})


def test_a_classical_recipe_takes_the_same_way_as_a_network(crops_project: Project) -> None:
    gan = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=gan, n=6))
    overrides = {"size": 32, "balance": "smote"}
    trained = result(crops_project, TrainClassifierParameters(recipe="svm", synthetic=6, overrides=overrides))
    assert (trained["real"], trained["synthetic"], trained["held_out"]) == (30, 6, 10)
    assert np.sum(trained["confusion"]) == 10  # type: ignore[arg-type]
    record = crops_project.run(str(trained["run"]))
    groups = {"g1", "g2", "g3"}
    assert len(record.parameters["training_groups"]) == 30 and set(record.parameters["training_groups"]) == groups
    assert result(crops_project, PredictParameters(run=record.id))["objects"] == 40
    predictions = crops_project.predictions()
    np.testing.assert_allclose(predictions[["p_blob", "p_stripes"]].sum(axis=1), 1, atol=1e-4)


def test_a_stopped_classical_training_can_be_resumed_and_pretraining_is_refused(crops_project: Project) -> None:
    parameters = TrainClassifierParameters(recipe="logistic", overrides={"size": 32})
    stopped = events_of(crops_project, parameters, stop_after=2)[-1]
    assert isinstance(stopped, Stopped)
    done = result(crops_project, TrainClassifierParameters(recipe="logistic", resume=stopped.run))
    assert done["run"] == stopped.run and crops_project.run(stopped.run).status == "finished"
    refused = events_of(crops_project, TrainClassifierParameters(recipe="svm", mode="pretrained", synthetic=5))[-1]
    assert isinstance(refused, Failed) and "cannot be pretrained" in refused.message and not refused.traceback


def test_patches_cut_in_another_way_than_the_classifier_cuts_are_refused(crops_project: Project) -> None:
    gan = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=gan, n=10))
    parameters = TrainClassifierParameters(synthetic=5, overrides=SMALL_CLASSIFIER | {"fit": "window"})
    last = events_of(crops_project, parameters)[-1]
    assert isinstance(last, Failed) and gan in last.message and not last.traceback


def test_patches_of_a_gan_that_saw_a_group_which_is_now_held_out_are_refused(crops_project: Project) -> None:
    gan = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=gan, n=10))
    crops_project.set_split({"g0": "train", "g1": "test"})
    parameters = TrainClassifierParameters(synthetic=5, overrides=SMALL_CLASSIFIER)
    last = events_of(crops_project, parameters)[-1]
    assert isinstance(last, Failed) and not last.traceback
    assert "g1" in last.message


def test_generating_more_goes_on_with_the_next_index(crops_project: Project) -> None:
    gan = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=gan, n=3))
    result(crops_project, GenerateParameters(run=gan, n=2))
    assert crops_project.synthetic()["index_in_run"].tolist() == [0, 1, 2, 3, 4]


def test_a_stopped_gan_resumes_to_the_weights_of_one_that_was_left_alone(crops_project: Project) -> None:
    alone = train_small_gan(crops_project, steps=6)
    stopped = events_of(crops_project, TrainGanParameters(classes=["blob"], steps=6, overrides=SMALL_GAN), stop_after=3)
    assert isinstance(stopped[-1], Stopped)
    run_id = stopped[-1].run
    assert crops_project.run(run_id).status == "stopped"
    crops_project.label(crops_project.training_objects().index[:1], 2)  # a label given meanwhile changes nothing
    result(crops_project, TrainGanParameters(classes=["blob"], steps=6, resume=run_id))
    assert crops_project.run(run_id).status == "finished"
    from napari_cellsynth.synthesis.sample import generate

    folders = [crops_project.run(name).folder for name in (alone, run_id)]
    first, second = (generate(folder, 4, seed=1, device="cpu") for folder in folders)
    np.testing.assert_array_equal(first, second)


def test_a_gan_training_tells_progress_losses_samples_and_where_it_saved(crops_project: Project) -> None:
    seen = events_of(crops_project, TrainGanParameters(classes=["blob"], steps=3, overrides=SMALL_GAN))
    previews = [event for event in seen if isinstance(event, Preview)]
    assert previews and all(event.class_name == "blob" for event in previews)
    assert any(isinstance(event, Progress) and event.unit == "steps" and event.done == 3 for event in seen)
    assert any(isinstance(event, Metric) and "loss_generator" in event.values for event in seen)
    assert any(isinstance(event, Saved) for event in seen)


def test_quality_names_what_it_measured_against(crops_project: Project) -> None:
    gan = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=gan, n=12))
    made = measured(crops_project, gan)
    assert "trained on" in str(made["reference"])  # five held-out crops of the class are too few
    assert made["extractor"] and np.isfinite(float(str(made["kid"])))
    assert crops_project.run(gan).quality(crops_project.class_named("blob").id)["kid"] == made["kid"]


@pytest.mark.parametrize("count", [0, 1])
def test_a_class_with_too_few_crops_is_refused_in_one_line(crops_project: Project, count: int) -> None:
    rare = crops_project.add_class("rare")
    crops_project.label(crops_project.training_objects().index[:count], rare)
    last = events_of(crops_project, TrainGanParameters(classes=["rare"], overrides=SMALL_GAN))[-1]
    assert isinstance(last, Failed) and not last.traceback
    assert f"rare has {count} " in last.message
    assert crops_project.runs() == []


def test_a_bug_is_told_with_its_traceback(crops_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("nothing to divide")

    monkeypatch.setattr("napari_cellsynth.jobs.gans._training_crops", broken)
    job = Job.of(crops_project.path, TrainGanParameters(classes=["blob"], overrides=SMALL_GAN))
    last = list(run(job))[-1]
    assert isinstance(last, Failed) and "ZeroDivisionError" in last.message and "broken" in last.traceback
    with pytest.raises(RuntimeError, match="nothing to divide"):
        result_of(run(job))


def test_a_missing_project_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        result_of(run(Job.of(tmp_path / "none.cellsynth", SegmentParameters())))


def test_the_nearest_real_object_is_found_behind_a_flip_and_a_turn() -> None:
    real = np.random.default_rng(0).uniform(-1, 1, (5, 2, 8, 8)).astype(np.float32)
    turned = np.rot90(real[[3, 1]][..., ::-1], 1, axes=(-2, -1))
    objects = np.array([70, 71, 72, 71, 74])
    found = nearest_real(np.ascontiguousarray(turned), objects, real)
    assert found.objects.tolist() == [71, 71]
    np.testing.assert_allclose(found.distance, 0, atol=1e-6)
    assert found.copy_ratio.tolist() == [0, 0]
    shifted = np.clip(real[[2]] + 0.25, -9, 9)
    found = nearest_real(shifted, objects, real)
    assert found.objects.tolist() == [72]
    np.testing.assert_allclose(found.distance, 0.25, atol=1e-6)
    assert np.isnan(nearest_real(shifted, np.full(5, 72), real).copy_ratio).all()


def test_generator_and_classifier_decide_alike_how_an_object_becomes_a_patch(crops_project: Project) -> None:
    gan = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=gan, n=10))
    trained = result(crops_project, TrainClassifierParameters(synthetic=5, overrides=SMALL_CLASSIFIER))
    fits = {crops_project.run(str(name)).parameters["recipe"]["fit"] for name in (gan, trained["run"])}
    assert fits == {"whole"}  # boxes were imported, nothing was segmented


def test_a_run_that_saw_a_group_held_out_since_is_neither_resumed_nor_measured_against_it(
    crops_project: Project,
) -> None:
    gan = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=gan, n=12))
    crops_project.set_split({"g0": "train", "g1": "test"})
    resumed = TrainGanParameters(classes=["blob"], resume=gan, steps=5)
    last = events_of(crops_project, resumed)[-1]
    assert isinstance(last, Failed) and "g1" in last.message and not last.traceback
    assert "trained on" in str(measured(crops_project, gan)["reference"])


def test_pretraining_without_synthetic_patches_is_refused_before_a_run_is_made(crops_project: Project) -> None:
    last = events_of(crops_project, TrainClassifierParameters(mode="pretrained"))[-1]
    assert isinstance(last, Failed) and "synthetic" in last.message
    assert crops_project.runs() == []


def test_a_damaged_record_of_a_run_is_told_in_one_line(crops_project: Project) -> None:
    gan = train_small_gan(crops_project)
    crops_project.update_run(gan, parameters={})
    for parameters in (GenerateParameters(run=gan), TrainGanParameters(classes=["blob"], resume=gan)):
        last = events_of(crops_project, parameters)[-1]
        assert isinstance(last, Failed) and gan in last.message and not last.traceback


def test_an_epoch_is_chosen_by_a_training_group_that_is_not_learned_from(crops_project: Project) -> None:
    changes = {**SMALL_CLASSIFIER, "keep": "least-loss", "patience": 1, "validation": 0.3}
    trained = result(crops_project, TrainClassifierParameters(recipe="lipnet-4", overrides=changes))
    assert trained["real"] + trained["validation"] == 30 and trained["validation"] > 0  # type: ignore[operator]
    record = crops_project.run(str(trained["run"]))
    group_of = crops_project.objects()["group"]
    sets = [
        {group_of[i] for i, _ in record.parameters[f"{name}_objects"]} for name in ("training", "validation", "test")
    ]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert record.groups == ("g1", "g2", "g3") == tuple(sorted(sets[0] | sets[1]))
    assert result(crops_project, PredictParameters())["objects"] == 40
