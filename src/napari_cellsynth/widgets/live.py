"""Suggestions while somebody labels: the newest ones of a worker process that fits a cheap model again and again."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.events import Failed, Finished, Looks, Progress, Suggestions
from napari_cellsynth.jobs.job import SuggestParameters
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.side_job import SideJob
from napari_cellsynth.widgets.suggestion_table import Suggested, SuggestionTable


class LiveSuggestions(QObject):
    """Keeps a worker that suggests classes while that is wanted, and puts them into the session's ``suggested``.

    It belongs to the session, and ends with it. It is not among the session's jobs: it never ends by itself.

    Parameters
    ----------
    session : Session
        The viewer's session.

    Attributes
    ----------
    words : str
        What there is to say of it: how it comes along, its score, why there is nothing.

    Signals
    -------
    changed : ()
        `words` are others now.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.words = ""
        self._wanted = False
        self._worker = SideJob(session)
        self._worker.happened.connect(self._on_event)
        self._worker.ended.connect(self._on_ended)
        session.project_changed.connect(self._on_project)
        session.job_event.connect(self._on_job_event)

    @property
    def wanted(self) -> bool:
        """Whether somebody wants suggestions."""
        return self._wanted

    def want(self, wanted: bool) -> None:
        """Ask for suggestions, or for none."""
        if wanted != self._wanted:
            self._wanted = wanted
            if not wanted:
                self._forget()
            self._follow()

    def _follow(self) -> None:
        """Start the worker where it is wanted, or end it."""
        project = self._session.project
        if not self._wanted or project is None:
            self._worker.leave()
        elif not self._worker.busy:
            self._worker.start(SuggestParameters(), "Suggesting classes")
            several = "Suggestions while you label need a single-label project."
            self._say(several if project.multi_label else "Suggestions: starting …")

    @property
    def _several(self) -> bool:
        return self._session.project is not None and self._session.project.multi_label

    def _on_project(self) -> None:
        self._worker.leave()
        self._forget()
        self._follow()

    def _forget(self) -> None:
        self._take({})
        self._session.looks = None
        self._session.looks_changed.emit()
        self._say("")

    def _on_job_event(self, handle: JobHandle, event: object) -> None:
        """Make room for predictions that were just made; the next label brings newer suggestions."""
        if handle.job.kind == "predict" and isinstance(event, Finished) and self._session.suggested:
            self._take({})
            self._say("New predictions: suggestions come again with the next label")

    def _take(self, suggested: Suggested) -> None:
        if suggested or self._session.suggested:
            self._session.suggested = suggested
            self._session.suggestions_changed.emit()

    def _say(self, words: str) -> None:
        self.words = words
        self.changed.emit()

    def _on_event(self, event: object) -> None:
        if isinstance(event, Suggestions):
            self._take(SuggestionTable(event.object_ids, event.class_ids, event.confidence))
            self._say(words_of(event))
        elif isinstance(event, Looks):
            self._session.looks = event
            self._session.looks_changed.emit()
        elif isinstance(event, Progress) and not self._session.suggested and not self._several:
            next_step = f"; {self._what_is_missing()}" if event.done == event.total else ""
            self._say(f"Suggestions: {event.done:,} of {event.total:,} objects looked at{next_step}")

    def _what_is_missing(self) -> str:
        """Say why there are no suggestions yet although all objects were looked at."""
        project = self._session.need_project()
        counts = project.label_counts()
        labelled = [record.name for record in project.classes() if counts.get(record.id)]
        if len(labelled) > 1:
            return "the first suggestions come in a moment"
        return f"only {labelled[0]} is labelled: label another class too" if labelled else "label crops of two classes"

    def _on_ended(self, last: object) -> None:
        self._wanted = False  # a worker that cannot go on is not started again by itself
        self._take({})
        if isinstance(last, Failed):
            self._say(f"No suggestions: {last.message}")


def words_of(told: Suggestions) -> str:
    """Return in one line what the suggestions are worth: their score, and what the newest labels did to it."""
    words = f"suggestions (pale) of {told.n_labels:,} labels"
    if told.score is None:
        return words
    words += f": balanced accuracy {told.score:.2f} on groups not learned from"
    if told.score_before is not None:
        words += f" · the last 100 labels moved it by {100 * (told.score - told.score_before):+.1f} points"
    return words
