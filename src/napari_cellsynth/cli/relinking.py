"""The verb that finds moved images again: `relink`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from napari_cellsynth.cli.options import Json, ProjectPath
from napari_cellsynth.console import note, show
from napari_cellsynth.errors import UserError


def relink(
    project: ProjectPath,
    place: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the images are now.", show_default=False)],
    image: Annotated[
        str | None, typer.Option(help="Link this one image, by name, to the file, folder or glob given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find images that were moved, in a folder by name and content; other pixels are refused."""
    from napari_cellsynth.project import Project
    from napari_cellsynth.project.relinking import relink_folder

    with Project.open(project) as opened:
        if image is None:
            told = relink_folder(opened, place)
            note(told.words())
            show(asdict(told) | {"found": list(told.found.values())}, as_json)
            return
        images = opened.images()
        found = images.index[images["name"] == image]
        if not len(found):
            raise UserError(
                f"There is no image {image!r} in this project.", f"There are: {', '.join(images['name'][:9])}"
            )
        opened.relink(int(found[0]), place)
        show({"image": image, "path": str(opened.images().loc[found[0], "path"])}, as_json)
