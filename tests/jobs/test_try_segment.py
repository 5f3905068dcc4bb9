from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.events import Failed, Finished, Outlined, Stopped
from napari_cellsynth.jobs.job import Job, TrySegmentParameters
from napari_cellsynth.jobs.run import run
from napari_cellsynth.jobs.segmenting import segment_frame
from napari_cellsynth.project import Project


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two frames, a rough square in the second."""
    video = np.full((2, 80, 80), 50, np.uint8)
    video[1, 20:60, 20:60] = np.random.default_rng(0).integers(0, 255, (40, 40))
    tifffile.imwrite(tmp_path / "video.tif", video, photometric="minisblack", metadata={"axes": "TYX"})
    with Project.create(tmp_path / "p.cellsynth") as project:
        project.add_images([tmp_path / "video.tif"])
    return tmp_path / "p.cellsynth"


def test_a_try_tells_what_is_found_in_the_frame_and_writes_nothing(place: Path) -> None:
    parameters = TrySegmentParameters(images=[1], frames=[1], radius=3, opening=1, min_area=50)
    found, last = run(Job.of(place, parameters))
    assert isinstance(found, Outlined) and last == Finished({"objects": 1}) and found.seconds > 0
    with Project.open(place) as project:
        assert np.array_equal(found.labels, segment_frame(project.frame(1, 1), parameters, name="frame"))
        assert len(project.objects()) == 0 and project.mask(1, 1) is None
    assert found.labels[40, 40] == 1 and found.labels[5, 5] == 0


def test_a_try_that_is_stopped_tells_nothing_and_an_unknown_method_is_one_line(place: Path) -> None:
    parameters = TrySegmentParameters(images=[1], frames=[1], radius=3)
    assert list(run(Job.of(place, parameters), lambda: True)) == [Stopped()]
    [last] = run(Job.of(place, TrySegmentParameters(method="nothing", images=[1], frames=[1])))
    assert isinstance(last, Failed) and "no segmentation method 'nothing'" in last.message
