"""The arguments and options that several verbs of the command line share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_cellsynth.errors import UserError

ProjectPath = Annotated[
    Path, typer.Argument(metavar="P", help="The project folder, NAME.cellsynth.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; progress goes to stderr.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="FIELD=VALUE", help="Change a field of the recipe: lr=0.001, augmentation.rotation=0.5."
    ),
]

Workers = Annotated[int, typer.Option(min=1, max=256, help="Processes of this machine that share the work.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Instead: a Dask scheduler's address, or a TOML file with the tables scheduler, slurm and tls.",
    ),
]


def refuse_workers_beside_scheduler(context: typer.Context) -> None:
    """Refuse a number of processes of this machine where a scheduler gives the work to others."""
    given = getattr(context.get_parameter_source("workers"), "name", "") == "COMMANDLINE"
    if given and context.params.get("scheduler") is not None:
        raise UserError(
            "--workers shares the work among processes of this machine, --scheduler gives it to others.",
            "Give one of them; how many workers a scheduler has is said where it is started.",
        )


_OF_A_RESUMED_RUN = ("project", "resume", "steps", "workers", "scheduler", "device", "as_json")


_OF_EVERY_METHOD = ("project", "method", "changes", "workers", "scheduler", "as_json")


def refuse_of_another_method(context: typer.Context, method: str) -> None:
    """Refuse the options of the entropy method beside another one, and the other way round."""
    for parameter in context.command.params:
        name = parameter.name or ""
        given = getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
        if given and method != "entropy" and name not in _OF_EVERY_METHOD:
            raise UserError(f"{parameter.opts[0]} is no option of {method}.", "Give its settings as --set FIELD=VALUE.")
        if given and method == "entropy" and name == "changes":
            raise UserError("--set is for other methods than entropy.", "Entropy has --radius, --min-area, …")


def refuse_beside_resume(context: typer.Context) -> None:
    """Refuse the options that a resumed run would take no notice of, which goes on as it began."""
    if context.params.get("resume") is None:
        return
    for parameter in context.command.params:
        name = parameter.name or ""
        given = getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
        if given and name not in _OF_A_RESUMED_RUN:
            raise UserError(
                f"A resumed run goes on as it began: {parameter.opts[0]} would change nothing.",
                "Leave it out, or start a new run.",
            )
