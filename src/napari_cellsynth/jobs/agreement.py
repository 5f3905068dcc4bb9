"""How far people agree on a project's objects: with themselves when asked again, and with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.agreement import Agreement, agreement
from napari_cellsynth.project import Project
from napari_cellsynth.project.export import safe_cell


@dataclass(frozen=True)
class Disagreement:
    """An object that two people call differently: both labels, and whether somebody has decided since."""

    object_id: int
    first: int
    second: int
    decided: bool


def self_agreement(project: Project, user: str | None = None) -> Agreement:
    """Compare somebody's labels with what the same person said when asked again.

    Raises
    ------
    UserError
        Where nothing was asked again.
    """
    told = project.repeats(user)
    if told.empty:
        raise UserError(
            f"{user or project.user} has not been asked again about any label.",
            "Choose “Ask me again” in the Label dock: it shows a twentieth of your labels once more.",
        )
    return agreement(told["first"], told["second"])


def labellers(project: Project) -> list[str]:
    """Return who has said something of an object, whoever said most first."""
    return [str(name) for name in project.opinions()["user"].value_counts(sort=True).index]


def comparable(project: Project) -> list[tuple[str, str]]:
    """Return the pairs of people that `between` can compare."""
    said = project.opinions()
    names = [str(name) for name in said["user"].value_counts(sort=True).index]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return [pair for pair in pairs if len(_pairs(said, *pair))]


def between(project: Project, first: str, second: str) -> tuple[Agreement, list[Disagreement]]:
    """Compare two people on the objects that one of them at least labelled without seeing the other's labels.

    What somebody labelled with the other's label in view says nothing about agreement, and is left out.

    Raises
    ------
    UserError
        When one of them has said nothing, or there is no object of both.
    """
    known = labellers(project)
    for name in (first, second):
        if name not in known:
            raise UserError(f"{name} has labelled nothing.", f"These have: {', '.join(known) or 'nobody yet'}.")
    if first == second:
        raise UserError("Two different people are compared.", "For one person see the answers when asked again.")
    both = _pairs(project.opinions(), first, second)
    if both.empty:
        raise UserError(
            f"There is no object that {first} and {second} have both labelled, one of them without seeing the other's.",
            "Let the second one choose “Label independently” in the Label dock.",
        )
    differing = both[both["label_a"] != both["label_b"]]
    decided = project.decided()
    return agreement(both["label_a"], both["label_b"]), [
        Disagreement(number, a, b, decided.get(number, -1) > said)
        for number, a, b, said in zip(
            differing.index.tolist(),
            differing["label_a"].tolist(),
            differing["label_b"].tolist(),
            differing[["action_a", "action_b"]].max(axis=1).tolist(),
            strict=True,
        )
    ]


def in_words(project: Project, found: Agreement) -> dict[str, Any]:
    """Return figures with the names of classes, as plain values."""
    names = [project.label_words(label) for label in found.labels]
    rows = {name: dict(zip(names, row, strict=True)) for name, row in zip(names, found.table.tolist(), strict=True)}
    kappa = [None if value != value else round(value, 4) for value in found.kappa]
    return {
        "objects": found.n,
        "agreed": found.agreed,
        "share": round(found.share.estimate, 4),
        "share_interval": [round(found.share.low, 4), round(found.share.high, 4)],
        "kappa": kappa[0],
        "kappa_interval": kappa[1:],
        "first_by_second": rows,
    }


def write_disagreements(
    project: Project, first: str, second: str, differing: Sequence[Disagreement], file: Path
) -> Path:
    """Write disagreements as a table: the object, where it is, what either said, and the label now.

    Raises
    ------
    UserError
        When the file cannot be written.
    """
    objects = project.objects()
    images = project.images()["name"]
    rows = [
        {
            "object": each.object_id,
            "image": safe_cell(str(images.get(objects.loc[each.object_id, "image_id"], ""))),
            **{name: int(objects.loc[each.object_id, name]) for name in ("frame", "x0", "y0", "x1", "y1")},
            first: safe_cell(project.label_words(each.first)),
            second: safe_cell(project.label_words(each.second)),
            "label": safe_cell(project.label_words(int(objects.loc[each.object_id, "label"]))),
            "decided": each.decided,
        }
        for each in differing
        if each.object_id in objects.index
    ]
    columns = ["object", "image", "frame", "x0", "y0", "x1", "y1", first, second, "label", "decided"]
    try:
        pd.DataFrame(rows, columns=columns).to_csv(file, index=False)
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.", "Choose another place.") from error
    return file


def _pairs(said: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    a, b = (said[said["user"] == name].set_index("object_id") for name in (first, second))
    both = a.add_suffix("_a").join(b.add_suffix("_b"), how="inner")
    return both[(both["source_a"] == "independent") | (both["source_b"] == "independent")]
