"""The layers of a viewer that are the project's own, told apart from the person's by what each is for."""

from __future__ import annotations

import weakref
from typing import Any


class OwnLayers:
    """Adds layers to a viewer and finds them again.

    Parameters
    ----------
    viewer : napari.Viewer
        Held weakly: the session must not keep a closed viewer alive.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        # Not in the layers' metadata: those go with the copies that the person makes, which are not ours.
        self._kinds: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    def add(self, kind: str, adder: str, data: Any, **options: Any) -> Any:
        """Add a layer of the project to the canvas and return it (a list of them where channels are apart).

        Parameters
        ----------
        kind : str
            What `ours` finds it by.
        adder : str
            The viewer's method: ``"add_image"`` or ``"add_labels"``; the latter's layer cannot be painted in.
        data, options
            What that method takes.
        """
        viewer: Any = self._viewer()
        if adder == "add_labels":
            from napari.layers import Labels

            layer = Labels(data, **options)
            # Ours before it is on the canvas: who looks at the layers that come must not take it for the person's.
            self._kinds[layer] = kind
            viewer.add_layer(layer)
            layer.events.editable.connect(_lock)
            layer.editable = False
            return layer
        made = getattr(viewer, adder)(data, **options)
        for layer in made if isinstance(made, list) else [made]:
            self._kinds[layer] = kind
        return made

    def put(self, kind: str, layer: Any, *, locked: bool = True) -> None:
        """Put a Labels layer made elsewhere onto the canvas as the project's; unlocked it can be painted in."""
        viewer: Any = self._viewer()
        active = viewer.layers.selection.active
        self._kinds[layer] = kind
        viewer.add_layer(layer)
        if locked:
            layer.events.editable.connect(_lock)
            layer.editable = False
        viewer.layers.selection.active = active

    def owns(self, layer: Any) -> bool:
        """Whether a layer is the project's own; a copy that the person made of one is not."""
        return layer in self._kinds

    def ours(self, kind: str) -> Any:
        """Return our layer of a kind, or None."""
        return next((layer for layer in self._own() if self._kinds[layer] == kind), None)

    def _own(self) -> list[Any]:
        viewer = self._viewer()
        return [] if viewer is None else [layer for layer in viewer.layers if layer in self._kinds]


def _lock(event: Any) -> None:
    """Keep a layer from being painted in: napari makes it editable again whenever its data are set."""
    if event.source.editable:
        event.source.editable = False


def camera_of(viewer: Any) -> Any:
    """Return a viewer's camera, which napari 0.9 moved."""
    return getattr(viewer, "scene", viewer).camera
