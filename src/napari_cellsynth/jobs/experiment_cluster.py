"""An experiment's trainings on a cluster: data and results travel over the wire, no folder need be shared."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cellsynth.events import Event, Progress, Stop, Stopped
from napari_cellsynth.jobs.cluster import Spread, Tell, opened, worth_telling

if TYPE_CHECKING:
    from napari_cellsynth.experiments.bench import Bench
    from napari_cellsynth.experiments.dataset import Dataset
    from napari_cellsynth.experiments.design import Plan, Task

Files = dict[str, bytes]
"""The files of a finished task's folder by their names."""


def go(plan: Plan, bench: Bench, workers: int, scheduler: str | None, device: str, stop: Stop) -> Iterator[Event]:
    """Do what is not done yet, as `loop.go` does, each task where there is room once those are done that it needs.

    Parameters
    ----------
    plan, bench : Plan, Bench
        What is to be trained, and where the results go on this machine.
    workers, scheduler : int, str or None
        As `cluster.opened` takes them.
    device : str
        What the workers compute on.
    stop : callable
        Polled several times a second.

    Yields
    ------
    Event
        ``Progress`` in trainings; last ``Stopped`` if it was stopped, and nothing else if not.

    Raises
    ------
    UserError
        When a training cannot work or the cluster fails; what is done is kept.
    """
    from napari_cellsynth.experiments.loop import title

    left = [task for task in plan.tasks if not bench.is_done(task)]
    names = {task.id: title(task, bench.dataset.class_names) for task in plan.tasks}
    total = len(plan.tasks)
    done = total - len(left)
    yield Progress(done, total, "trainings", "starting the workers")
    if not left:
        return
    with opened(workers, scheduler, stop) as client:
        if stop():
            yield Stopped()
            return
        spread = Spread(client)
        try:
            data = client.scatter(bench.dataset, broadcast=True, hash=False)
            made: dict[str, Any] = {}
            for task in left:
                needed = {}
                for gan in needs(task):
                    if gan.id not in made:  # trained before: its files travel
                        made[gan.id] = client.scatter(files_of(bench.folder / gan.id), hash=False)
                    needed[gan.id] = made[gan.id]
                made[task.id] = spread.submit(task.id, do_task, task, data, bench.as_published, device, needed)
            at_work: dict[str, str] = {}
            for name, files, line in spread.results(stop):
                if line:
                    at_work[name] = line
                else:
                    at_work.pop(name, None)
                    made.pop(name, None)
                if files:
                    write_files(bench.folder / name, files)
                    done += 1
                note = f"{names[name]}{f' · {line}' if line else ''}"
                yield Progress(
                    done, total, "trainings", f"{note} · {len(at_work)} at work" if len(at_work) > 1 else note
                )
        finally:
            spread.close()
    if done < total:
        yield Stopped()


def needs(task: Task) -> tuple[Task, ...]:
    """Return the GANs whose patches a task takes."""
    from napari_cellsynth.experiments.design import ClassifierTask, QualityTask

    if isinstance(task, ClassifierTask):
        return task.gans
    return tuple(gan for gans in task.gans for gan in gans) if isinstance(task, QualityTask) else ()


def do_task(
    task: Task, dataset: Dataset, as_published: bool, device: str, needed: dict[str, Files], stop: Stop, tell: Tell
) -> Files:
    """Do a task in a folder of its own, on whatever machine this is; return its files, or none when stopped."""
    from napari_cellsynth.experiments import work
    from napari_cellsynth.experiments.bench import Bench
    from napari_cellsynth.training.device import pick_device

    if stop() or not all(needed.values()):
        return {}
    with tempfile.TemporaryDirectory(prefix="cellsynth-") as place:
        folder = Path(place)
        for name, files in needed.items():
            write_files(folder / name, files)
        bench = Bench(dataset, folder, pick_device(device), as_published)
        for event in work.do(task, bench, stop):
            if isinstance(event, Stopped):
                return {}
            if isinstance(event, Progress) and worth_telling(event):
                tell(f"step {event.done:,} of {event.total:,}")
        return files_of(folder / task.id)


def files_of(folder: Path) -> Files:
    """Return the files of a folder."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def write_files(folder: Path, files: Files) -> None:
    """Put files into a folder instead of what is in it; it appears with all of them or not at all.

    Raises
    ------
    ValueError
        When a name leaves the folder.
    """
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    for name, content in files.items():
        place = beside / name
        if not place.resolve().is_relative_to(beside.resolve()):
            raise ValueError(f"a worker sent a file named {name!r}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
