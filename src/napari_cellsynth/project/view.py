"""Where a person left a project: image, frame, object and dock, so that it is opened there again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, ValidationError

if TYPE_CHECKING:
    from napari_cellsynth.project.project import Project

Name = Annotated[str, Field(max_length=200)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class LayerLook(BaseModel):
    """How one of the project's layers is shown."""

    visible: bool = True
    opacity: float = Field(1.0, ge=0.0, le=1.0)
    contrast: tuple[Finite, Finite] | None = None


class View(BaseModel):
    """What is remembered; every part of it may be gone by the time it is asked for."""

    image_id: int | None = None
    frame: int = Field(0, ge=0)
    object_id: int | None = None
    dock: Name = ""
    centre: tuple[Finite, Finite] | None = None
    zoom: float | None = Field(None, gt=0, allow_inf_nan=False)
    layers: dict[Name, LayerLook] = Field(default_factory=dict, max_length=100)
    choices: dict[Name, Name] = Field(default_factory=dict, max_length=100)
    settings: dict[Name, Annotated[str, Field(max_length=10_000)]] = Field(default_factory=dict, max_length=100)


def read_view(project: Project) -> View:
    """Return where the project was left; what cannot be read is taken for nothing."""
    rows = project._db.read("SELECT value FROM settings WHERE name = 'view'")
    try:
        return View.model_validate_json(rows[0][0]) if rows else View()
    except ValidationError:
        return View()


def write_view(project: Project, view: View) -> None:
    """Remember where the project is left.

    Raises
    ------
    UserError
        When the project is read-only or cannot be written.
    """
    project._db.write("INSERT OR REPLACE INTO settings VALUES ('view', ?)", (view.model_dump_json(),))
