from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.project.by_hand import correct
from napari_cellsynth.project.drafts import drafts, read_draft, take_draft, write_draft


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two frames of 60×80 px, two objects in the first."""
    tifffile.imwrite(tmp_path / "video.tif", np.zeros((2, 60, 80), np.uint8), metadata={"axes": "TYX"})
    with Project.create(tmp_path / "p.cellsynth", classes=["Dense"]) as made:
        [image] = made.add_images([tmp_path / "video.tif"])
        labels = np.zeros((60, 80), np.int32)
        labels[5:25, 5:45], labels[30:50, 5:45] = 1, 2
        made.set_objects(image, 0, boxes_of(labels), labels)
        yield made


def corrected(project: Project) -> np.ndarray:
    """The first frame's objects without the second one."""
    labels = project.mask(1, 0).copy()
    labels[labels == 2] = 0
    return labels


def test_a_draft_outlives_the_project_and_becomes_the_objects_when_it_is_taken(project: Project) -> None:
    write_draft(project, 1, 0, corrected(project), [1, 2])
    project.close()
    with Project.open(project.path) as again:
        [draft] = drafts(again)
        labels, since = read_draft(again, draft)
        assert (draft.image_id, draft.frame, since) == (1, 0, [1, 2])
        assert np.unique(labels).tolist() == [0, 1] and len(again.objects()) == 2
        assert take_draft(again, draft).objects == 1
        assert len(again.objects()) == 1 and drafts(again) == []


def test_a_draft_of_a_frame_that_somebody_changed_is_refused_and_stays(project: Project) -> None:
    write_draft(project, 1, 0, corrected(project), [1, 2])
    correct(project, delete=[1])
    with pytest.raises(UserError, match="Somebody has changed"):
        take_draft(project, drafts(project)[0])
    assert len(drafts(project)) == 1


def test_two_drafts_of_one_frame_do_not_write_over_each_other_and_a_newer_state_does(project: Project) -> None:
    first = write_draft(project, 1, 0, corrected(project), [1, 2])
    second = write_draft(project, 1, 0, np.zeros((60, 80), int), [1, 2])
    assert first != second and len(drafts(project)) == 2
    assert write_draft(project, 1, 0, np.ones((60, 80), int), [1, 2], file=second) == second
    assert {int(read_draft(project, each)[0].max()) for each in drafts(project)} == {1}


HEAD = b'{"since": [1, 2]}\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("1-0-00000000.draft", b""),
        ("1-0-00000000.draft", b"[]\n" + zlib.compress(bytes(4 * 60 * 80))),
        ("1-0-00000000.draft", b'{"since": ["x"]}\n' + zlib.compress(bytes(4 * 60 * 80))),
        ("1-0-00000000.draft", HEAD + b"no zlib"),
        ("1-0-00000000.draft", HEAD + zlib.compress(bytes(10**7))),
        ("1-0-00000000.draft", HEAD + zlib.compress(b"\xff" * (4 * 60 * 80))),
        ("1-7-00000000.draft", HEAD + zlib.compress(bytes(4 * 60 * 80))),
        ("9-0-00000000.draft", HEAD + zlib.compress(bytes(4 * 60 * 80))),
    ],
)
def test_a_damaged_or_hostile_draft_is_one_sentence(project: Project, name: str, content: bytes) -> None:
    (project.path / "drafts").mkdir()
    (project.path / "drafts" / name).write_bytes(content)
    with pytest.raises(UserError):
        read_draft(project, drafts(project)[0])


def test_other_files_and_links_are_no_drafts(project: Project, tmp_path: Path) -> None:
    (project.path / "drafts").mkdir()
    (project.path / "drafts" / "notes.txt").write_text("mine")
    (project.path / "drafts" / "1-0-00000000.draft").symlink_to(tmp_path / "video.tif")
    assert drafts(project) == []


def test_a_read_only_project_takes_no_draft(project: Project) -> None:
    with Project.open(project.path, read_only=True) as other, pytest.raises(UserError, match="read-only"):
        write_draft(other, 1, 0, np.zeros((60, 80), int), [])
