"""Giving one object on the canvas a label by hand, whichever way it was pointed at: by key, click or menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_cellsynth.project import UNLABELLED

if TYPE_CHECKING:
    from napari_cellsynth.widgets.session import Session


def label_here(session: Session, class_id: int) -> None:
    """Label the object under the pointer by hand and make it current.

    Beside all objects the current one is labelled, if it is in the frame, and the Label dock goes on to the next as it
    does after a key of its own: who keeps typing there labels one object after the other.
    """
    pointed = session.layers.object_under_pointer()
    object_id = pointed or session.current_object_id
    if object_id is None or object_id not in session.layers.frame_objects().index:
        session.report("There is no object under the pointer.", "key")
        return
    label_object(session, object_id, class_id)
    if pointed is None and not session.labels_hidden and class_id != UNLABELLED:
        session.walk_asked.emit(1)


def label_object(session: Session, object_id: int, class_id: int) -> None:
    """Label an object by hand and make it the current one.

    In a multi-label project a class is given to it, or taken away where it has it.
    """
    if session.labels_hidden:
        session.report("Labels are hidden: answer in the Label dock, or choose its mode “Label”.")
        return
    project = session.need_project()
    if class_id > 0 and project.multi_label:
        project.toggle_class(object_id, class_id)
    else:
        project.label([object_id], class_id, source="hand")
    session.select_object(object_id, move_canvas=False)
