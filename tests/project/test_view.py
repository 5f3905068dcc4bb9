"""Where a project was left is there again, and what cannot be read of it is taken for nothing."""

from __future__ import annotations

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project
from napari_cellsynth.project.view import LayerLook, View, read_view, write_view


def test_a_project_that_was_never_left_opens_at_its_beginning(project: Project) -> None:
    assert read_view(project) == View()


def test_where_it_was_left_outlives_the_program(project: Project) -> None:
    view = View(
        image_id=1,
        frame=2,
        object_id=3,
        dock="LabelDock",
        centre=(1.5, 2),
        layers={"objects": LayerLook(opacity=0.5)},
        choices={"order": "by area"},
    )
    write_view(project, View())
    write_view(project, view)
    path = project.path
    project.close()
    with Project.open(path, read_only=True) as again:
        assert read_view(again) == view
        with pytest.raises(UserError):
            write_view(again, View())


@pytest.mark.parametrize("told", ["", "{", "[]", '{"frame": -1}', '{"zoom": 0}', '{"layers": {"a": {"opacity": 7}}}'])
def test_what_cannot_be_read_is_taken_for_nothing(project: Project, told: str) -> None:
    write_view(project, View(frame=2))
    project._db.write("UPDATE settings SET value = ? WHERE name = 'view'", (told,))
    assert read_view(project) == View()
