"""Suggestions while somebody labels: the newest ones of a worker process that fits a cheap model again and again."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_cellsynth.events import Failed, Looks, Progress, Suggestions
from napari_cellsynth.jobs.job import Job, SuggestParameters
from napari_cellsynth.widgets.job_thread import JobHandle
from napari_cellsynth.widgets.session import STOP_SECONDS, Session
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
        self._handle: JobHandle | None = None
        self._ending: list[JobHandle] = []
        session.workers.append(self)
        session.project_changed.connect(self._on_project)

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

    def shut_down(self) -> None:
        """End the worker and wait for its end."""
        self._wanted = False
        self._break_off()
        for handle in list(self._ending):
            handle.end(STOP_SECONDS)

    def _follow(self) -> None:
        """Start the worker where it is wanted, or end it."""
        project = self._session.project
        if not self._wanted or project is None:
            self._break_off()
        elif self._handle is None:
            job = Job.of(project.path, SuggestParameters())
            self._handle = handle = JobHandle(job, "Suggesting classes", self._session.start_run, self._session)
            self._ending.append(handle)
            handle.happened.connect(lambda event: self._on_event(handle, event))
            handle.ended.connect(lambda last: self._on_ended(handle, last))
            handle.start()
            several = "Suggestions while you label need a single-label project."
            self._say(several if project.multi_label else "Suggestions: starting …")

    @property
    def _several(self) -> bool:
        return self._session.project is not None and self._session.project.multi_label

    def _on_project(self) -> None:
        self._break_off()
        self._forget()
        self._follow()

    def _forget(self) -> None:
        self._take({})
        self._session.looks = None
        self._session.looks_changed.emit()
        self._say("")

    def _take(self, suggested: Suggested) -> None:
        if suggested or self._session.suggested:
            self._session.suggested = suggested
            self._session.suggestions_changed.emit()

    def _say(self, words: str) -> None:
        self.words = words
        self.changed.emit()

    def _break_off(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.stop()  # also where its process is still starting
            handle.kill()

    def _on_event(self, handle: JobHandle, event: object) -> None:
        if handle is not self._handle:
            return
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

    def _on_ended(self, handle: JobHandle, last: object) -> None:
        self._ending.remove(handle)
        handle.deleteLater()
        if handle is not self._handle:
            return  # it was broken off
        self._handle = None
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
