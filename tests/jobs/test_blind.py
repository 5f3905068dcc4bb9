"""The choice of patches for a blind test, and its score in the run's table."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.blind import blind_quality, blind_round
from napari_cellsynth.project import Project
from napari_cellsynth.project.schema import FIRST_PATCH_ID
from tests.jobs.test_quality import crops, fresh, gan, project  # noqa: F401 - the fixture


def test_half_are_training_crops_of_the_same_classes_in_random_order(project: Project) -> None:  # noqa: F811
    for name in ("blob", "stripes"):
        gan(project, name, fresh(project, name))
    shown = blind_round(project, project.synthetic().index.tolist(), 12, seed=1)
    synthetic = [each for each in shown if each.id >= FIRST_PATCH_ID]
    real = [each for each in shown if each.id < FIRST_PATCH_ID]
    assert len(shown) == 12 and len(synthetic) == len(real) == 6 and len({each.id for each in shown}) == 12
    assert sorted(each.class_id for each in synthetic) == sorted(each.class_id for each in real)
    assert {each.id for each in real} <= set(project.training_objects().index)
    assert {(each.pixels.shape, each.pixels.dtype) for each in shown} == {((1, 32, 32), np.dtype(np.float32))}
    orders = [
        tuple(each.id >= FIRST_PATCH_ID for each in blind_round(project, project.synthetic().index, 12, seed=seed))
        for seed in range(5)
    ]
    assert len(set(orders)) > 1
    again = blind_round(project, project.synthetic().index.tolist(), 12, seed=1)
    assert [each.id for each in again] == [each.id for each in shown]


def test_a_patch_that_copies_a_crop_looks_exactly_like_it(project: Project) -> None:  # noqa: F811
    gan(project, "blob", crops(project, "blob"))
    shown = blind_round(project, project.synthetic().index.tolist(), 200, seed=0)
    real = {each.pixels.tobytes() for each in shown if each.id < FIRST_PATCH_ID}
    made = {each.pixels.tobytes() for each in shown if each.id >= FIRST_PATCH_ID}
    assert real == made


def test_the_newest_round_of_a_run_is_kept_and_stands_in_its_table(project: Project) -> None:  # noqa: F811
    first, second = (project.run(gan(project, "blob", fresh(project, "blob"))) for _ in range(2))
    blob = project.class_named("blob").id
    assert blind_quality(project, first, blob) == {}
    patches = project.synthetic()
    for run, said in ((first, True), (first, False), (second, True)):
        shown = blind_round(project, patches.index[patches["run"] == run.id], 10, seed=0)
        right = [(each.id >= FIRST_PATCH_ID) == said for each in shown]
        project.add_blind_round([each.answered(bool(answer)) for each, answer in zip(shown, right, strict=True)])
    with Project.open(project.path, read_only=True) as again:
        assert len(again.blind_rounds()) == 3
        assert blind_quality(again, first, blob)["blind"] == 0
        table = blind_quality(again, second, blob)
    assert table["blind"] == 1 and table["floor"]["blind"] == 0.5
    assert table["intervals"]["blind"] == pytest.approx([0.7225, 1], abs=1e-3)


def test_without_patches_there_is_no_round(project: Project) -> None:  # noqa: F811
    with pytest.raises(UserError, match="no patches"):
        blind_round(project, [])
