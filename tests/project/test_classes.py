from __future__ import annotations

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import PALETTE, Project


def test_classes_keep_their_id_through_every_change(project: Project) -> None:
    assert [(c.id, c.name, c.key, c.position) for c in project.classes()] == [
        (1, "Dense", "1", 0),
        (2, "Spread", "2", 1),
    ]
    project.rename_class(1, "Compact")
    project.recolor_class(1, "#ABCDEF")
    project.rename_class(2, "Dense")
    assert [(c.id, c.name) for c in project.classes()] == [(1, "Compact"), (2, "Dense")]
    assert project.class_named("Compact").color == "#abcdef"


def test_colours_differ_and_keys_end_after_nine(project: Project) -> None:
    for number in range(10):
        project.add_class(f"c{number}")
    assert [c.color for c in project.classes()] == list(PALETTE[:12])
    assert [c.key for c in project.classes()] == [*"123456789", "", "", ""]


@pytest.mark.parametrize(
    "name", ["", "  ", "two\nlines", "Dense", " Dense ", "unlabelled", "Unsure", "bad segmentation", "all", "All"]
)
def test_a_name_that_is_empty_taken_or_reserved_is_refused(project: Project, name: str) -> None:
    with pytest.raises(UserError):
        project.add_class(name)
    if name != "Dense" and name.strip() != "Dense":
        with pytest.raises(UserError):
            project.rename_class(1, name)
    assert len(project.classes()) == 2


@pytest.mark.parametrize("name", ["dense", "DENSE", "x" * 81])
def test_a_name_that_differs_only_in_case_or_is_endless_is_refused_in_one_line(project: Project, name: str) -> None:
    for change in (lambda: project.add_class(name), lambda: project.rename_class(2, name)):
        with pytest.raises(UserError, match=r"only in case|80 characters at most") as told:
            change()
        assert len(told.value.message) < 100 and "\n" not in told.value.message


def test_a_class_may_change_the_case_of_its_own_name_and_be_eighty_characters_long(project: Project) -> None:
    project.rename_class(1, "DENSE")
    project.rename_class(2, "x" * 80)
    assert [record.name for record in project.classes()] == ["DENSE", "x" * 80]


def test_a_wrong_name_lists_the_right_ones(project: Project) -> None:
    with pytest.raises(UserError, match="Dense, Spread"):
        project.class_named("Dens")
    with pytest.raises(UserError, match="#e69f00"):
        project.recolor_class(1, "orange")
    with pytest.raises(UserError, match="no class with the id 9"):
        project.rename_class(9, "x")


def test_a_class_is_found_by_name_or_by_id(project: Project) -> None:
    numbered = project.add_class("1")
    assert project.class_named("1").id == numbered
    assert project.class_named(1).id == 1 != numbered
    with pytest.raises(UserError, match="no class 99"):
        project.class_named(99)
