"""The score job on patches whose figures are known beforehand: copies, patches of another class, and noise."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.events import Failed, Finished, Progress, Stopped
from napari_cellsynth.jobs import GenerateParameters, Job, ScoreParameters, run
from napari_cellsynth.project import Project
from tests.jobs.test_quality import crops, fresh, gan, project  # noqa: F401 - the fixture
from tests.jobs.test_run import result, train_small_gan


def test_copies_other_classes_and_noise_are_told_from_fresh_patches(project: Project) -> None:  # noqa: F811
    patches = np.concatenate(
        [
            crops(project, "blob")[:4],
            crops(project, "blob", "test")[:8],
            crops(project, "stripes", "test")[:4],
            np.random.default_rng(0).integers(0, 255, (4, 1, 32, 32)).astype(np.uint8),
        ]
    )
    of_blob = gan(project, "blob", patches)
    done = result(project, ScoreParameters())
    assert done == {"patches": 20, "runs": [of_blob], "notices": []}
    found = project.synthetic()
    copies, held_out, stripes, noise = (found.iloc[part] for part in np.split(np.arange(20), [4, 12, 16]))
    assert (copies["copy_ratio"] < 0.01).all() and (copies["distance"] < 0.01).all()
    assert copies["nearest_object"].tolist() == project.training_objects().query("class_id == 1").index[:4].tolist()
    assert (held_out["copy_ratio"] > 1 / 3).all()
    assert held_out["confidence"].min() > 0.5 > stripes["confidence"].max()
    assert copies["realism"].median() >= held_out["realism"].median() > noise["realism"].max()
    assert noise["realism"].max() < 1


def test_it_stops_between_batches_and_keeps_what_is_measured(
    project: Project,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_cellsynth.jobs.scoring._CHUNK", 4)
    gan(project, "blob", fresh(project, "blob"))
    measured: list[int] = []

    def stop() -> bool:
        return len(measured) >= 2

    for event in run(Job.of(project.path, ScoreParameters()), stop):
        if isinstance(event, Progress) and event.unit == "patches":
            measured.append(event.done)
    assert isinstance(event, Stopped) and measured == [4, 8]
    assert project.synthetic()["realism"].notna().sum() == 8


def test_one_class_alone_has_no_class_probability_and_says_why(project: Project) -> None:  # noqa: F811
    gan(project, "blob", fresh(project, "blob"))
    others = project.training_objects()
    project.label(others.index[others["class_id"] == project.class_named("stripes").id].tolist(), 0)
    done = result(project, ScoreParameters())
    assert "two classes" in str(done["notices"])
    assert project.synthetic()["confidence"].isna().all() and project.synthetic()["realism"].notna().all()


def test_a_run_without_patches_is_the_users_mistake_and_a_lost_record_hides_no_other_run(
    project: Project,  # noqa: F811
) -> None:
    [last] = run(Job.of(project.path, ScoreParameters()))
    assert isinstance(last, Failed) and "no synthetic patches" in last.message and not last.traceback
    lost, kept = gan(project, "blob", fresh(project, "blob")), gan(project, "stripes", fresh(project, "stripes"))
    (project.run(lost).folder / "run.json").unlink()
    done = result(project, ScoreParameters())
    assert done["runs"] == [kept] and lost in str(done["notices"])


@pytest.mark.slow
def test_patches_are_generated_with_their_copy_ratio(crops_project: Project) -> None:
    of_blob = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=of_blob, n=6))
    found = crops_project.synthetic()
    assert found["copy_ratio"].between(0, 1).all() and found["realism"].isna().all()
    last = list(run(Job.of(crops_project.path, ScoreParameters(runs=[of_blob]))))[-1]
    assert isinstance(last, Finished)
    assert crops_project.synthetic()[["realism", "confidence"]].notna().all(axis=None)
