"""The menu of a Shift+click on an object of the canvas: the classes with their keys; the choice is a label by hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QMenu

from napari_cellsynth.project import BAD_SEGMENTATION, UNLABELLED, UNSURE
from napari_cellsynth.widgets.button_text import literal
from napari_cellsynth.widgets.canvas_labels import label_object

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session


def class_menu(session: Session, object_id: int) -> QMenu | None:
    """Return the menu for an object of the current frame, or None where there is no such object any more."""
    project = session.need_project()
    objects = session.layers.frame_objects()
    if object_id not in objects.index:
        return None
    has = set(project.classes_of(int(objects.loc[object_id, "label"])))
    # A menu without an owner would be collected while it is open.
    menu = QMenu(getattr(getattr(session.viewer, "window", None), "_qt_window", None))
    menu.setObjectName("class_menu")
    menu.addSection(f"object {object_id}")
    for record in project.classes():
        action = menu.addAction(literal(f"{record.name}\t{record.key}"), partial(_give, session, object_id, record.id))
        action.setCheckable(True)
        action.setChecked(record.id in has)
    menu.addSeparator()
    reserved = (("unsure\t0", UNSURE), ("bad segmentation\tX", BAD_SEGMENTATION), ("no label", UNLABELLED))
    for words, class_id in reserved:
        action = menu.addAction(words, partial(_give, session, object_id, class_id))
        action.setCheckable(True)
        action.setChecked(int(objects.loc[object_id, "class_id"]) == class_id)
    for action in menu.actions():
        action.setEnabled(not project.read_only)
    return menu


def pop_up(session: Session, object_id: int) -> None:
    """Show the menu at the pointer; it goes with its choice."""
    if session.labels_hidden:  # the menu would tell the label
        session.report("Labels are hidden: answer in the Label dock, or choose its mode “Label”.")
        return
    with session.reporting():
        menu = class_menu(session, object_id)
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(QCursor.pos())


def _give(session: Session, object_id: int, class_id: int) -> None:
    with session.reporting():
        label_object(session, object_id, class_id)
