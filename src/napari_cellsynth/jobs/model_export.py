"""A trained network for other programs: ONNX, or a bioimage.io model folder (ONNX, test tensors, card).

After the bioimage.io model description 0.5 (bioimage-io.github.io/spec-bioimage-io). The network that is written takes
raw intensities and answers with calibrated probabilities: scaling, flips and turns, and temperature are part of it.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.classifiers import chosen_classifier, cut_as
from napari_cellsynth.project import Project
from napari_cellsynth.project.exporting import FORMATS, Format, format_of
from napari_cellsynth.project.exporting import export as export_project
from napari_cellsynth.project.formats.place import file_beside, folder_beside, library

if TYPE_CHECKING:
    from napari_cellsynth.classify.model import Classifier
    from napari_cellsynth.project.runs import RunRecord

MODEL_FORMATS = (
    Format("onnx", (".onnx",), "a trained classifier", f"{__name__}:write_onnx", of_run=True),
    Format("bioimageio", (), "the same with test tensors and a card", f"{__name__}:write_bioimageio", of_run=True),
)
_OPSET = 18
_TESTED = 4


def export(project: Project, out: str | Path, format: str | None = None, *, run: str | None = None) -> Path:
    """Write a project, or a classifier of it, in a format; parameters as of `project.exporting.export`.

    Raises
    ------
    UserError
        As there; or when there is no such classifier, or it is one that learns from features.

    Examples
    --------
    >>> import napari_cellsynth as cs
    >>> with cs.Project.create("cells.cellsynth") as project:
    ...     image = project.add_images(["plate.tif"])
    ...     written = cs.export(project, "objects.csv")  # the ending tells the format
    >>> written.name
    'objects.csv'
    """
    chosen = format_of(out, format, FORMATS + MODEL_FORMATS)
    if chosen in MODEL_FORMATS:
        return (write_onnx if chosen.name == "onnx" else write_bioimageio)(project, out, run=run)
    return export_project(project, out, chosen.name, run=run)


def write_onnx(project: Project, out_path: str | Path, *, run: str | None = None) -> Path:
    """Write a trained network as ONNX: raw patches (N, C, S, S) float32 in, probabilities (N, K) out.

    Raises
    ------
    UserError
        When there is no such classifier, it learns from features, or it cannot be written.
    """
    record = chosen_classifier(project, run)
    model = _network(record)
    with file_beside(out_path) as (beside, out):
        _write_network(model, record, beside)
    return out


def write_bioimageio(project: Project, out_path: str | Path, *, run: str | None = None) -> Path:
    """Write a trained network as a bioimage.io model folder.

    Raises
    ------
    UserError
        When there is no such classifier, it learns from features, or it cannot be written.
    """
    import yaml

    record = chosen_classifier(project, run)
    model = _network(record)
    with folder_beside(out_path) as (beside, out):
        raw, answers = _tests(project, record, model)
        _write_network(model, record, beside / "weights.onnx")
        np.save(beside / "test_input.npy", raw)
        np.save(beside / "test_output.npy", answers)
        (beside / "README.md").write_text(_card(record, model), encoding="utf-8")
        told = _description(record, model, beside)
        text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
        (beside / "rdf.yaml").write_text(text, encoding="utf-8")
    return out


def _network(record: RunRecord) -> Classifier:
    from napari_cellsynth.classify.ensemble import Ensemble
    from napari_cellsynth.classify.model import Classifier
    from napari_cellsynth.classify.predict import load

    model = load(record.folder)
    if not isinstance(model, Classifier) or isinstance(model, Ensemble):
        raise UserError(
            f"{record.id} ({record.recipe}) learns from features, not with a network alone.",
            "Train a network, for example --recipe fast, and export that.",
        )
    return model


def _tests(project: Project, record: RunRecord, model: Classifier) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return raw patches of real objects, and what the classifier itself answers to them."""
    from napari_cellsynth.classify.predict import predict
    from napari_cellsynth.imaging.crop import to_unit

    recorded, size = record.parameters, model.recipe.size
    chosen = [pair[0] for pair in recorded["test_objects"] or recorded["training_objects"]][:_TESTED]
    patches = []
    for crop in project.crops(chosen, **cut_as(recorded["recipe"])):
        y, x = ((side - size) // 2 for side in crop.shape[1:])
        patches.append(crop[:, y : y + size, x : x + size])
    raw = np.stack(patches).astype(np.float32)
    low, high = (np.asarray(recorded[end], np.float32) for end in ("low", "high"))
    return raw, predict(model, to_unit(raw, low, high))


def _write_network(model: Classifier, record: RunRecord, file: Path) -> None:
    """Write the network with all that comes before and after it."""
    import torch
    from torch import nn

    from napari_cellsynth.classify.predict import symmetries

    onnx = library("onnx", "ONNX")
    library("onnxscript", "ONNX")
    low, high = (torch.tensor(record.parameters[end]).view(1, -1, 1, 1) for end in ("low", "high"))
    turned = model.recipe.symmetries

    class Whole(nn.Module):
        low: torch.Tensor
        span: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.network = model.network
            self.register_buffer("low", low.float())
            self.register_buffer("span", (high - low).float())

        def forward(self, raw: torch.Tensor) -> torch.Tensor:
            x = ((raw - self.low) / self.span * 2 - 1).clamp(-1, 1)
            views = list(symmetries(x)) if turned else [x]
            logits = [self.network(view) for view in views]
            if model.thresholds is not None:
                return torch.stack([each.sigmoid() for each in logits]).mean(dim=0)
            p = torch.stack([each.softmax(dim=1) for each in logits]).mean(dim=0)
            return torch.softmax(p.clamp_min(1e-30).log() / model.temperature, dim=1)

    example = torch.zeros(2, model.channels, model.recipe.size, model.recipe.size)
    batch = torch.export.Dim("batch", min=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Whole().eval(), (example,), input_names=["raw"], output_names=["probabilities"], opset_version=_OPSET,
            dynamic_shapes=({0: batch},), dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    made = program.model_proto
    for key, value in (("class_names", "|".join(model.class_names)), ("run", record.id)):
        made.metadata_props.add(key=key, value=value)
    file.write_bytes(made.SerializeToString())
    onnx.checker.check_model(str(file))


def _description(record: RunRecord, model: Classifier, folder: Path) -> dict[str, Any]:
    """Return the resource description (``rdf.yaml``)."""
    size = model.recipe.size

    def file(name: str) -> dict[str, str]:
        return {"source": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}

    def data(low: float | None, high: float | None) -> dict[str, Any]:
        return {"type": "float32", "range": [low, high], "unit": "arbitrary unit"}

    channels = [f"channel{number}" for number in range(model.channels)]
    space = [{"type": "space", "id": name, "size": size} for name in ("y", "x")]
    return {
        "type": "model",
        "format_version": "0.5.4",
        "name": f"{record.recipe} classifier of {len(model.class_names)} classes ({record.id})",
        "description": f"Tells {', '.join(model.class_names)} apart in single objects.",
        "authors": [{"name": "A user of napari-cellsynth"}],
        "cite": [{"text": "napari-cellsynth", "url": "https://github.com/napari-cellsynth/napari-cellsynth"}],
        "documentation": "README.md",
        "tags": ["classification", "microscopy", "2d", "napari-cellsynth"],
        "timestamp": record.ended or datetime.now(UTC).isoformat(),
        "inputs": [
            {
                "id": "raw",
                "description": "One object a patch, raw intensities.",
                "axes": [{"type": "batch"}, {"type": "channel", "channel_names": channels}, *space],
                "test_tensor": file("test_input.npy"),
                "data": data(None, None),
            }
        ],
        "outputs": [
            {
                "id": "probabilities",
                "description": "Of each class.",
                "axes": [{"type": "batch"}, {"type": "channel", "channel_names": _identifiers(model.class_names)}],
                "test_tensor": file("test_output.npy"),
                "data": data(0.0, 1.0),
            }
        ],
        "weights": {"onnx": file("weights.onnx") | {"opset_version": _OPSET}},
        "config": {
            "napari_cellsynth": {
                "class_names": list(model.class_names),
                "thresholds": None if model.thresholds is None else list(model.thresholds),
                "recipe": record.parameters["recipe"],
            }
        },
    }


def _identifiers(names: tuple[str, ...]) -> list[str]:
    """Return names as the description takes them, lower-case identifiers, each once."""
    found: list[str] = []
    for number, name in enumerate(names):
        plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
        plain = plain if plain[:1].isalpha() and plain not in found else f"class{number}"
        found.append(plain)
    return found


def _card(record: RunRecord, model: Classifier) -> str:
    """Return what a reader of the model needs: what it is for, how it was trained and tested, what it takes."""
    recorded = record.parameters
    scores: Mapping[str, Any] = record.result.get("scores") or {}
    said = [f"- {name}: {scores[name]:.3f}" for name in ("balanced_accuracy", "accuracy", "macro_f1") if name in scores]
    groups = ", ".join(sorted(set(recorded.get("test_groups") or []))) or "none"
    fit = "the window around its box" if recorded["recipe"]["fit"] == "window" else "the square around its box, resized"
    answer = (
        "A sigmoid for each class; an object has the classes above their thresholds "
        + ", ".join(f"{threshold:.2f}" for threshold in model.thresholds)
        if model.thresholds is not None
        else f"Probabilities at the temperature {model.temperature:.3g}, fitted on crops that were not learned from"
    )
    return "\n\n".join(
        [
            f"# Classifier {record.id}",
            f"Recipe `{record.recipe}`, trained by napari-cellsynth {version('napari-cellsynth')} on "
            f"{len(recorded['training_objects'])} real objects and {len(recorded['synthetic_patches'])} synthetic "
            f"patches ({recorded['mode']}), seed {record.seed}, {record.ended}.",
            "## Input and output",
            f"A patch is {fit}: {model.channels} channel{'s' * (model.channels > 1)} of {model.recipe.size} x "
            f"{model.recipe.size} px, raw intensities as float32. {answer}.",
            "Classes, in the order of the output: " + ", ".join(model.class_names) + ".",
            "## Tested on real objects of groups that it never saw",
            f"{len(recorded['test_objects'])} objects; groups: {groups}.",
            "\n".join(said) or "No score: no group was held out.",
            "## Before you publish it",
            "Add authors, a license and a cover image to `rdf.yaml`; they are yours to choose.",
        ]
    ) + "\n"  # fmt: skip
