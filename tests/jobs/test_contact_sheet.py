"""The contact sheet: which patches are on it, their scale, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from napari_cellsynth.cli import app
from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.jobs.contact_sheet import MOST, Group, write_contact_sheet
from napari_cellsynth.jobs.sheet_page import GAP, LINE, MARGIN, round_length
from napari_cellsynth.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Four 20 px objects of an image of 0.5 µm pixels, and six patches of 32 px of a run that keeps pixels."""
    labels = np.zeros((80, 80), np.int32)
    for number, (y, x) in enumerate(((5, 5), (5, 45), (45, 5), (45, 45))):
        labels[y : y + 20, x : x + 20] = number + 1
    tifffile.imwrite(tmp_path / "a.tif", (labels * 60).astype(np.uint8))
    made = Project.create(tmp_path / "p.cellsynth", classes=["round", "flat"], pixel_size_um=0.5)
    [image] = made.add_images([tmp_path / "a.tif"])
    made.set_objects(image, 0, boxes_of(labels), labels)
    made.label([1, 2], 1)
    run = made.new_run("gan", "dcgan", {"recipe": {"fit": "window"}}, class_id=1, groups=[], seed=0)
    pixels = np.repeat(np.arange(6, dtype=np.uint8)[:, None] * 40, 32 * 32, axis=1).reshape(6, 1, 32, 32)
    made.add_synthetic(run.id, "step", 1, 0, 0, pixels)
    yield made
    made.close()


def ids(project: Project) -> list[int]:
    return project.synthetic().index.tolist()


def test_a_patch_is_where_it_belongs_and_between_black_and_white(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"
    told = write_contact_sheet(project, [Group("", ids(project))], file, cell=40, columns=3)
    assert (told["patches"], told["of"]) == (6, 6)
    picture = np.asarray(Image.open(file))
    first = MARGIN + LINE + 4
    levels = [int(picture[first + 20, MARGIN + place * (40 + GAP) + 20, 0]) for place in range(3)]
    # Grey levels 0, 40 and 80 of 0 to 200.
    assert levels == pytest.approx([0, 51, 102], abs=2)


def test_its_scale_is_that_of_the_image_for_crops_and_patches_alike(project: Project, tmp_path: Path) -> None:
    # 32 pixels of 0.5 µm on 64 of the sheet.
    groups = [Group("real", [1, 2]), Group("made", ids(project))]
    told = write_contact_sheet(project, groups, tmp_path / "sheet.png", cell=64)
    assert told["scale"] == pytest.approx(0.25)
    assert [round_length(value) for value in (16.0, 5.0, 0.7, 99.0)] == [10, 5, 0.5, 50]


def test_patches_resized_to_whole_objects_have_no_scale(project: Project, tmp_path: Path) -> None:
    run = project.new_run("gan", "dcgan", {"recipe": {"fit": "whole"}}, class_id=2, groups=[], seed=0)
    project.add_synthetic(run.id, "step", 2, 0, 0, np.zeros((2, 1, 16, 16), np.uint8))
    told = write_contact_sheet(project, [Group("", ids(project)), Group("", [1])], tmp_path / "sheet.png")
    assert told["patches"] == 9 and told["scale"] is None


def test_five_channels_of_sixteen_bits_and_a_very_long_name_fit(project: Project, tmp_path: Path) -> None:
    long = project.add_class(("a name that somebody has made very long " * 2).strip())
    run = project.new_run("gan", "dcgan", {}, class_id=long, groups=[], seed=0)
    pixels = np.random.default_rng(0).integers(0, 65_000, (3, 5, 24, 24)).astype(np.uint16)
    made = project.add_synthetic(run.id, "step", long, 0, 0, pixels)
    write_contact_sheet(project, [Group("x" * 500, made)], tmp_path / "sheet.png", contrast="class")
    picture = Image.open(tmp_path / "sheet.png")
    assert picture.width < 700
    assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 500


def test_of_too_many_an_even_selection_is_drawn(project: Project, tmp_path: Path) -> None:
    [run] = project.runs()
    project.add_synthetic(run.id, "step", 1, 0, 6, np.zeros((MOST, 1, 8, 8), np.uint8))
    chosen = project.synthetic().index[6:].tolist()
    told = write_contact_sheet(project, [Group("", [*chosen, chosen[0]])], tmp_path / "sheet.png", cell=16, columns=40)
    assert (told["patches"], told["of"]) == (MOST // 2 + 1, MOST + 1)


@pytest.mark.parametrize(
    ("groups", "name", "words"),
    [
        ([], "a.png", "no patches"),
        ([Group("", [77])], "a.png", "no object 77"),
        ([Group("", [1])], "a.jpg", "no .png"),
        ([Group("", [1])], "nowhere/a.png", "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_line(
    project: Project, tmp_path: Path, groups: list[Group], name: str, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        write_contact_sheet(project, groups, tmp_path / name)


def test_the_command_line_draws_a_class_with_its_real_crops(project: Project, tmp_path: Path) -> None:
    arguments = [
        "review",
        str(project.path),
        "--class",
        "round",
        "--real",
        "--sheet",
        str(tmp_path / "s.png"),
        "--json",
    ]
    told = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert told["patches"] == 8
    wrong = CliRunner().invoke(app, [*arguments, "--contrast", "none"])
    assert isinstance(wrong.exception, UserError)
