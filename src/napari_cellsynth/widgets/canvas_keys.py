"""Labelling on the canvas: a click chooses an object or gives it the class of the click, a right click clears it.

Shift+click offers all classes.
A label key gives the object under the pointer a class.
The keys are bound to the project's own layers, so they act only while one of those is selected; everywhere else they
stay napari's.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtWidgets import QApplication

from napari_cellsynth.project import BAD_SEGMENTATION, UNLABELLED, UNSURE
from napari_cellsynth.widgets.canvas_labels import label_here, label_object
from napari_cellsynth.widgets.class_menu import pop_up

if TYPE_CHECKING:
    from napari_cellsynth.project.actions import Step
    from napari_cellsynth.widgets.session import Session

LEFT, RIGHT = 1, 2


def bind_canvas(layer: Any, session: Session) -> None:
    """Bind the label keys and the choosing click to a layer.

    Parameters
    ----------
    layer : napari Labels layer
        The ``objects`` or the ``classes`` layer.
    session : Session
        Whose project is labelled; once its viewer has gone the keys do nothing.
    """
    alive = weakref.ref(session)

    def owner() -> Session | None:
        found = alive()
        return found if found is not None and isalive(found) else None

    for key, act in _acts():
        layer.bind_key(key, _pressed(owner, act), overwrite=True)
    layer.mouse_drag_callbacks += [_choosing(owner), _offering(owner)]


def _acts() -> Iterator[tuple[str, Callable[[Session], None]]]:
    """Yield each key and what it does."""
    for digit in "123456789":
        yield digit, partial(_give_key, key=digit)
    for key, class_id in (("0", UNSURE), ("X", BAD_SEGMENTATION), ("Delete", UNLABELLED)):
        yield key, partial(label_here, class_id=class_id)
    # The left and right arrows are napari's: its time slider.
    yield "Up", lambda owner: owner.walk_asked.emit(-1)
    yield "Down", lambda owner: owner.walk_asked.emit(1)
    yield "Control-Z", lambda owner: _travel(owner, owner.need_project().undo_step(), "There is nothing to undo.")
    yield "Control-Shift-Z", lambda owner: _travel(owner, owner.need_project().redo_step(), "There is nothing to redo.")


def _pressed(owner: Callable[[], Session | None], act: Callable[[Session], None]) -> Callable[[Any], None]:
    def pressed(_layer: Any) -> None:
        session = owner()
        if session is not None and session.project is not None and not _typing_in_a_dock():
            with session.reporting():
                act(session)

    return pressed


def _choosing(owner: Callable[[], Session | None]) -> Callable[[Any, Any], Iterator[None]]:
    """Return what a click does: choose, give the class of the click, or with the right button take the label away."""

    def choose(_layer: Any, event: Any) -> Iterator[None]:
        if event.button not in (LEFT, RIGHT) or event.modifiers:
            return
        dragged = False
        yield
        while event.type == "mouse_move":
            dragged = True
            yield
        session = owner()
        object_id = None if dragged or session is None else session.layers.object_at_position(event.position)
        if session is None or object_id is None:
            return
        with session.reporting():
            if event.button == RIGHT:
                label_object(session, object_id, UNLABELLED)
            elif session.armed is not None:
                label_object(session, object_id, session.armed)
            else:
                session.select_object(object_id, move_canvas=False)

    return choose


def _offering(owner: Callable[[], Session | None]) -> Callable[[Any, Any], None]:
    """Return what Shift+click does: offer all classes."""

    def offer(_layer: Any, event: Any) -> None:
        session = owner()
        if event.button != LEFT or list(event.modifiers) != ["Shift"] or session is None:
            return
        object_id = session.layers.object_at_position(event.position)
        if object_id is not None:
            pop_up(session, object_id)

    return offer


def _typing_in_a_dock() -> bool:
    """Whether the keys belong to one of our docks: what a widget in there does not take, Qt offers to the window."""
    widget = QApplication.focusWidget()
    while widget is not None:
        if type(widget).__module__.startswith(__package__ or "napari_cellsynth"):
            return True
        widget = widget.parentWidget()
    return False


def _give_key(session: Session, key: str) -> None:
    record = next((each for each in session.need_project().classes() if each.key == key), None)
    if record is None:
        session.report(f"No class has the key {key}. Add one in the Label dock.", "key")
    else:
        label_here(session, record.id)


def _travel(session: Session, step: Step | None, nothing: str) -> None:
    if step is None:
        session.report(nothing, "undo")
    elif step.targets and step.targets[0] in session.need_project().objects().index:
        session.select_object(step.targets[0], move_canvas=False)
