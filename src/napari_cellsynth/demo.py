"""The main job in one go: images → objects → labels → a GAN per class → classifier with and without → overlay.

On the simulated time-lapse the simulator's ground truth plays the person who labels; on data of one's own the labels
are imported. Every step is the same job that the docks submit.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.job import (
    GenerateParameters,
    PredictParameters,
    QualityParameters,
    SegmentParameters,
    TrainClassifierParameters,
    TrainGanParameters,
)
from napari_cellsynth.project import Project

Do = Callable[..., dict[str, Any]]
Say = Callable[[str], None]

LEFT_OPEN = 3
"""Every third simulated object stays unlabelled."""


@dataclass(frozen=True)
class Preset:
    """How much work a demo does."""

    videos: int
    frames: int
    size: int
    colonies: int
    gan_steps: int  # over all classes together, so that sixteen classes take no longer than four
    gan_least: int
    synthetic: int
    classifier: str = "fast"
    classifier_steps: int | None = None  # at most; fewer epochs where there are many crops
    gan: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)


PRESETS = {
    # Small batches: twice the steps that large ones would allow in the same time.
    "smoke": Preset(
        videos=4,
        frames=2,
        size=512,
        colonies=12,
        gan_steps=40,
        gan_least=10,
        synthetic=16,
        gan={"width": 8, "batch": 16},
        overrides={"epochs": 3, "least_steps": 60, "batch": 16},
    ),
    "small": Preset(6, 8, 768, 12, 2_000, 60, 100, classifier_steps=2400, gan={"width": 32, "batch": 32}),
    # The paper's own sizes (S0, section 4): 500 synthetic patches a class, hESCnet. For a GPU, or a night.
    "full": Preset(15, 48, 2098, 25, 20_000, 2_000, 500, classifier="hescnet"),
}


def run_demo(
    out: Path,
    *,
    data: Path | None = None,
    preset: str = "small",
    classes: Sequence[str] | None = None,
    seed: int = 0,
    do: Do,
    say: Say,
) -> dict[str, Any]:
    """Do the main job and write its project, pictures and figures into ``out``.

    Parameters
    ----------
    out : Path
        A folder of this demo's own; an earlier demo's results in it are replaced.
    data : Path, optional
        ``objects.csv`` with images, one folder a class, or images; simulated time-lapses when left out.
    preset : {"smoke", "small", "full"}
        How much work.
    classes : sequence of str, optional
        Keep the labels of these classes only.
    seed : int
        Seed of everything random.
    do : callable
        Runs a job: ``do(project, ParametersModel, **values) -> result``.
    say : callable
        Shows a line to the user.

    Returns
    -------
    dict
        What ``result.json`` holds: held-out scores with and without synthetic patches, counts, seconds, files.

    Raises
    ------
    UserError
        Where the preset is unknown, the data cannot be read, or ``out`` holds something that is no demo's.
    """
    if preset not in PRESETS:
        raise UserError(f"There is no preset {preset!r}.", f"Choose one of {', '.join(PRESETS)}.")
    plan = PRESETS[preset]
    path = _fresh_folder(out) / "demo.cellsynth"
    started, timed = time.monotonic(), _Timed(say)
    if data is None:
        timed("simulate", lambda: _simulated(out, path, plan, seed))
        found = timed("segment", lambda: do(path, SegmentParameters))
        timed("label", lambda: _label_by_truth(path, out / "simulated"))
    else:
        found = timed("import", lambda: _imported(path, data, classes, say))
        if not found["labelled"]:
            return _unlabelled(path, out, timed("segment", lambda: do(path, SegmentParameters)), timed.seconds, say)
    names = timed("hold out groups", lambda: _held_out(path, seed))
    gans = timed("train a GAN per class", lambda: _gans(path, names, plan, seed, do, say))
    real, mixed = _classifiers(path, plan, seed, do, timed)
    predicted = timed("predict", lambda: do(path, PredictParameters, run=mixed["run"]))
    result = {
        "project": str(path),
        "preset": preset,
        "seed": seed,
        "classes": names,
        "objects": found["objects"],
        "crops": {"training": real["real"], "held_out": real["held_out"]},
        "gans": gans,
        "real": _score(real),
        "with_synthetic": _score(mixed),
        "predicted": predicted["objects"],
        "seconds": timed.seconds,
    }
    from napari_cellsynth.demo_pictures import write_pictures

    both = {"real": real, "with synthetic": mixed}
    timed("draw", lambda: write_pictures(path, out, mixed["run"], result, both))
    result["seconds_in_all"] = round(time.monotonic() - started, 1)
    result["files"] = ["overlay.png", "gallery.png", "report.html", "result.json"]
    (out / "result.json").write_text(json.dumps(result, indent=1))
    return result


class _Timed:
    """Does one step after the other, says each one's name before, and keeps how many seconds each took."""

    def __init__(self, say: Say) -> None:
        self.seconds: dict[str, float] = {}
        self._say = say

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        self._say(f"· {name}")
        before = time.monotonic()
        value = work()
        self.seconds[name] = round(time.monotonic() - before, 1)
        return value


