"""The command line: every verb of the window, from the same code.

Exit codes: 0 done, 2 the user's mistake (one line), 3 stopped, 1 a bug.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_cellsynth.cli_experiment import experiment
from napari_cellsynth.cli_insight import explain, label_help
from napari_cellsynth.cli_options import Device, Json, ProjectPath, Seed, Set
from napari_cellsynth.cli_review import review
from napari_cellsynth.console import StoppedByUser, do, dotted, note, overrides, show, show_quality, show_scores
from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from napari_cellsynth.project import Project

app = typer.Typer(
    name="napari-cellsynth",
    help="Segment, label, synthesise and classify cells, and learn whether the synthetic data helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_INTERRUPTED = 130


def _told_stopped() -> int:
    print("stopped", file=sys.stderr)
    return 3


def main() -> None:
    """Run the command line and exit with one of the documented codes."""
    try:
        code = app(standalone_mode=False)  # typer turns an interrupt into a return value here
        if code:
            sys.exit(_told_stopped() if code == _INTERRUPTED else code)
    except UserError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(2)
    except (StoppedByUser, KeyboardInterrupt, typer.Abort):
        sys.exit(_told_stopped())
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except BrokenPipeError:
        sys.exit(0)  # the reader of our output (a pager, `head`) has seen enough
    except Exception as error:
        # typer's own usage errors (unknown option, missing argument) carry their exit code and wording.
        if hasattr(error, "format_message"):
            print(f"error: {error.format_message()}", file=sys.stderr)
            sys.exit(2)
        raise


@app.command()
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


@app.command()
def init(
    project: ProjectPath,
    images: Annotated[list[str] | None, typer.Argument(help="Image files, folders of frames, or globs.")] = None,
    pixel_size: Annotated[float | None, typer.Option(help="Pixel size in µm.")] = None,
    group_by: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="What must not straddle a split: one capturing group over the path."),
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Class names, comma separated.")] = None,
    as_json: Json = False,
) -> None:
    """Make a project (or add images to it)."""
    names = [name.strip() for name in (classes or "").split(",") if name.strip()]
    with _made_or_opened(project, classes=names, pixel_size_um=pixel_size) as opened:
        known = {record.name for record in opened.classes()}
        for name in names:
            if name not in known:
                opened.add_class(name)
        added = opened.add_images([Path(image) for image in images], group_by=group_by) if images else []
        show({"project": str(opened.path), "images": len(opened.images()), "added": len(set(added))}, as_json)


@app.command()
def info(project: ProjectPath, as_json: Json = False) -> None:
    """Tell what is in a project."""
    with _open(project, read_only=True) as opened:
        images, objects, counts = opened.images(), opened.objects(), opened.label_counts()
        synthetic = opened.synthetic()
        show(
            {
                "project": str(opened.path),
                "images": len(images),
                "frames": int(images["frames"].sum()) if len(images) else 0,
                "missing_images": int(images["missing"].sum()) if len(images) else 0,
                "groups": int(images["group"].nunique()) if len(images) else 0,
                "held_out_groups": sum(split == "test" for split in opened.splits().values()),
                "objects": len(objects),
                "labels": {record.name: counts.get(record.id, 0) for record in opened.classes()},
                "unlabelled": counts.get(0, 0),
                "unsure": counts.get(-1, 0),
                "bad_segmentation": counts.get(-2, 0),
                "synthetic_patches": len(synthetic),
                "runs": [
                    {"id": run.id, "kind": run.kind, "recipe": run.recipe, "status": run.status}
                    for run in opened.runs()
                ],
            },
            as_json,
        )


@app.command()
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


@app.command("import")
def import_(project: ProjectPath, folder: Path, as_json: Json = False) -> None:
    """Import objects.csv with its images, or crops in one folder a class."""
    from napari_cellsynth.project.exchange import import_folder

    with _made_or_opened(project) as opened:
        report = import_folder(opened, folder)
        for notice in report.notices:
            note(notice)
        show(
            {
                "images": report.images,
                "objects": report.objects,
                "classes": report.classes,
                "notices": report.notices,
            },
            as_json,
        )


@app.command()
def segment(
    project: ProjectPath,
    enhance: Annotated[str, typer.Option(help="none, he, ahe or clahe.")] = "none",
    radius: Annotated[int, typer.Option(help="Texture radius in px.")] = 9,
    opening: Annotated[int, typer.Option(help="Opening radius in px.")] = 5,
    min_area: Annotated[int, typer.Option(help="Smallest object in px.")] = 500,
    flat_field_px: Annotated[float | None, typer.Option(help="Even out light over this distance in px.")] = None,
    split_touching: Annotated[bool, typer.Option(help="Part touching objects.")] = False,
    cell_width_px: Annotated[float | None, typer.Option(help="Width of a cell in px: parts confluent cells.")] = None,
    as_json: Json = False,
) -> None:
    """Find the objects in every frame; labels are carried over from an earlier segmentation."""
    from napari_cellsynth.jobs.job import SegmentParameters

    result = do(
        project,
        SegmentParameters,
        enhance=enhance,
        radius=radius,
        opening=opening,
        min_area=min_area,
        flat_field_px=flat_field_px,
        split_touching=split_touching,
        cell_width_px=cell_width_px,
    )
    show(result, as_json)


@app.command()
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


@app.command("train-gan")
def train_gan(
    project: ProjectPath,
    recipe: Annotated[str, typer.Option(help="The recipe, by name (`recipes` lists them).")] = "cellsynth",
    class_names: Annotated[list[str] | None, typer.Option("--class", help="A class (may be repeated), or all.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps.")] = None,
    seed: Seed = 0,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a stopped run.")] = None,
    device: Device = "auto",
    changes: Set = None,
    as_json: Json = False,
) -> None:
    """Train a GAN on the real training crops of a class, of every class in turn, or of all together (conditional)."""
    from napari_cellsynth.jobs.job import TrainGanParameters
    from napari_cellsynth.synthesis.recipes import gan_recipe

    chosen = gan_recipe(recipe, **overrides(changes))  # what is wrong for every class is told once
    wanted = class_names or ["all"]
    with _open(project, read_only=True) as opened:
        known = [record.name for record in opened.classes()]
    if not known:
        raise UserError("This project has no classes.", "Label crops in the window, or import labelled ones.")
    if resume:
        trainings: list[list[str]] = [[]]
    elif chosen.conditional:
        trainings = [[] if "all" in wanted else wanted]
    else:
        trainings = [[name] for name in (known if "all" in wanted else wanted)]
    results = []
    for classes in trainings:
        if len(trainings) > 1:
            note(f"{classes[0]}:")
        try:
            results.append(
                do(
                    project,
                    TrainGanParameters,
                    classes=classes,
                    recipe=recipe,
                    steps=steps,
                    seed=seed,
                    resume=resume,
                    overrides=overrides(changes),
                    device=device,
                )
            )
        except UserError as error:
            if len(trainings) == 1 or (classes == trainings[-1] and not any("run" in result for result in results)):
                raise
            note(f"skipped: {error}")  # one class with too few crops must not keep the others from training
            results.append({"class": classes[0], "error": error.message})
    show({"runs": results}, as_json)


@app.command()
def generate(
    project: ProjectPath,
    run: Annotated[str, typer.Option(help="The GAN run.")],
    n: Annotated[int, typer.Option("-n", help="How many patches a class.")] = 500,
    class_names: Annotated[
        list[str] | None, typer.Option("--class", help="Of this class alone; may be repeated.")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw synthetic patches from a trained GAN into the project."""
    from napari_cellsynth.jobs.job import GenerateParameters

    show(do(project, GenerateParameters, run=run, n=n, classes=class_names or [], seed=seed), as_json)


