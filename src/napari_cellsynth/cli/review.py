"""The verb `review`: list, judge, score and compare synthetic patches from the command line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_cellsynth.console import do, note, show
from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from napari_cellsynth.project import Project

_SHOWN = 20


def review(
    project: Annotated[Path, typer.Argument(metavar="P", help="The project folder, NAME.cellsynth.")],
    run: Annotated[str | None, typer.Option(help="Patches of this GAN run only.")] = None,
    class_name: Annotated[str | None, typer.Option("--class", help="Patches of this class only.")] = None,
    sort: Annotated[
        str | None, typer.Option(help="realism, confidence, distance or copy: doubtful first (with --above: last).")
    ] = None,
    below: Annotated[float | None, typer.Option(help="Only patches whose --sort figure is below this.")] = None,
    above: Annotated[float | None, typer.Option(help="Only patches whose --sort figure is above this.")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Accept the patches beyond the threshold.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Reject the patches beyond the threshold.")] = False,
    reason: Annotated[str, typer.Option(help="Why they are rejected.")] = "",
    score: Annotated[bool, typer.Option("--score", help="Measure the patches first.")] = False,
    between: Annotated[
        tuple[int, int] | None, typer.Option(metavar="A B", help="Draw the way from patch A to patch B instead.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Image file for --between.")] = Path("between.png"),
    steps: Annotated[int, typer.Option(help="How many patches --between draws.")] = 9,
    blind: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a row of 20 patches, half of them real, for a blind test."),
    ] = None,
    answers: Annotated[
        str | None, typer.Option(metavar="RSSR…", help="R (real) or S for each of that row, left to right: the score.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw these patches on a contact sheet, by class.")
    ] = None,
    real: Annotated[bool, typer.Option("--real", help="With --sheet: the real crops of these classes, too.")] = False,
    contrast: Annotated[str, typer.Option(help="With --sheet: shared, class or each.")] = "shared",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the blind test's choice and order.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; progress to stderr.")] = False,
) -> None:
    """List synthetic patches with their figures, and accept or reject those beyond a threshold."""
    from napari_cellsynth.jobs.job import InterpolateParameters, ScoreParameters
    from napari_cellsynth.project import Project

    if between is not None:
        first, last = between
        show(do(project, InterpolateParameters, first=first, last=last, steps=steps, file=str(out)), as_json)
        return
    figure = _figure(sort, below, above, judged=accept or reject)
    if accept and reject:
        raise UserError("Patches cannot be accepted and rejected at once.", "Give one of --accept and --reject.")
    if score:
        for notice in do(project, ScoreParameters, runs=[run] if run else [])["notices"]:
            note(notice)
    with Project.open(project, read_only=not (accept or reject or answers)) as opened:
        table = _chosen(opened, run, class_name, figure, below, above)
        if blind is not None or answers is not None:
            show(_blind(opened, table.index.tolist(), seed, blind, answers), as_json)
            return
        if sheet is not None:
            show(_sheet(opened, table, class_name, sheet, real=real, contrast=contrast), as_json)
            return
        if accept or reject:
            opened.review(table.index.tolist(), "accepted" if accept else "rejected", reason)
            table = opened.synthetic().loc[table.index]
        names = {record.id: record.name for record in opened.classes()}
    _tell(table, names, as_json)


def _figure(sort: str | None, below: float | None, above: float | None, *, judged: bool) -> str | None:
    """Return the column that patches are sorted and chosen by, after a look at whether the options fit together."""
    from napari_cellsynth.evaluate.patch_figures import PATCH_FIGURES

    if sort is not None and sort not in PATCH_FIGURES:
        raise UserError(f"There is no figure {sort!r}.", f"Sort by {', '.join(PATCH_FIGURES)}.")
    if any(given is not None and math.isnan(given) for given in (below, above)):
        raise UserError("nan is no threshold.", "Give a number, for example: --sort realism --below 1")
    threshold = below is not None or above is not None
    if threshold and sort is None:
        raise UserError("A threshold needs a figure.", "Name it, for example: --sort realism --below 1")
    if judged and not threshold:
        raise UserError("No patches were chosen.", "Give a threshold, for example: --sort realism --below 1 --reject")
    return None if sort is None else PATCH_FIGURES[sort].column


def _chosen(
    project: Project,
    run: str | None,
    class_name: str | None,
    figure: str | None,
    below: float | None,
    above: float | None,
) -> pd.DataFrame:
    if run is not None:
        project.run(run)
    class_id = None if class_name is None else project.class_named(class_name).id
    table = project.synthetic(run=run, class_id=class_id)
    if figure is None:
        return table
    unknown = int(table[figure].isna().sum())
    if unknown:
        note(f"{unknown} of {len(table)} patches are not scored; --score does it.")
    if below is not None:
        table = table[table[figure] < below]
    if above is not None:
        table = table[table[figure] > above]
    return table.sort_values(figure, ascending=above is None, kind="stable", na_position="last")


def _blind(project: Project, ids: list[int], seed: int, file: Path | None, answers: str | None) -> dict[str, Any]:
    """Write a round of the blind test as a row of patches, or count the answers to it and keep them."""
    from napari_cellsynth.evaluate.blind import blind_score, blind_words
    from napari_cellsynth.jobs.blind import blind_round
    from napari_cellsynth.jobs.interpolation import write_strip

    shown = blind_round(project, ids, seed=seed)
    if file is not None:
        if len({each.pixels.shape for each in shown}) > 1:
            raise UserError("The patches differ in size.", "Choose those of one run with --run.")
        write_strip([each.pixels for each in shown], file)
    if answers is None:
        return {"file": str(file), "patches": len(shown), "seed": seed}
    if len(answers) != len(shown) or set(answers.upper()) - {"R", "S"}:
        raise UserError(
            f"{len(shown)} patches need as many letters R or S, not {answers!r}.", "Read from left to right."
        )
    told = [each.answered(letter == "S") for each, letter in zip(shown, answers.upper(), strict=True)]
    project.add_blind_round(told)
    score = blind_score([each.synthetic for each in told], [each.said_synthetic for each in told])
    return {
        "right": score.right,
        "patches": score.n,
        "low": score.low,
        "high": score.high,
        "told": blind_words(score),
    }


def _sheet(
    project: Project, table: pd.DataFrame, class_name: str | None, file: Path, *, real: bool, contrast: str
) -> dict[str, Any]:
    """Draw the chosen patches on a contact sheet, a heading a class, each with its real crops where they are wanted."""
    from napari_cellsynth.jobs.contact_sheet import Group, write_contact_sheet

    if contrast not in ("shared", "class", "each"):
        raise UserError(f"There is no contrast {contrast!r}.", "Choose shared, class or each.")
    objects = project.per_class(project.objects()) if real else None
    groups = []
    for record in project.classes():
        if class_name is not None and record.name != class_name:
            continue
        if objects is not None:
            crops = objects.index[objects["class_id"] == record.id].tolist()
            groups.append(Group(f"{record.name} · {len(crops):,} real", crops))
        made = table.index[table["class_id"] == record.id].tolist()
        groups.append(Group(f"{record.name} · {len(made):,} synthetic", made))
    return write_contact_sheet(project, groups, file, contrast=contrast)


def _tell(table: pd.DataFrame, names: dict[int, str], as_json: bool) -> None:
    from napari_cellsynth.evaluate.patch_figures import patch_words

    if as_json:
        columns = ["run", "checkpoint", "seed", "index_in_run", "review", "reason", "nearest_object"]
        figures = ["realism", "confidence", "distance", "copy_ratio"]
        listed: list[dict[str, Any]] = [
            {"patch": number, "class": names[row["class_id"]]}
            | {name: row[name] for name in columns}
            | {name: None if row[name] != row[name] else row[name] for name in figures}
            for number, row in table.to_dict("index").items()
        ]
        show({"patches": len(listed), "listed": listed}, as_json)
        return
    for number, row in table.head(_SHOWN).to_dict("index").items():
        name = names[row["class_id"]]
        words = [name, row["run"], *patch_words(row, name), f"{row['review']} {row['reason']}".strip()]
        print(number, " · ".join(word for word in words if word))
    counts = {word: int((table["review"] == word).sum()) for word in ("accepted", "rejected")}
    judged = "".join(f", {count} {word}" for word, count in counts.items() if count)
    more = f" ({len(table) - _SHOWN} more; --json lists all)" if len(table) > _SHOWN else ""
    print(f"{len(table)} patches{judged}{more}")
