"""Groups are chosen in words, and what results is told before images are added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_cellsynth.project.groups import groups_in_words
from napari_cellsynth.project.images import group_of
from napari_cellsynth.widgets.group_row import BY_PATTERN, CHOICES, GroupRow, told
from napari_cellsynth.widgets.segment import SegmentDock
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui

PATHS = ["/data/day 1/plate1_A1.tif", "/data/day 1/plate1_B12.tif", "/data/day 2/plate2-A1_t0.tif"]


@pytest.mark.parametrize(
    ("choice", "groups"),
    [
        ("images of a folder", ["day 1", "day 1", "day 2"]),
        ("names alike up to _ or -", ["plate1", "plate1", "plate2"]),
        ("a well (A1 … P24)", ["A1", "B12", "A1"]),
    ],
)
def test_each_choice_finds_what_it_says(choice: str, groups: list[str]) -> None:
    assert [group_of(path, CHOICES[choice]) for path in PATHS] == groups


def test_the_groups_that_would_result_are_told_and_a_pattern_that_cannot_be_used_too(qtbot: Any) -> None:
    row = GroupRow()
    qtbot.addWidget(row)
    assert row.value() == "" and row.told.isHidden() and row.pattern.isHidden()
    row.choice.setCurrentText("images of a folder")
    assert "once there are images" in row.told.text()
    row.show_paths(PATHS)
    assert row.told.text() == "Of the images here that would make 2 groups: day 1, day 2."
    row.choice.setCurrentText(BY_PATTERN)
    assert not row.pattern.isHidden() and row.value() == ""
    with qtbot.waitSignal(row.changed) as caught:
        row.pattern.setText(r"(plate\d)")
    assert caught.args == [r"(plate\d)"] and "2 groups: plate1, plate2" in row.told.text()
    for wrong, words in (("(", "no regular expression"), ("plate", "brackets"), ("(nothing)", "finds no group")):
        row.pattern.setText(wrong)
        assert words in row.told.text() and row.told.property("role") == "problem"
    assert told([], "(nothing)") == ("Which groups result is told here once there are images.", False)
    assert told([], "(")[1]


def test_many_groups_are_counted_and_the_first_named() -> None:
    assert groups_in_words(["A"]) == "1 group: A"
    assert groups_in_words([f"g{i}" for i in range(9)]) == "9 groups: g0, g1, g2, g3, g4, g5 and 3 more"


def test_images_are_added_in_the_groups_chosen_and_that_is_said(
    session: Session, tmp_path: Path, said: list[str], qtbot: Any
) -> None:
    session.create(tmp_path / "p.cellsynth")
    dock = SegmentDock(session.viewer)
    qtbot.addWidget(dock)
    dock.groups.choice.setCurrentText("names alike up to _ or -")
    files = [tmp_path / f"{name}.tif" for name in ("plate1_a", "plate1_b", "plate2_a")]
    for number, file in enumerate(files):
        tifffile.imwrite(file, np.full((40, 50), number, np.uint8))
    with qtbot.waitSignal(session.images_changed):
        dock.add.add(files)
    assert session.project.images()["group"].tolist() == ["plate1", "plate1", "plate2"]
    assert "3 series added, in 2 groups: plate1, plate2." in said
    assert "2 groups: plate1, plate2" in dock.groups.told.text()
