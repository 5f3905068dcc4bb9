"""The explain job: what a trained classifier looks at in one object, as pictures in the run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.jobs.classifiers import chosen_classifier, cut_as
from napari_cellsynth.jobs.job import ExplainParameters, Job
from napari_cellsynth.project import Project

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_cellsynth.classify.model import Classifier


def explain(job: Job, stop: Stop) -> Iterator[Event]:
    """Draw the asked explanations of one object.

    Yields
    ------
    Event
        Progress; `Finished` with ``run``, ``object``, ``class`` (that is explained), ``probabilities`` by class name,
        and ``pictures``: method to file.
    """
    from napari_cellsynth.classify.model import Classifier
    from napari_cellsynth.classify.predict import load, predict
    from napari_cellsynth.training.loader import CropStore

    parameters = job.checked()
    assert isinstance(parameters, ExplainParameters)
    with Project.open(job.project, read_only=True) as project:
        run = chosen_classifier(project, parameters.run)
        recipe = run.parameters["recipe"]
        crops = project.crops([parameters.object], **cut_as(recipe))
    model = load(run.folder)
    if not isinstance(model, Classifier):
        raise UserError(f"{run.id} learned from features: there is no network to look into.", "Choose a network's run.")
    low, high = (np.asarray(run.parameters[end], dtype=np.float32) for end in ("low", "high"))
    store = CropStore(crops, low, high, recipe["size"])
    p = predict(model, store)[0]
    name = parameters.class_name or model.class_names[int(p.argmax())]
    if name not in model.class_names:
        raise UserError(f"{run.id} does not know the class {name!r}.", f"It knows {', '.join(model.class_names)}.")
    patch = store.grid(store.classes.new_zeros(1), 1)[0, 0].float().cpu().numpy()
    folder = Path(parameters.out) if parameters.out else run.folder / "explained" / f"object-{parameters.object}"
    pictures: dict[str, str] = {}
    for done, method in enumerate(parameters.methods, 1):
        if stop():
            yield Stopped(run.id)
            return
        title = f"{method}: {name}, {100 * p[model.class_names.index(name)]:.0f} %"
        pictures[method] = str(_kept(_drawn(model, patch, method, name, title), folder, f"{method}.png"))
        yield Progress(done, len(parameters.methods), "pictures", method)
    probabilities = {each: float(value) for each, value in zip(model.class_names, p, strict=True)}
    told = {"object": parameters.object, "class": name, "probabilities": probabilities, "pictures": pictures}
    yield Finished({"run": run.id} | told)


def _drawn(model: Classifier, patch: np.ndarray, method: str, name: str, title: str) -> Figure:
    from napari_cellsynth.classify import explain as seen
    from napari_cellsynth.classify import explain_figures as figures

    if method == "kernels":
        return figures.kernels_figure(seen.kernels(model.network))
    if method == "feature-maps":
        return figures.feature_maps_figure(seen.feature_maps(model.network, patch))
    found = seen.explain(model.network, patch, method, model.class_names.index(name))
    shown = patch[:-1] if model.recipe.with_size else patch
    return figures.attribution_figure(shown, found, title)


def _kept(figure: Figure, folder: Path, name: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / name, format="png", dpi=110)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.", "Choose another place.") from error
    return folder / name
