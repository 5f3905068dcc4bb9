"""Round after round of labels, a training and a prediction in one process, as a script of a person does them.

``python -m tests.faults.long_rounds COUNT FOLDER`` prints a JSON line a round of what the process holds then.
"""

from __future__ import annotations

import gc
import json
import sys
import warnings
from pathlib import Path

from napari_cellsynth.events import Finished
from napari_cellsynth.jobs import Job
from napari_cellsynth.jobs.job import Parameters, PredictParameters, TrainClassifierParameters
from napari_cellsynth.jobs.run import run
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder
from tests.conftest import write_crops
from tests.faults.holding import held

RECIPES = ("logistic", "logistic", "logistic", "fast")
"""A network now and then: its memory is torch's own."""


def new_project(folder: Path) -> Path:
    """Make a labelled project of 40 crops of two classes in four groups."""
    with Project.create(folder / "p", classes=["blob", "stripes"]) as project:
        import_folder(project, write_crops(folder / "crops"))
        return project.path


def done(path: Path, parameters: Parameters) -> None:
    """Do a job here, to its end."""
    *_, last = run(Job.of(path, parameters))
    assert isinstance(last, Finished), last


def main(count: int, folder: Path) -> None:
    """Label, train, predict, and tell what is held."""
    warnings.simplefilter("ignore")
    path = new_project(folder)
    for number in range(count):
        with Project.open(path) as project:
            ids = [int(each) for each in project.objects().index]
            names = project.objects()["class_id"]
            chosen = ids[number % len(ids)]
            project.label([chosen], 3 - int(names[chosen]))
            project.undo()
        recipe = RECIPES[number % len(RECIPES)]
        small = {} if recipe == "logistic" else {"epochs": 1, "least_steps": 8}
        done(path, TrainClassifierParameters(recipe=recipe, overrides=small))
        done(path, PredictParameters())
        gc.collect()
        print(json.dumps({"round": number, **held()}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