def _classifiers(path: Path, plan: Preset, seed: int, do: Do, timed: _Timed) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train on real crops alone and with synthetic patches, alike in everything else."""
    settings = {"recipe": plan.classifier, "seed": seed, "overrides": _overrides(path, plan)}
    real = timed("train on real crops", lambda: do(path, TrainClassifierParameters, **settings))
    mixed = timed(
        f"train on real crops + {plan.synthetic} synthetic a class",
        lambda: do(path, TrainClassifierParameters, synthetic=plan.synthetic, **settings),
    )
    return real, mixed


def _fresh_folder(out: Path) -> Path:
    """Make room for this demo, replacing an earlier demo's results and nothing else."""
    ours = {"demo.cellsynth", "simulated", "overlay.png", "gallery.png", "report.html", "result.json"}
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file.", "Choose a folder with --out.")
    if out.exists():
        foreign = sorted(entry.name for entry in out.iterdir() if entry.name not in ours)
        if foreign:
            raise UserError(f"{out} holds {foreign[0]}, which no demo wrote.", "Choose an empty folder with --out.")
        for entry in out.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    out.mkdir(parents=True, exist_ok=True)
    return out


def _simulated(out: Path, path: Path, plan: Preset, seed: int) -> None:
    from napari_cellsynth.imaging.simulate import CLASS_NAMES, write_timelapses

    videos = write_timelapses(
        out / "simulated", plan.videos, frames=plan.frames, size=plan.size, colonies=plan.colonies, seed=seed
    )
    with Project.create(path, classes=CLASS_NAMES) as project:
        project.add_images(videos)


def _label_by_truth(path: Path, simulated: Path) -> None:
    """Label two of three objects of each class and video by the colony that they mostly cover, as a person would.

    The third one is left to whoever opens the project, with what covers no colony: the Label dock has work at once.
    """
    import pandas as pd
    import tifffile

    told = pd.read_csv(simulated / "truth.csv")
    kind = {(row.image, row.label): row[4] for row in told[["image", "frame", "label", "class"]].itertuples()}
    with Project.open(path) as project:
        for image in project.images().itertuples():
            file, seen = f"{image.name}.tif", Counter[int]()
            for t in range(image.frames):
                mask = project.mask(image.Index, t)
                if mask is None:
                    continue
                truth = tifffile.imread(simulated / "labels" / file, key=t)
                chosen: dict[int, list[int]] = {}
                for found in project.objects(image_id=image.Index, frame=t).itertuples():
                    colony = int(np.bincount(truth[mask == found.mask_label]).argmax())
                    if not colony:
                        continue
                    class_id = project.class_named(kind[file, colony]).id
                    seen[class_id] += 1
                    if seen[class_id] % LEFT_OPEN:
                        chosen.setdefault(class_id, []).append(found.Index)
                for class_id, members in chosen.items():
                    project.label(members, class_id, source="import")