@app.command()
def draw(
    project: ProjectPath,
    class_name: Annotated[str, typer.Option("--class", help="The class that the patches stand for.")],
    drawing: Annotated[
        str, typer.Option("--drawing", help="circle, rings, or a colony: dense, spread, debris, differentiated.")
    ] = "circle",
    n: Annotated[int, typer.Option("-n", help="How many patches.")] = 500,
    size: Annotated[int, typer.Option(help="Side of a patch, px.")] = 64,
    fit: Annotated[str, typer.Option(help="The classifier's fit that they go with: auto, window or whole.")] = "auto",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw artificial patches (circles of Perlin noise, simulated colonies) into the project, without a GAN."""
    from napari_cellsynth.jobs.job import DrawParameters

    made = do(project, DrawParameters, class_name=class_name, drawing=drawing, n=n, size=size, fit=fit, seed=seed)
    show(made, as_json)


@app.command()
def quality(
    project: ProjectPath,
    run: Annotated[str, typer.Option(help="The GAN run.")],
    n: Annotated[int, typer.Option("-n", help="How many patches of either kind at most.")] = 500,
    extractor: Annotated[
        str, typer.Option(help="What describes patches: auto, inception, network, handmade, random-conv.")
    ] = "auto",
    inception: Annotated[str | None, typer.Option(help="File of torchvision's Inception v3 weights.")] = None,
    as_json: Json = False,
) -> None:
    """Measure a run's synthetic patches against held-out real ones, each figure beside what real patches get."""
    from napari_cellsynth.jobs.job import QualityParameters

    figures = do(project, QualityParameters, run=run, n=n, extractor=extractor, inception=inception)
    if as_json:
        show(figures, as_json)
        return
    for name, table in figures["classes"].items():
        show_quality(f"{figures['run']} · {name}", table)


app.command()(review)


@app.command("train-classifier")
def train_classifier(
    project: ProjectPath,
    recipe: Annotated[str, typer.Option(help="The recipe, by name (`recipes` lists them).")] = "fast",
    synthetic: Annotated[int, typer.Option(help="Synthetic patches a class.")] = 0,
    up_to: Annotated[
        int | None, typer.Option(metavar="N", help="Instead: fill rare classes up to N patches, real and synthetic.")
    ] = None,
    share: Annotated[
        float | None, typer.Option(metavar="S", help="Instead: S synthetic patches for each real crop.")
    ] = None,
    mode: Annotated[str, typer.Option(help="mixed, or pretrained (synthetic first, then real).")] = "mixed",
    seed: Seed = 0,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Go on with a stopped run.")] = None,
    device: Device = "auto",
    changes: Set = None,
    as_json: Json = False,
) -> None:
    """Train a classifier and score it on real crops of groups that nothing was learned from."""
    from napari_cellsynth.jobs.job import TrainClassifierParameters

    result = do(
        project,
        TrainClassifierParameters,
        recipe=recipe,
        synthetic=synthetic,
        up_to=up_to,
        share=share,
        mode=mode,
        seed=seed,
        resume=resume,
        overrides=overrides(changes),
        device=device,
    )
    show(result, True) if as_json else show_scores(result)


@app.command()
def predict(
    project: ProjectPath,
    images: Annotated[list[int] | None, typer.Argument(help="Image ids; all when left out.")] = None,
    run: Annotated[str | None, typer.Option(help="The classifier run; the newest when left out.")] = None,
    unsure_below: Annotated[
        float | None, typer.Option(help="Answer unsure below this confidence; kept for the project.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict the class of every object."""
    from napari_cellsynth.jobs.job import PredictParameters

    show(do(project, PredictParameters, run=run, images=images or None, unsure_below=unsure_below), as_json)


app.command()(experiment)
app.command()(explain)
app.command("label-help")(label_help)


@app.command()
def export(
    project: ProjectPath,
    out: Path,
    format_: Annotated[str, typer.Option("--format", help="csv")] = "csv",
    as_json: Json = False,
) -> None:
    """Write all objects with labels and predictions to a file."""
    from napari_cellsynth.project.exchange import export_csv

    if format_ != "csv":
        raise UserError(f"There is no export format {format_!r}.", "Choose csv.")
    with _open(project, read_only=True) as opened:
        written = export_csv(opened, out)
        show({"objects": len(opened.objects()), "file": str(written)}, as_json)


@app.command()
def recipes(as_json: Json = False) -> None:
    """List every recipe with its source and defaults."""
    from napari_cellsynth.jobs.recipes import recipes as listed

    if as_json:
        print(json.dumps(listed()))
        return
    for recipe in listed():
        print(f"{recipe['name']:<18} {recipe['kind']:<10} {recipe['source']}")
        print(
            f"{'':<29} parameters: {recipe['parameters']}; "
            + ", ".join(f"{name}={value}" for name, value in dotted(recipe["defaults"]).items())
        )


@contextmanager
def _made_or_opened(
    path: Path, *, classes: Sequence[str] = (), pixel_size_um: float | None = None
) -> Iterator[Project]:
    """Open the project, or make it; one that was made for work that then failed is taken away again."""
    from napari_cellsynth.project import Project

    if Project.is_project(path):
        if pixel_size_um is not None:
            raise UserError("The pixel size is set when a project is made.", "Leave --pixel-size out.")
        with Project.open(path) as opened:
            yield opened
        return
    made = Project.create(path, classes=classes, pixel_size_um=pixel_size_um)
    try:
        with made:
            yield made
    except BaseException:
        shutil.rmtree(made.path)
        raise


def _open(path: Path, *, read_only: bool) -> Project:
    from napari_cellsynth.project import Project

    return Project.open(path, read_only=read_only)


def _open_window(project: Path) -> None:
    """Open the window in a process of its own: the command line itself stays free of Qt."""
    import importlib.util
    import subprocess

    if importlib.util.find_spec("napari") is None:
        raise UserError("The window needs napari and Qt.", "Install the extra pyqt5, pyqt6 or pyside6.")
    subprocess.run([sys.executable, "-m", "napari_cellsynth.widgets.workspace", str(project)], check=False)
