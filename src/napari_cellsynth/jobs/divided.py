"""A long list of small pieces of a project, done by workers that see its folder and put together in its order here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from socket import gethostname
from typing import Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Stop
from napari_cellsynth.jobs.cluster import Spread, opened


def divided(
    work: Callable[..., Any],
    pieces: Sequence[tuple[Any, ...]],
    workers: int,
    scheduler: str | None,
    stop: Stop,
) -> Iterator[Any]:
    """Do ``work(*piece, stop, tell)`` for every piece, and yield the results in the order of the pieces.

    The piece of a worker that is lost is done again by another one. Results that come early wait for their turn.

    Parameters
    ----------
    work : callable
        Of a module that workers can import; it returns None where it was stopped.
    pieces : sequence of tuple
        What each is given.
    workers, scheduler
        As of `cluster.opened`.
    stop : callable
        Ends it: fewer results come then.

    Raises
    ------
    UserError
        When a piece failed, or the cluster did.
    """
    if not pieces:
        return
    with opened(min(workers, len(pieces)), scheduler, stop) as client:
        if stop():
            return
        spread, early, following = Spread(client), dict[int, Any](), 0
        try:
            for number, piece in enumerate(pieces):
                spread.submit(str(number), work, *piece)
            for name, result, line in spread.results(stop):
                if line:
                    continue
                early[int(name)] = result
                while following in early:
                    if (next_one := early.pop(following)) is None:
                        return
                    yield next_one
                    following += 1
        finally:
            spread.close()


def refuse_unseen(project: str) -> None:
    """Refuse work on a machine that does not see the project."""
    if not (Path(project) / "project.db").is_file():
        raise UserError(
            f"The machine {gethostname()} does not see {project}.",
            "Put the project where all machines see it under the same path.",
        )
