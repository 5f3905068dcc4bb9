"""Patches drawn again from their records, and the way from one to another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Preview
from napari_cellsynth.imaging.crop import to_unit
from napari_cellsynth.jobs import GenerateParameters, InterpolateParameters, Job, run
from napari_cellsynth.jobs.gan_patches import unit_range
from napari_cellsynth.jobs.interpolation import made_again
from napari_cellsynth.project import Project
from tests.jobs.test_run import result, train_small_gan


@pytest.fixture
def made(crops_project: Project) -> tuple[Project, list[int]]:
    """Six patches of one run."""
    of_blob = train_small_gan(crops_project)
    result(crops_project, GenerateParameters(run=of_blob, n=4, seed=3))
    result(crops_project, GenerateParameters(run=of_blob, n=2, seed=5))
    return crops_project, crops_project.synthetic().index.tolist()


def test_a_patch_comes_out_of_its_record_again_bit_for_bit(made: tuple[Project, list[int]]) -> None:
    project, ids = made
    wanted = [ids[5], ids[0], ids[3]]
    np.testing.assert_array_equal(made_again(project, wanted), project.read_synthetic(wanted))
    with pytest.raises(UserError, match="no synthetic patch 5"):
        made_again(project, [5])


def test_the_strip_begins_and_ends_with_the_two_patches(made: tuple[Project, list[int]], tmp_path: Path) -> None:
    project, ids = made
    parameters = InterpolateParameters(first=ids[0], last=ids[5], steps=6, file=str(tmp_path / "strip.png"))
    events = list(run(Job.of(project.path, parameters)))
    [strip] = [event.images for event in events if isinstance(event, Preview)]
    ends = to_unit(project.read_synthetic([ids[0], ids[5]]), *unit_range(project.runs("gan")[0]))
    np.testing.assert_allclose(strip[[0, -1]], ends, atol=0.05)  # the project keeps whole intensities
    assert np.asarray(Image.open(tmp_path / "strip.png")).shape == (32, 6 * 32)


def test_patches_of_two_runs_have_nothing_between_them(made: tuple[Project, list[int]]) -> None:
    project, ids = made
    other = train_small_gan(project, class_name="stripes")
    result(project, GenerateParameters(run=other, n=1))
    [last] = run(Job.of(project.path, InterpolateParameters(first=ids[0], last=project.synthetic().index[-1])))
    assert isinstance(last, Failed) and "different runs" in last.message and not last.traceback
