"""A window that is used for long, in a process without torch: opened and closed, or labelled in round after round.

``python -m tests.faults.long_window docks|bare|rounds COUNT FOLDER`` prints JSON lines of what the process
holds then. ``docks`` opens napari with all docks on a project and closes it, ``bare`` opens napari alone, to know what
of that is napari's own; ``rounds`` labels in one window, waits for what the model suggests then, and now and then
trains and predicts.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import napari
import numpy as np
import psutil
from qtpy.QtCore import QEvent, qInstallMessageHandler
from qtpy.QtWidgets import QApplication

from napari_cellsynth.jobs.job import Job, PredictParameters, TrainClassifierParameters
from napari_cellsynth.widgets.dock_places import DOCKS, frame_of
from napari_cellsynth.widgets.session import Session, session_for
from napari_cellsynth.widgets.workspace import open_workspace
from tests.faults.holding import held

SECONDS = 900
TRAIN_EACH, TOLD_EACH = 20, 5
SEEN = 8
"""Objects that are looked at; each is an image, and the window knows the images that it has shown."""
DEFERRED_DELETE = getattr(QEvent.Type.DeferredDelete, "value", QEvent.Type.DeferredDelete)
OURS = "napari_cellsynth"

said: list[str] = []
"""What Qt has said."""


def until(done: Callable[[], Any]) -> None:
    """Let the window live until something is so."""
    end = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < end, "it took too long"
        QApplication.processEvents()
        time.sleep(0.005)


def settle() -> None:
    """Let everything go that is on its way out."""
    for _ in range(3):  # what one collection frees may have held more
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, DEFERRED_DELETE)
        gc.collect()


def is_of_a_notification(widget: Any) -> bool:
    """Whether a widget belongs to one of napari's own notifications, which it keeps until they are looked at."""
    while widget is not None and type(widget).__name__ != "NapariQtNotification":
        widget = widget.parent()
    return widget is not None


def tell(number: int) -> None:
    settle()
    alive = Counter(type(each).__name__ for each in gc.get_objects() if str(type(each).__module__).startswith(OURS))
    widgets = Counter(type(each).__name__ for each in QApplication.allWidgets() if not is_of_a_notification(each))
    told = {"round": number, **held(), "widgets": sum(widgets.values()), "objects": sum(alive.values())}
    told |= {"processes": len(psutil.Process().children(recursive=True)), "qt": said}
    print(json.dumps(told | {"alive": alive.most_common(8), "shown": widgets.most_common(8)}), flush=True)


def openings(count: int, project: Path | None) -> Iterator[int]:
    """Open napari and close it, again and again."""
    for number in range(count):
        opening(number, project)
        yield number


def opening(number: int, project: Path | None) -> None:
    """Open napari, with all docks on a project where one is given, look around, label, and close it."""
    viewer = napari.Viewer(show=True)
    if project is None:
        viewer.add_image(np.zeros((3, 64, 64), np.uint8))
    else:
        docks = open_workspace(viewer)
        session = session_for(viewer)
        assert session.open(project)
        for name, _, _ in DOCKS:
            frame_of(docks[name]).raise_()
            QApplication.processEvents()
        ids = session.need_project().objects().index
        chosen = int(ids[number % len(ids)])
        session.need_project().label([chosen], 1 + number % 2)
        session.select_object(chosen)
    for _ in range(10):
        QApplication.processEvents()
    viewer.close()


def rounds(count: int, project: Path) -> Iterator[int]:
    """Label crops and wait for the suggestions that are made of it; each twentieth time train and predict."""
    viewer = napari.Viewer(show=True)
    docks = open_workspace(viewer)
    session = session_for(viewer)
    assert session.open(project)
    docks["Label crops"].live.live.want(True)
    ids = [int(number) for number in session.need_project().objects().index]
    for number in range(count):
        news: list[int] = []
        listener = session.suggestions_changed.connect(lambda news=news: news.append(1))
        for place in range(3):
            chosen = ids[(3 * number + place) % len(ids)]
            session.need_project().label([chosen], 1 + (chosen + number) % 2)
        until(lambda news=news: news and session.suggested)
        session.suggestions_changed.disconnect(listener)
        session.select_object(ids[number % SEEN])
        if number % TRAIN_EACH == TRAIN_EACH - 1:
            work(session, project)
        yield number
    viewer.close()


def work(session: Session, project: Path) -> None:
    """Train a classifier and predict, each in a worker process of its own."""
    for parameters in (TrainClassifierParameters(recipe="logistic"), PredictParameters()):
        handle = session.submit(Job.of(project, parameters), "work")
        until(lambda handle=handle: handle.state not in ("waiting", "running"))
        assert handle.state == "finished", handle.state


def main(what: str, count: int, folder: Path) -> None:
    """Go through the rounds and tell after each of them."""
    from tests.faults.long_rounds import new_project

    warnings.simplefilter("ignore")
    qInstallMessageHandler(lambda kind, context, text: said.append(f"{kind}: {text}"))
    going = rounds(count, new_project(folder)) if what == "rounds" else None
    if going is None:
        going = openings(count, new_project(folder) if what == "docks" else None)
    for number in going:
        if what != "rounds" or number % TOLD_EACH == TOLD_EACH - 1:
            tell(number)
    assert "torch" not in sys.modules


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
