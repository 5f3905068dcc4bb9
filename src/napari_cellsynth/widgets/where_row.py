"""The row that says where trainings are done: in one process, in several of this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QSpinBox, QWidget

from napari_cellsynth.jobs.job import AtOnceParameters, Job, Part, TrainClassifierParameters, TrainGanParameters
from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.session import Session

WORKERS_TIP = "Processes of this machine that share the work."
SCHEDULER_TIP = (
    "Instead: the address of a Dask scheduler (tcp://host:8786), or a TOML file ([scheduler], [slurm], [tls])."
)

Training = TrainGanParameters | TrainClassifierParameters
_KINDS: dict[type, Literal["train-gan", "train-classifier"]] = {
    TrainGanParameters: "train-gan",
    TrainClassifierParameters: "train-classifier",
}


class WhereRow(QWidget):
    """A number of processes, and a scheduler's address that takes their place."""

    def __init__(self) -> None:
        super().__init__()
        self.workers = QSpinBox()
        self.workers.setObjectName("workers")
        self.workers.setAccessibleName("processes")
        self.workers.setRange(1, 256)
        self.workers.setToolTip(WORKERS_TIP)
        self.scheduler = QLineEdit()
        self.scheduler.setObjectName("scheduler")
        self.scheduler.setAccessibleName("scheduler")
        self.scheduler.setPlaceholderText("tcp://… or slurm.toml")
        self.scheduler.setToolTip(SCHEDULER_TIP)
        self.scheduler.textChanged.connect(lambda text: self.workers.setEnabled(not text.strip()))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (label("processes"), self.workers, label("or cluster")):
            row.addWidget(widget)
        row.addWidget(self.scheduler, 1)

    def value(self) -> dict[str, Any]:
        """Return ``workers`` and ``scheduler`` (None without one), as the parameters of jobs take them."""
        return {"workers": self.workers.value(), "scheduler": self.scheduler.text().strip() or None}

    def submit(self, session: Session, project: Path, trainings: Mapping[str, Training]) -> None:
        """Queue trainings by their titles: one after the other, or all at once where there is more than one process."""
        where = self.value()
        if not where["scheduler"] and (where["workers"] == 1 or len(trainings) == 1):
            for title, parameters in trainings.items():
                session.submit(Job.of(project, parameters), title)
            return
        parts = [
            Part(kind=_KINDS[type(parameters)], parameters=parameters.model_dump(mode="json"), title=title)
            for title, parameters in trainings.items()
        ]
        titles = f"{len(parts)} GANs at once" if len(parts) > 1 else parts[0].title
        session.submit(Job.of(project, AtOnceParameters(jobs=parts, **where)), titles)
