from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import LeakError, Project, RunRecord, assert_real


def gan(project: Project, *groups: str) -> RunRecord:
    return project.new_run("gan", "dcgan", {}, class_id=1, groups=groups, seed=0)


def pixels(count: int, seed: int = 0, channels: int = 1, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (count, channels, 16, 16)).astype(dtype)


def test_patches_come_back_as_they_were_with_their_origin(project: Project) -> None:
    run = gan(project, "video")
    images = pixels(300)
    first = project.add_synthetic(run.id, "step-100", 1, 7, 40, images[:290])
    second = project.add_synthetic(run.id, "step-100", 1, 7, 330, images[290:])
    with Project.open(project.path) as again:
        np.testing.assert_array_equal(again.read_synthetic(first + second), images)
        np.testing.assert_array_equal(again.read_synthetic([second[1], first[3], first[3]]), images[[291, 3, 3]])
        row = again.synthetic().loc[second[0]]
        assert (row["run"], row["checkpoint"], row["seed"], row["index_in_run"]) == (run.id, "step-100", 7, 330)
        assert (row["size"], row["channels"], row["review"], row["nearest_object"]) == (16, 1, "", 0)


def test_patches_of_other_kinds_lie_apart(project: Project) -> None:
    run = gan(project)
    gray = project.add_synthetic(run.id, "c", 1, 0, 0, pixels(2))
    colour = project.add_synthetic(run.id, "c", 2, 0, 0, pixels(2, channels=3, dtype="uint16"))
    assert project.read_synthetic(colour).dtype == np.uint16
    assert list(project.synthetic(class_id=2).index) == colour
    with pytest.raises(UserError, match="differ"):
        project.read_synthetic([*gray, *colour])
    with pytest.raises(UserError, match="No patches"):
        project.read_synthetic([])


def test_a_patch_needs_a_recorded_run_and_a_class(project: Project) -> None:
    with pytest.raises(UserError, match="no run"):
        project.add_synthetic("gan-0009", "c", 1, 0, 0, pixels(1))
    with pytest.raises(UserError, match="no class"):
        project.add_synthetic(gan(project).id, "c", 9, 0, 0, pixels(1))
    assert len(project.synthetic()) == 0