def _imported(path: Path, data: Path, classes: Sequence[str] | None, say: Say) -> dict[str, Any]:
    from napari_cellsynth.project import UNLABELLED
    from napari_cellsynth.project.exchange import import_folder

    with Project.create(path) as project:
        plain = _plain_images(data)
        if plain:
            project.add_images(plain)
            return {"objects": 0, "labelled": 0}
        for notice in import_folder(project, data).notices:
            say(notice)
        project.require_single_label("The demo")
        if classes is not None:
            keep = {project.class_named(name).id for name in classes}
            table = project.objects()
            project.label(table.index[~table["class_id"].isin(keep)].tolist(), UNLABELLED, source="bulk")
        table = project.objects()
        return {"objects": len(table), "labelled": int((table["class_id"] > 0).sum())}


def _plain_images(folder: Path) -> list[Path]:
    """Return the folder's images where there is nothing else to tell what is on them."""
    from napari_cellsynth.imaging.source import ENDINGS

    if not folder.is_dir() or (folder / "objects.csv").exists() or any(entry.is_dir() for entry in folder.iterdir()):
        return []
    return sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in ENDINGS)


def _unlabelled(path: Path, out: Path, found: dict[str, Any], seconds: dict[str, float], say: Say) -> dict[str, Any]:
    from napari_cellsynth.demo_pictures import write_overlay

    with Project.open(path) as project:
        write_overlay(project, out / "overlay.png", None)
    say("No labels: the objects were found and drawn; label some in the window, then train.")
    result = {
        "project": str(path),
        "objects": found["objects"],
        "frames": found["frames"],
        "seconds": seconds,
    }
    (out / "result.json").write_text(json.dumps(result, indent=1))
    return result


def _held_out(path: Path, seed: int) -> list[str]:
    """Hold groups out where the data did not come with a split, and return the classes that have training crops."""
    with Project.open(path) as project:
        if "test" not in project.splits().values():
            project.hold_out(seed=seed)
        counts = project.training_objects()["class_id"].value_counts()
        return [record.name for record in project.classes() if counts.get(record.id, 0) >= 2]


def _overrides(path: Path, plan: Preset) -> dict[str, Any]:
    """Return the classifier's settings: the preset's, with so few epochs that its steps are not exceeded."""
    if plan.classifier_steps is None:
        return plan.overrides
    from napari_cellsynth.classify.recipe_base import NetworkRecipe
    from napari_cellsynth.classify.recipes import classifier_recipe

    recipe = classifier_recipe(plan.classifier)
    assert isinstance(recipe, NetworkRecipe)
    with Project.open(path, read_only=True) as project:
        steps_an_epoch = -(-len(project.training_objects()) // recipe.batch)
    return plan.overrides | {"epochs": max(1, min(recipe.epochs, plan.classifier_steps // steps_an_epoch))}


def _gans(path: Path, names: list[str], plan: Preset, seed: int, do: Do, say: Say) -> list[dict[str, Any]]:
    steps = max(plan.gan_least, plan.gan_steps // len(names))
    gans = []
    for name in names:
        say(f"  {name}")
        run = do(path, TrainGanParameters, classes=[name], steps=steps, seed=seed, overrides=plan.gan)
        gan = {"class": name, "run": run["run"], "crops": run["crops"], "steps": steps}
        do(path, GenerateParameters, run=run["run"], n=plan.synthetic, seed=seed)
        try:
            quality = do(path, QualityParameters, run=run["run"], n=max(10, min(plan.synthetic, 200)), seed=seed)
            table = quality["classes"][name]
            gan |= {key: table[key] for key in ("kid", "copied", "floor", "n", "extractor", "reference")}
        except UserError as error:  # too few crops to measure with are no reason to end the demo
            say(f"  {name} is not measured: {error.message}")
        gans.append(gan)
    return gans


def _score(result: dict[str, Any]) -> dict[str, Any]:
    return {"run": result["run"], "synthetic": result["synthetic"], **(result.get("scores") or {})}
