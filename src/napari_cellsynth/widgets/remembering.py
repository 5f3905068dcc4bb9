"""Opening a project where it was left: image, frame, object, dock, and how the layers looked."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.view import LayerLook, View, read_view, write_view
from napari_cellsynth.widgets.dock_places import frames_of
from napari_cellsynth.widgets.own_layers import camera_of

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session

ON, OFF = "on", "off"

SAVE_MS = 3000
"""Moves of the slider come in bursts; the last one is written once they have settled."""


class Remembered(Protocol):
    """A widget whose settings can be told in words and taken back from them."""

    def settings(self) -> str:
        """Return the settings; ``""`` where they are not valid."""
        ...

    def set_settings(self, told: str) -> None:
        """Take over what `settings` returned; of ``""`` and of what cannot be read the widget's own."""
        ...


class Remembering(QObject):
    """Keeps the open project's view, and brings it back when the project is opened again.

    With two windows on one project the one that moved last is remembered. Nothing here may keep a project from being
    opened or closed: what cannot be read or written is left.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.dock = ""
        self._written = View()
        self._choices: dict[str, QComboBox] = {}
        self._switches: dict[str, QCheckBox] = {}
        self._settings: dict[str, Remembered] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MS)
        self._timer.timeout.connect(self.save)
        session.frame_changed.connect(lambda _image_id, _frame: self._timer.start())
        session.current_object_changed.connect(lambda _object_id: self._timer.start())

    def saw(self, dock: str) -> None:
        """Remember which dock is in front, by its class's name."""
        if self._session.project is not None and dock != self.dock:
            self.dock = dock
            self._timer.start()

    def keep(self, name: str, box: QComboBox) -> None:
        """Remember what is chosen in a box, and choose it again where it is offered."""
        self._choices[name] = box
        box.activated.connect(lambda _index: self._timer.start())

    def keep_switch(self, name: str, box: QCheckBox) -> None:
        """Remember whether a box is ticked, and tick it again or not."""
        self._switches[name] = box
        box.clicked.connect(lambda _on: self._timer.start())

    def keep_settings(self, name: str, form: Remembered) -> None:
        """Remember the settings of a form; a project that has none opens with the form's own."""
        self._settings[name] = form

    # ------------------------------------------------------------------ writing
    def save(self) -> None:
        """Write the view, where it is another one and the project may be written."""
        self._timer.stop()
        session = self._session
        if session.project is None or session.project.read_only or session.current_image_id is None:
            return
        with suppress(UserError, ValueError):
            view = self._now()
            if view != self._written:
                write_view(session.project, view)
                self._written = view

    def _now(self) -> View:
        session = self._session
        looks = {}
        for name, layer in self._layers() + self._overlay():
            contrast = getattr(layer, "contrast_limits", None)
            looks[name[:200]] = LayerLook(
                visible=bool(layer.visible) or (layer is session.layers.objects_layer and self._replaced()),
                opacity=float(layer.opacity),
                contrast=None if contrast is None else (float(contrast[0]), float(contrast[1])),
            )
        camera = self._camera()
        return View(
            image_id=session.current_image_id,
            frame=session.current_frame,
            object_id=session.current_object_id,
            dock=self.dock,
            centre=None if camera is None else tuple(float(each) for each in camera.center[-2:]),
            zoom=None if camera is None else float(camera.zoom),
            layers=looks,
            # A dock that was closed keeps what it was left with.
            choices=self._written.choices
            | {name: box.currentText() for name, box in self._choices.items() if isalive(box)}
            | {name: ON if box.isChecked() else OFF for name, box in self._switches.items() if isalive(box)},
            settings=self._written.settings
            | {name: form.settings() for name, form in self._settings.items() if isalive(form)},
        )

    # ------------------------------------------------------------------ bringing back
    def restore(self) -> None:
        """Show the project as it was left; an image that has gone leaves the first one that is there."""
        session, project = self._session, self._session.need_project()
        with suppress(UserError):
            self._written = view = read_view(project)
            for name, form in self._settings.items():
                if isalive(form):
                    form.set_settings(view.settings.get(name, ""))
            images = project.images()
            present = images.index[~images["missing"].astype(bool)].tolist()
            if not present:
                return
            known = view.image_id in present
            session.show_image(view.image_id if known and view.image_id is not None else int(present[0]))
            if not known or session.current_image_id is None:
                return
            session.layers.show_frame(session.current_image_id, view.frame)
            self._restore_look(view)
            self._restore_choices(view)
            self._raise(view.dock)
            if view.object_id is not None and view.object_id in project.objects().index:
                session.select_object(view.object_id, move_canvas=False)
                session.ring.forget_choice()  # nobody chose it now

    def _restore_look(self, view: View) -> None:
        overlay = self._overlay()
        for name, layer in self._layers() + overlay:
            look = view.layers.get(name[:200])
            if look is None:
                continue
            layer.opacity = look.opacity
            if (name, layer) not in overlay:  # its switches say whether it is shown
                layer.visible = look.visible
            if look.contrast is not None and look.contrast[0] < look.contrast[1]:
                layer.contrast_limits = look.contrast
        camera = self._camera()
        if camera is not None and view.centre is not None and view.zoom is not None:
            camera.center = (*camera.center[:-2], *view.centre)
            camera.zoom = view.zoom

    def _restore_choices(self, view: View) -> None:
        for name, box in self._choices.items():
            wanted = view.choices.get(name, "")
            if isalive(box) and (row := box.findText(wanted)) >= 0:
                box.setCurrentIndex(row)
                box.activated.emit(row)
            elif isalive(box) and hasattr(box, "lose"):
                box.lose(wanted)  # an order that cannot be had yet says so

        for name, switch in self._switches.items():
            if isalive(switch) and view.choices.get(name) in (ON, OFF):
                switch.setChecked(view.choices[name] == ON)

    def _raise(self, name: str) -> None:
        """Bring the dock that was in front there again, where it is open."""
        for frame in frames_of(self._session.viewer, name):
            frame.raise_()

    def _layers(self) -> list[tuple[str, Any]]:
        """Return the images of the project and the outlines, by the names that they have on the canvas."""
        layers = self._session.layers
        found = [*layers.image_layers, *filter(None, [layers.objects_layer])]
        return [(str(layer.name), layer) for layer in found]

    def _overlay(self) -> list[tuple[str, Any]]:
        """Return the layers of predictions that are there."""
        layers = self._session.layers
        return [(kind, layer) for kind in ("classes", "confidence") if (layer := layers.ours(kind)) is not None]

    def _replaced(self) -> bool:
        """Whether the outlines are hidden only because a correction or a preview stands in their place."""
        layers = self._session.layers
        return layers.veiled or layers.ours("preview") is not None

    def _camera(self) -> Any:
        viewer = self._session.viewer
        return None if viewer is None else camera_of(viewer)
