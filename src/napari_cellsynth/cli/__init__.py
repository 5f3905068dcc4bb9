"""The command line: every verb of the window, from the same code.

Exit codes: 0 done, 2 the user's mistake (one line), 3 stopped, 1 a bug.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

import typer

from napari_cellsynth.cli.by_hand import correct
from napari_cellsynth.cli.classifiers import predict, train_classifier
from napari_cellsynth.cli.experiment import experiment
from napari_cellsynth.cli.flags import Verb, Verbs
from napari_cellsynth.cli.gans import draw, generate, quality, train_gan
from napari_cellsynth.cli.held_out import hold_out
from napari_cellsynth.cli.insight import explain, label_help, over_time
from napari_cellsynth.cli.labels import agreement, classes, redo, undo
from napari_cellsynth.cli.merging import merge
from napari_cellsynth.cli.mosaic import segment_mosaic
from napari_cellsynth.cli.pairs import WithPairs
from napari_cellsynth.cli.projects import export, import_, info, init, segment
from napari_cellsynth.cli.relinking import relink
from napari_cellsynth.cli.review import review
from napari_cellsynth.cli.runs import runs
from napari_cellsynth.cli.safety import check, restore
from napari_cellsynth.cli.standalone import demo, doctor, enhance, recipes
from napari_cellsynth.console import StoppedByUser
from napari_cellsynth.errors import UserError

app = typer.Typer(
    name="napari-cellsynth",
    cls=Verbs,
    help="Segment, label, synthesise and classify cells, and learn whether the synthetic data helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_VERBS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "init": init,
    "info": info,
    "doctor": doctor,
    "import": import_,
    "merge": merge,
    "relink": relink,
    "segment": segment,
    "segment-mosaic": segment_mosaic,
    "classes": classes,
    "agreement": agreement,
    "hold-out": hold_out,
    "undo": undo,
    "redo": redo,
    "correct": correct,
    "enhance": enhance,
    "train-gan": train_gan,
    "generate": generate,
    "draw": draw,
    "quality": quality,
    "review": review,
    "runs": runs,
    "train-classifier": train_classifier,
    "predict": predict,
    "experiment": experiment,
    "explain": explain,
    "label-help": label_help,
    "over-time": over_time,
    "export": export,
    "check": check,
    "restore": restore,
    "recipes": recipes,
}
for _name, _verb in _VERBS.items():
    app.command(_name, cls=WithPairs if _verb is classes else Verb)(_verb)

_INTERRUPTED = 130


def _told_stopped() -> int:
    print("stopped", file=sys.stderr)
    return 3


def main() -> None:
    """Run the command line and exit with one of the documented codes."""
    try:
        code = app(standalone_mode=False)  # typer turns an interrupt into a return value here
        sys.stdout.flush()  # a full disk is told below, and not by Python's own traceback at its end
        if code:
            sys.exit(_told_stopped() if code == _INTERRUPTED else code)
    except UserError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        sys.exit(2)
    except (StoppedByUser, KeyboardInterrupt, typer.Abort):
        sys.exit(_told_stopped())
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except BrokenPipeError:
        sys.exit(0)  # the reader of our output (a pager, `head`) has seen enough
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"error: Not everything could be written: {error.strerror}.\nhint: Free some space.", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries to write what waits there once more
        sys.exit(2)
    except Exception as error:
        # typer's own usage errors (unknown option, missing argument) carry their exit code and wording.
        if hasattr(error, "format_message"):
            print(f"error: {error.format_message()}", file=sys.stderr)
            sys.exit(2)
        raise