def test_pixels_without_rows_are_written_over(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run = gan(project)
    first = project.add_synthetic(run.id, "c", 1, 0, 0, pixels(3))
    # As a process that is killed between pixels and rows leaves it.
    project._write_pixels("1x16x16_uint8", 3, pixels(5, seed=8))
    second = project.add_synthetic(run.id, "c", 1, 0, 3, pixels(2, seed=9))
    np.testing.assert_array_equal(project.read_synthetic(second), pixels(2, seed=9))
    np.testing.assert_array_equal(project.read_synthetic(first), pixels(3))


def test_reviews_are_kept_and_undone_with_the_labels(project: Project) -> None:
    ids = project.add_synthetic(gan(project).id, "c", 1, 0, 0, pixels(4))
    project.label([1], 1)
    project.review(ids[:2], "accepted")
    project.review(ids[1:3], "rejected", "blurred")
    found = project.synthetic()
    assert list(found["review"]) == ["accepted", "rejected", "rejected", ""]
    assert list(found["reason"]) == ["", "blurred", "blurred", ""]
    assert list(project.synthetic(review="rejected").index) == ids[1:3]
    with Project.open(project.path) as again:
        assert again.undo() == ids[1:3]
        assert list(again.synthetic()["review"]) == ["accepted", "accepted", "", ""]
        assert again.redo() == ids[1:3]
        assert list(again.synthetic()["reason"]) == ["", "blurred", "blurred", ""]
        assert [again.undo(), again.undo(), again.undo()] == [ids[1:3], ids[:2], [1]]
    with pytest.raises(UserError, match="no synthetic patch 5"):
        project.review([5], "accepted")


def test_accepted_patches_are_trained_on_first_and_rejected_never(project: Project) -> None:
    ids = project.add_synthetic(gan(project, "video").id, "c", 1, 0, 0, pixels(5))
    project.add_synthetic(gan(project, "video").id, "c", 2, 0, 0, pixels(5))
    project.review([ids[3]], "accepted")
    project.review([ids[0]], "rejected")
    assert project.synthetic_for_training(1, None, test_groups=["other"]) == [ids[3], ids[1], ids[2], ids[4]]
    assert project.synthetic_for_training(1, 2, test_groups=[]) == [ids[3], ids[1]]


def test_patches_of_a_gan_that_saw_a_test_group_are_refused(project: Project) -> None:
    leaky = project.add_synthetic(gan(project, "video", "well7").id, "c", 1, 0, 0, pixels(3))
    assert project.synthetic_for_training(1, None, test_groups=["well8"]) == leaky
    with pytest.raises(LeakError, match=r"gan-0001 was trained on well7"):
        project.synthetic_for_training(1, 1, test_groups=["well7", "well8"])
    clean = project.add_synthetic(gan(project, "video").id, "c", 1, 0, 0, pixels(3))
    assert project.synthetic_for_training(1, None, test_groups=["well7"]) == clean


def test_a_synthetic_patch_never_passes_for_an_object(project: Project) -> None:
    ids = project.add_synthetic(gan(project, "video").id, "c", 1, 0, 0, pixels(6))
    project.review(ids, "accepted")
    project.label([1, 2], 1)
    project.set_split({"video": "test"})
    assert not set(ids) & {*project.objects().index, *range(1, 1_000_000)}
    assert list(project.test_objects().index) == [1, 2]
    assert_real(project.test_objects().index)
    with pytest.raises(LeakError, match="synthetic"):
        assert_real([1, ids[0]])
    with pytest.raises(UserError, match="synthetic patch, not an object"):
        project.label([ids[0]], 1)
    with pytest.raises(UserError, match="synthetic patch, not an object"):
        project.crops([ids[0]], size=32, fit="window")


def test_the_nearest_real_object_is_recorded_and_stays_when_superseded(project: Project) -> None:
    ids = project.add_synthetic(gan(project).id, "c", 1, 0, 0, pixels(2))
    project.set_nearest(ids, [3, 4], [0.25, 0.5])
    empty = np.zeros((100, 120), np.int32)
    project.set_objects(1, 0, project.objects().iloc[:0], empty)
    found = project.synthetic()
    assert list(found["nearest_object"]) == [3, 4]
    assert list(found["distance"]) == [0.25, 0.5]
    assert project.crops([3], size=32, fit="window")[0].shape == (1, 32, 40)


def test_patches_whose_record_is_gone_or_damaged_are_refused(project: Project) -> None:
    run = gan(project, "video")
    project.add_synthetic(run.id, "c", 1, 0, 0, pixels(3))
    (run.folder / "run.json").write_text("{")
    with pytest.raises(LeakError, match="gan-0001 is gone or damaged"):
        project.synthetic_for_training(1, None, test_groups=[])
    shutil.rmtree(run.folder)
    with pytest.raises(LeakError, match="gan-0001 is gone or damaged"):
        project.synthetic_for_training(1, None, test_groups=["video"])
    clean = project.add_synthetic(gan(project, "video").id, "c", 1, 0, 0, pixels(2))
    assert project.synthetic_for_training(1, None, test_groups=[]) == clean


@pytest.mark.parametrize("what", ["zarr.json", "1x16x16_uint8/zarr.json"])
@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"[]", b"null", b'{"zarr_format": 3, "node_type": "array"}'])
def test_damaged_patches_are_one_line(project: Project, what: str, content: bytes) -> None:
    run = gan(project)
    ids = project.add_synthetic(run.id, "c", 1, 0, 0, pixels(3))
    (project.path / "patches.zarr" / what).write_bytes(content)
    # Reading needs the array's file alone, writing both.
    if what != "zarr.json":
        with pytest.raises(UserError, match=r"patches\.zarr"):
            project.read_synthetic(ids)
    with pytest.raises(UserError, match=r"patches\.zarr") as caught:
        project.add_synthetic(run.id, "c", 1, 0, 3, pixels(3))
    assert "\n" not in str(caught.value)


def test_chunks_that_do_not_decode_are_one_line(project: Project) -> None:
    ids = project.add_synthetic(gan(project).id, "c", 1, 0, 0, pixels(3))
    [chunk] = [file for file in (project.path / "patches.zarr").rglob("c/*/*/*/*") if file.is_file()]
    for content in (b"rubbish" * 50, chunk.read_bytes()[:20], b""):
        chunk.write_bytes(content)
        with pytest.raises(UserError, match=r"patches\.zarr"):
            project.read_synthetic(ids)
