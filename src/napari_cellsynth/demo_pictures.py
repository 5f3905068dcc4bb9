"""The pictures and the report that a demo leaves behind: predictions over a held-out frame, real beside synthetic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from napari_cellsynth.evaluate.figures import confusion_figure
from napari_cellsynth.evaluate.report import Section, write_report
from napari_cellsynth.imaging.crop import intensity_range, to_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from napari_cellsynth.project import Project

_OUTLINE_PX = 2
_SHOWN = 8


def write_pictures(
    path: Path, out: Path, run: str, result: dict[str, Any], trainings: dict[str, dict[str, Any]]
) -> None:
    """Write ``overlay.png``, ``gallery.png`` and ``report.html`` of the project at ``path`` into ``out``."""
    from napari_cellsynth.project import Project

    with Project.open(path, read_only=True) as project:
        overlay = write_overlay(project, out / "overlay.png", run)
        gallery = write_gallery(project, out / "gallery.png")
    write_report(out / "report.html", "napari-cellsynth: the main job", _sections(result, trainings, overlay, gallery))


def write_overlay(project: Project, target: Path, run: str | None) -> Figure:
    """Draw the held-out frame with the most objects, each outlined in its class's colour (predicted, or labelled)."""
    objects = project.objects()
    test = objects[objects["split"] == "test"]
    frames = (test if len(test) else objects).groupby(["image_id", "frame"]).size().to_dict()
    image_id, t = max(frames, key=lambda place: frames[place])
    objects = objects[(objects["image_id"] == image_id) & (objects["frame"] == t)]
    shown = objects["class_id"].copy()
    if run is not None:
        predicted = project.predictions(run=run, image_id=image_id, frame=t)["class_id"]
        shown.loc[predicted.index] = predicted
    classes = shown.to_dict()
    records = {record.id: record for record in project.classes()}
    frame = project.frame(image_id, t)
    picture = _display(frame)
    mask = project.mask(image_id, t)
    for row in objects.itertuples():
        record = records.get(classes[row.Index])
        color = to_rgb(record.color) if record else (0.6, 0.6, 0.6)
        box = tuple(slice(getattr(row, f"{axis}0"), getattr(row, f"{axis}1")) for axis in "yx")
        inside = np.ones(picture[box].shape[:2], dtype=bool) if mask is None else mask[box] == row.mask_label
        picture[box][_outline(inside)] = color
    counts = shown.value_counts()
    figure = Figure(figsize=(8, 8 * frame.shape[1] / frame.shape[2] + 0.6), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
    name = project.images()["name"].to_dict()[image_id]
    what = "predicted by" if run else "objects of"
    axes.set_title(f"{name}, frame {t}: {what} {run or 'the segmentation'}", fontsize=9)
    handles = [
        Patch(color=record.color, label=f"{record.name} {counts.get(record.id, 0)}") for record in records.values()
    ]
    if handles:
        figure.legend(
            handles=handles, loc="outside lower center", ncols=min(len(handles), 6), fontsize=8, frameon=False
        )
    figure.savefig(target, dpi=110)
    return figure


def write_gallery(project: Project, target: Path) -> Figure:
    """Draw, a row a class, real training crops beside synthetic patches (both picked at random)."""
    generator = np.random.default_rng(0)
    synthetic = project.synthetic()
    rows = [record for record in project.classes() if (synthetic["class_id"] == record.id).any()]
    figure = Figure(figsize=(2 * _SHOWN * 0.62 + 1.2, 0.66 * len(rows) + 0.5), layout="constrained")
    axes = figure.subplots(len(rows), 2 * _SHOWN + 1, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for row, record in enumerate(rows):
        made = synthetic[synthetic["class_id"] == record.id]
        recipe = project.run(made["run"].iloc[-1]).parameters["recipe"]
        objects = project.training_objects()
        real = generator.permutation(objects.index[objects["class_id"] == record.id].to_numpy())[:_SHOWN]
        size = recipe["size"]
        cut = [_centre(crop, size) for crop in project.crops(real.tolist(), size=size, fit=recipe["fit"])]
        drawn = project.read_synthetic(generator.permutation(made.index.to_numpy())[:_SHOWN].tolist())
        low, high = intensity_range(cut)
        for column, patches in ((0, cut), (_SHOWN + 1, list(drawn))):
            for place, patch in enumerate(patches):
                _show(axes[row, column + place], patch, low, high)
        axes[row, 0].text(
            -0.15, 0.5, record.name, ha="right", va="center", fontsize=8, transform=axes[row, 0].transAxes
        )
    axes[0, 0].set_title("real", fontsize=9, loc="left")
    axes[0, _SHOWN + 1].set_title("synthetic", fontsize=9, loc="left")
    figure.savefig(target, dpi=130)
    return figure


def _show(ax: Axes, patch: NDArray[Any], low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
    unit = (to_unit(patch[None], low, high)[0] + 1) / 2
    image = np.moveaxis(unit, 0, -1) if len(unit) == 3 else unit[0]
    ax.imshow(image, cmap="gray", vmin=0, vmax=1)


def _centre(crop: NDArray[Any], size: int) -> NDArray[Any]:
    y, x = ((length - size) // 2 for length in crop.shape[-2:])
    return crop[:, y : y + size, x : x + size]


def _display(frame: NDArray[Any]) -> NDArray[np.float32]:
    """Return a frame (C, Y, X) as RGB in 0..1, its contrast between the 0.1 and 99.9 percentiles."""
    low, high = np.percentile(frame, (0.1, 99.9))
    unit = np.clip((frame.astype(np.float32) - low) / max(high - low, 1e-6), 0, 1)
    chosen = unit if len(unit) == 3 else unit[:1].repeat(3, axis=0)
    return np.ascontiguousarray(np.moveaxis(chosen, 0, -1))


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_erosion

    inner: NDArray[np.bool_] = binary_erosion(mask, iterations=_OUTLINE_PX, border_value=0)
    return mask & ~inner


def _sections(
    result: dict[str, Any], trainings: dict[str, dict[str, Any]], overlay: Figure, gallery: Figure
) -> list[Section]:
    arms = {"real crops only": result["real"], "with synthetic patches": result["with_synthetic"]}
    names = ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "log_loss")
    scores = pd.DataFrame({arm: {name: _figure(values, name) for name in names} for arm, values in arms.items()})
    per_class = pd.DataFrame(result["with_synthetic"]["per_class"]).set_index("class").round(3)
    gans = pd.DataFrame([_gan_row(gan) for gan in result["gans"]]).set_index("class")
    held_out = (
        f"{result['crops']['held_out']} real crops of groups that nothing was learned from; "
        f"{result['crops']['training']} real crops were trained on. Intervals (95 %) resample whole groups."
    )
    extractors = sorted({gan["extractor"] for gan in result["gans"] if "extractor" in gan})
    measured = f"Features for the distance: {', '.join(extractors) or 'not measured, too few crops'}."
    return [
        Section("Does the synthetic data help here?", [_verdict(*arms.values()), scores, held_out]),
        Section("Predictions over a held-out frame", [overlay]),
        Section("Real and synthetic patches", [gallery, gans, measured]),
        Section(
            "Confusion on held-out crops",
            [
                part
                for arm, training in trainings.items()
                for part in (f"Trained on {arm}:", confusion_figure(training["confusion"], training["classes"]))
            ],
        ),
        Section("Per class, with synthetic patches", [per_class]),
        Section("What ran", [pd.Series(result["seconds"], name="seconds").to_frame(), f"Seed {result['seed']}."]),
    ]


def _verdict(real: dict[str, Any], mixed: dict[str, Any]) -> str:
    """Say what one training each way can say, and no more."""
    difference = 100 * (mixed["balanced_accuracy"] - real["balanced_accuracy"])
    return (
        f"Balanced accuracy changed by {difference:+.1f} points with synthetic patches. This is one training each way: "
        "differences within the intervals below are no effect that could be told from chance."
    )


def _figure(values: dict[str, Any], name: str) -> str:
    if values[name] is None:
        return "–"
    low, high = values["intervals"].get(name, (None, None))
    return f"{values[name]:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None else "")


def _gan_row(gan: dict[str, Any]) -> dict[str, Any]:
    row = {"class": gan["class"], "real crops": gan["crops"], "steps": gan["steps"]}
    if "kid" not in gan:
        return row | {"KID": "–", "KID, real to real": "–", "copies": "–", "against": "too few crops"}
    return row | {
        "KID": round(gan["kid"], 3),
        "KID, real to real": round(gan["floor"]["kid"], 3),
        "copies": f"{gan['copied']:.0%}",
        "against": f"{gan['n']} {gan['reference']}",
    }
