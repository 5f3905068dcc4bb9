"""The person's mistakes as notifications in place of tracebacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_cellsynth.errors import UserError

if TYPE_CHECKING:
    from napari_cellsynth.widgets.job_queue import JobQueue


class Reporting:
    """A context in which the person's mistakes become notifications; see `Session.reporting`."""

    def __init__(self, session: JobQueue) -> None:
        self._session = session

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Report a `UserError`; let anything else through."""
        if isinstance(error, UserError):
            self._session.report(error)
            return True
        return False
