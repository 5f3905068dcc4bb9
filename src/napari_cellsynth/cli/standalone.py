"""The verbs that need no project: `demo`, `doctor`, `recipes`, `enhance`."""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_cellsynth.cli.options import Json, Seed
from napari_cellsynth.cli.recipe_text import recipe_page, recipe_table
from napari_cellsynth.console import do, note, show
from napari_cellsynth.errors import UserError


def demo(
    out: Annotated[Path, typer.Option(help="Where the project and the results go.")] = Path("demo"),
    data: Annotated[
        Path | None,
        typer.Option(help="Your own data: objects.csv with images, or one folder a class, or images."),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="smoke (a minute), small (minutes) or full (the paper's settings).")
    ] = "small",
    classes: Annotated[str | None, typer.Option(help="Use these classes only, comma separated.")] = None,
    seed: Seed = 0,
    view: Annotated[bool, typer.Option(help="Open the result in the napari window.")] = False,
    as_json: Json = False,
) -> None:
    """Do the main job from images to overlay, on a simulated time-lapse or on your own DATA."""
    from napari_cellsynth.demo import run_demo

    chosen = None if classes is None else [name.strip() for name in classes.split(",") if name.strip()]
    result = run_demo(out, data=data, preset=preset, classes=chosen, seed=seed, do=do, say=note)
    show(result, as_json)
    if view:
        _open_window(Path(result["project"]))


def doctor(as_json: Json = False) -> None:
    """Tell what this machine has: device, Qt, versions, disk."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from napari_cellsynth.training.device import describe_device

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    packages = (
        "napari-cellsynth",
        "napari",
        "PyQt5",
        "PyQt6",
        "PySide6",
        "torch",
        "numpy",
        "scikit-image",
        "tifffile",
    )
    show(
        {
            "device": describe_device(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "free_disk_gb": round(shutil.disk_usage(Path.cwd()).free / 1e9, 1),
            "packages": {name: installed(name) for name in packages},
        },
        as_json,
    )


def recipes(
    name: Annotated[str | None, typer.Argument(help="Tell all about this one.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """List the recipes and what each is for; of a named one all settings, with their defaults and what they mean."""
    from napari_cellsynth.jobs.recipes import explained
    from napari_cellsynth.jobs.recipes import recipes as listed

    if name is None:
        print(json.dumps(listed()) if as_json else recipe_table(listed()))
    else:
        print(json.dumps(explained(name)) if as_json else recipe_page(explained(name)))


def enhance(
    image: Annotated[Path, typer.Argument(help="An image file.", show_default=False)],
    frame: Annotated[int, typer.Option(min=1, help="Which frame of a series.")] = 1,
    as_json: Json = False,
) -> None:
    """Compare the enhancements of a frame with the frame: MSE, PSNR (dB) and SSIM."""
    from napari_cellsynth.imaging.enhance import effects
    from napari_cellsynth.imaging.segment import to_gray
    from napari_cellsynth.imaging.source import open_image

    source = open_image(image)
    if frame > source.shape[0]:
        raise UserError(f"{image.name} has {source.shape[0]} frames, not {frame}.", "Choose a smaller one.")
    name = f"{image.name}, frame {frame}"
    rows = effects(to_gray(source.frame(frame - 1), name=name), name=name)
    if as_json:
        # JSON has no infinity: an unchanged frame's PSNR is null.
        finite = [row._asdict() | ({} if math.isfinite(row.psnr) else {"psnr": None}) for row in rows]
        print(json.dumps(finite))
        return
    print(f"{'':8}{'MSE':>10}{'PSNR':>8}{'SSIM':>8}")
    for row in rows:
        print(f"{row.method:8}{row.mse:>10.1f}{row.psnr:>8.2f}{row.ssim:>8.3f}")


def _open_window(project: Path) -> None:
    """Open the window in a process of its own: the command line itself stays free of Qt."""
    import importlib.util
    import subprocess

    if importlib.util.find_spec("napari") is None:
        raise UserError("The window needs napari and Qt.", "Install the extra pyqt5, pyqt6 or pyside6.")
    subprocess.run([sys.executable, "-m", "napari_cellsynth.widgets.workspace", str(project)], check=False)
