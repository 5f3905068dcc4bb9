"""Labelling on the canvas: a click on our ``objects`` layer chooses an object, the label keys give it a class.

The keys are bound to that one layer, so they act only while it is selected; everywhere else they stay napari's.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive

from napari_cellsynth.project import BAD_SEGMENTATION, UNSURE

if TYPE_CHECKING:
    from napari_cellsynth.widgets.label import LabelDock


def bind_canvas(layer: Any, dock: LabelDock) -> None:
    """Bind the label keys and the choosing click to the ``objects`` layer.

    Parameters
    ----------
    layer : napari Labels layer
        The session's ``objects`` layer.
    dock : LabelDock
        Who gives the classes; once it is closed the keys do nothing.
    """
    alive = weakref.ref(dock)

    def bind(key: str, act: Callable[[LabelDock], None]) -> None:
        def pressed(_layer: Any) -> None:
            owner = alive()
            if owner is not None and isalive(owner):
                act(owner)

        layer.bind_key(key, pressed, overwrite=True)

    for digit in "123456789":
        # The person clicks from object to object here, so the queue does not move the canvas away.
        bind(digit, lambda owner, digit=digit: owner.give_key(digit, move_on=False))  # type: ignore[misc]
    bind("0", lambda owner: owner.give(UNSURE, move_on=False))
    bind("X", lambda owner: owner.give(BAD_SEGMENTATION, move_on=False))
    bind("Control-Z", lambda owner: owner.take_back())
    bind("Control-Shift-Z", lambda owner: owner.give_again())

    def choose(clicked: Any, event: Any) -> Iterator[None]:
        dragged = False
        yield
        while event.type == "mouse_move":
            dragged = True
            yield
        owner = alive()
        if dragged or owner is None or not isalive(owner):
            return
        value = clicked.get_value(event.position, world=True)
        object_id = owner.session.layers.object_at(int(value)) if value else None
        if object_id is not None:
            owner.session.select_object(object_id, move_canvas=False)

    layer.mouse_drag_callbacks.append(choose)
