"""Jobs on a terminal: progress on stderr, one result on stdout, Ctrl+C as a clean stop."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Metric, Progress, Saved

if TYPE_CHECKING:
    from napari_cellsynth.jobs.job import Parameters


class StoppedByUser(Exception):
    """The user pressed Ctrl+C and the work has stopped cleanly."""


def do(project: Path, model: Callable[..., Parameters] | type[Parameters], **values: Any) -> dict[str, Any]:
    """Run a job here, its progress on stderr; Ctrl+C stops it after the current step and keeps what is done."""
    from napari_cellsynth.jobs.job import Job, checked
    from napari_cellsynth.jobs.process import be_patient
    from napari_cellsynth.jobs.run import result_of, run

    assert isinstance(model, type)
    be_patient()
    job = Job.of(project, checked(model, values))
    asked, printer = False, Printer()

    def stop(*_: object) -> None:
        nonlocal asked
        asked = True

    before = signal.signal(signal.SIGINT, stop)
    try:
        result = result_of(run(job, lambda: asked), printer)
    finally:
        signal.signal(signal.SIGINT, before)
    if result is None:
        if printer.run:
            note(f"{printer.run} goes on with --resume {printer.run}")
        raise StoppedByUser
    return result


class Printer:
    """Writes progress to stderr: one line that moves in a terminal, a line every few seconds in a file."""

    def __init__(self) -> None:
        self._began = self._shown = time.monotonic()
        self._metrics = ""
        self._first: int | None = None
        self.run = ""
        """The run that was saved last, to go on with."""

    def __call__(self, event: Event) -> None:
        """Print an event if it is time to."""
        if isinstance(event, Saved):
            self.run = event.run
        if isinstance(event, Metric):
            self._metrics = "  ".join(f"{name} {value:.3g}" for name, value in event.values.items())
        if not isinstance(event, Progress):
            return
        now, last = time.monotonic(), event.done >= event.total
        if self._first is None:  # what came before it was a start, and a resumed run begins at its old step
            self._began, self._first = now, event.done
        moving = sys.stderr.isatty()
        if not last and now - self._shown < (0.1 if moving else 5):
            return
        self._shown = now
        done = event.done - self._first
        left = f"{(now - self._began) / done * (event.total - event.done):.0f} s left  " if done > 0 else ""
        line = f"{event.done}/{event.total} {event.unit}  {left}{self._metrics or event.note}"
        print(
            f"\r\033[K{line}" if moving else line,
            end="\n" if last or not moving else "",
            file=sys.stderr,
            flush=True,
        )


def overrides(changes: list[str] | None) -> dict[str, Any]:
    """Read ``FIELD=VALUE`` words; values are JSON where they can be, else text; a dot goes into a group of fields."""
    values: dict[str, Any] = {}
    for change in changes or []:
        name, separator, text = change.partition("=")
        if not separator:
            raise UserError(f"--set takes FIELD=VALUE, not {change!r}.", "For example: --set width=32")
        *groups, field = name.split(".")
        place = values
        for group in groups:
            place = place.setdefault(group, {})
            if not isinstance(place, dict):
                raise UserError(f"{group} is set twice, whole and in parts.", "Set it once.")
        try:
            place[field] = json.loads(text)
        except json.JSONDecodeError:
            place[field] = text
    return values


def dotted(values: dict[str, Any], group: str = "") -> dict[str, Any]:
    """Return the fields of groups beside the others, under the names that ``--set`` takes."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= dotted(value, f"{group}{name}.") if isinstance(value, dict) else {group + name: value}
    return flat


def note(text: str) -> None:
    """Write a line for the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


def show(result: dict[str, Any], as_json: bool) -> None:
    """Print a result on stdout, a line a value, or as one JSON object."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        if isinstance(value, float):
            value = f"{value:.4g}"
        elif isinstance(value, dict | list):
            value = json.dumps(value)
        print(f"{name.replace('_', ' ')}: {value}")


def show_scores(result: dict[str, Any]) -> None:
    """Print a classifier's result on stdout: every figure with its interval, then all else a line a value."""
    from napari_cellsynth.evaluate.score_words import COUNTS, class_rows, count_rows, rates_of, score_lines

    scores = result.get("scores") or {}
    for line in score_lines(scores):
        print(f"{line.title:20}{line.value:>8}  {line.interval}")
    rates = ["class", *(rate.split("_")[0] for rate in rates_of(scores)), "crops"]
    for row in [rates, *class_rows(scores)] if scores else []:
        print(f"{row[0][:19]:20}" + "".join(f"{cell:>10}" for cell in row[1:]))
    for name, counts in zip(result.get("classes") or [], count_rows(scores), strict=False):
        print(f"{name[:19]:20}" + "".join(f"{word:>5} {count:<5}" for word, count in zip(COUNTS, counts, strict=True)))
    if weighed := result.get("importance"):
        print(f"{'importance':20}{importance_words(weighed)}")
    show({name: value for name, value in result.items() if name not in ("scores", "importance")}, False)


def importance_words(weighed: list[dict[str, Any]], most: int = 10) -> str:
    """Return the families of features that weigh most, each with its importance (see `classify.importance`)."""
    key = "impurity" if weighed[0]["permutation"] is None else "permutation"
    named = [f"{row['features']} {row[key]:.3f}" for row in weighed[:most]]
    return ", ".join(named) + (f" and {len(weighed) - most} more" if len(weighed) > most else "")


def show_label_help(found: dict[str, Any], names: dict[int, str], most: int = 20) -> None:
    """Print on stdout which labels are probably wrong, which crops are near-copies and what to label next."""

    def told(title: str, rows: list[Any], line: Callable[[Any], str]) -> None:
        print(f"{title}: {len(rows) or 'none'}")
        for row in rows[:most]:
            print(f"  {line(row)}")
        if len(rows) > most:
            print(f"  and {len(rows) - most} more (--json lists them)")

    def wrong(row: dict[str, Any]) -> str:
        given, suggested = (names.get(row[each], "–")[:24] for each in ("given", "suggested"))
        return f"object {row['object']:<8} {given:24} → {suggested:24} p {row['probability']:.2f}"

    def copies(row: dict[str, Any]) -> str:
        leak = ", on both sides of the split" if row["leak"] else ""
        return f"objects {row['objects'][0]} and {row['objects'][1]} (likeness {row['likeness']:.3f}{leak})"

    told("labels that are probably wrong (label → suggestion, probability of the label)", found["mislabelled"], wrong)
    told("near-copies in different groups", found["duplicates"], copies)
    print(f"label next: {', '.join(map(str, found['next'])) or 'none'}")


def show_quality(title: str, quality: dict[str, Any]) -> None:
    """Print the figures of a class on stdout, each beside its interval and its floor; then the verdicts."""
    from napari_cellsynth.evaluate.quality_words import lines, scorer, verdicts

    print(f"{title} · {scorer(quality)}")
    print(f"{'':20}{'synthetic':>10}  {'95 % interval':18}{'real':>8}")
    for line in lines(quality):
        wide = line.value if len(line.value) > 10 else f"{line.value:>10}  {line.interval:18}{line.floor:>8}"
        print(f"{line.title:20}{wide}")
    for text in [*verdicts(quality), *quality["notices"]]:
        print(text)
