"""Classes over time of a project, written as CSV files and as sections of a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.following import tracks
from napari_cellsynth.evaluate.over_time import FRAMES, GROUP_FRAMES, GROUPS, VIDEOS, class_table
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.jobs.job import Job, OverTimeParameters
from napari_cellsynth.jobs.object_classes import Classes, classes_of, followed, transition_words, transitions
from napari_cellsynth.project import Project

if TYPE_CHECKING:
    from napari_cellsynth.evaluate.report import Block, Section

_FIGURES, _ROWS = 12, 40
"""Videos that a page draws, and groups that it lists; all are in the tables."""


def over_time(job: Job, stop: Stop) -> Iterator[Event]:
    """Write the classes over time of a project: ``frames.csv``, ``videos.csv``, ``groups.csv`` and so on, and a page.

    Yields
    ------
    Event
        Progress in frames; `Finished` with ``folder``, ``report``, ``files``, ``run``, ``objects``, ``followed`` and
        ``notices``, or `Stopped`, with nothing written.
    """
    parameters = job.checked()
    assert isinstance(parameters, OverTimeParameters)
    with Project.open(job.project, read_only=True) as project:
        found = classes_of(project, parameters.run)
        frames = project.images()["frames"]
        images = [int(i) for i in found.objects["image_id"].unique() if frames[i] > 1]
        total = int(frames[images].sum()) - len(images)
        done, pairs = 0, {}
        for image_id in images:
            of_image = []
            for each in followed(project, image_id):
                if stop():
                    yield Stopped()
                    return
                of_image.append(each)
                done += 1
                yield Progress(done, total, "frames", "following objects")
            pairs[image_id] = pd.concat(of_image)
        tables = all_tables(found, pairs)
        folder = Path(parameters.out) if parameters.out else project.path / "over_time"
        files = _write(folder, tables)
        from napari_cellsynth.evaluate.report import write_report

        page = write_report(
            folder / "over_time.html",
            f"{project.path.stem}: classes over time",
            sections(found, tables["frames"], tables["groups"], pairs),
        )
        yield Finished(
            {
                "folder": str(folder),
                "report": str(page),
                "files": files,
                "run": found.run,
                "objects": len(found.objects),
                "followed": sum(len(each) for each in pairs.values()),
                "notices": found.notices,
            }
        )


def all_tables(found: Classes, pairs: dict[int, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return every table by the name of its file."""
    tables = {
        name: class_table(found.objects, found.names, found.confusion, by)
        for name, by in (("frames", FRAMES), ("group_frames", GROUP_FRAMES), ("videos", VIDEOS), ("groups", GROUPS))
    }
    videos = found.objects.drop_duplicates("image_id").set_index("image_id")
    moves = [
        transitions(found, each).assign(group=videos.loc[image_id, "group"], video=videos.loc[image_id, "video"])
        for image_id, each in pairs.items()
    ]
    columns = ["group", "video", "from", "to", "count", "share"]
    tables["transitions"] = pd.concat(moves)[columns] if moves else pd.DataFrame(columns=columns)
    tables["tracks"] = _track_table(found, pairs)
    return tables


def _track_table(found: Classes, pairs: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """Return every object of a followed image with its track (numbered within the image) and its class."""
    rows = []
    names = np.array([*found.names, ""], dtype=object)  # -1: no class
    for image_id, each in pairs.items():
        objects = found.objects[found.objects["image_id"] == image_id].sort_values("frame", kind="stable")
        known = tracks(objects.index.tolist(), zip(each["object"], each["next"], strict=True))
        told = {end: names[objects[end].to_numpy()] for end in ("label", "predicted")}
        rows.append(objects[["group", "video", "frame"]].assign(track=[known[i] for i in objects.index], **told))
    if not rows:
        return pd.DataFrame(columns=["object_id", "group", "video", "frame", "track", "label", "predicted"])
    return pd.concat(rows).rename_axis("object_id").reset_index()


def sections(
    found: Classes, frames: pd.DataFrame, groups: pd.DataFrame, pairs: dict[int, pd.DataFrame]
) -> list[Section]:
    """Return the classes over time as sections of a report.

    Parameters
    ----------
    found : Classes
        Of the project.
    frames, groups : DataFrame
        `class_table` by `FRAMES` and by `GROUPS`.
    pairs : dict
        `followed`, by image; transitions are shown of these.
    """
    from napari_cellsynth.evaluate.over_time_figures import over_time_figure
    from napari_cellsynth.evaluate.report import Section

    parts = [Section("Classes by group", [*_words(found), short_table(groups).head(_ROWS)])]
    moving = [name for name, rows in frames.groupby("video", sort=False) if rows["frame"].nunique() > 1]
    ids = found.objects.drop_duplicates("video").set_index("video")["image_id"]
    for name in moving[:_FIGURES]:
        drawn: list[Block] = [over_time_figure(frames[frames["video"] == name], found.colours)]
        if (image_id := int(ids[name])) in pairs:
            drawn += [transition_words(found, pairs[image_id]), matrix(transitions(found, pairs[image_id]))]
        parts.append(Section(f"{name} over time", drawn))
    if len(moving) > _FIGURES:
        parts.append(Section("Further videos", [f"{len(moving) - _FIGURES} more videos are in frames.csv."]))
    return parts


def matrix(moves: pd.DataFrame) -> pd.DataFrame:
    """Return transitions as a matrix of counts, from (rows) to."""
    order = list(dict.fromkeys(moves["from"]))
    counts = moves.pivot_table(index="from", columns="to", values="count", aggfunc="sum", sort=False)
    return counts.loc[order, order].rename_axis("from → to", axis=0)


def short_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of `class_table` by group or video as a report shows it: one row a set, one column a class."""
    keys = [name for name in ("group", "video") if name in table]

    def words(row: pd.Series) -> str:
        if row["corrected_fraction"] != row["corrected_fraction"]:
            return f"{row['fraction']:.0%}"
        return f"{row['corrected_fraction']:.0%} ({row['fraction_low']:.0%}–{row['fraction_high']:.0%})"

    told = table.assign(words=table.apply(words, axis=1))
    wide = told.pivot(index=keys[-1], columns="class", values="words")[list(dict.fromkeys(table["class"]))]
    wide.insert(0, "objects", table.groupby(keys[-1])["objects"].first())
    return wide.rename_axis(columns=None)


def _words(found: Classes) -> list[str]:
    if found.run is None:
        return ["Labels alone: nothing has been predicted.", *found.notices]
    told = (
        f"A label counts as it is; all other objects as {found.run} takes them, corrected for what it takes for what "
        "on held-out crops, with 95 % bands over those crops and the objects. The frames of a video count as one "
        "sample. Dotted lines: not corrected."
    )
    return [told if found.confusion is not None else f"Classes as {found.run} takes them.", *found.notices]


def _write(folder: Path, tables: dict[str, pd.DataFrame]) -> list[str]:
    names: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
            names.append(f"{name}.csv")
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.", "Choose another place with --out.") from error
    return names
