"""Who labels in this window: the login name, unless another name was set; it is kept on this machine."""

from __future__ import annotations

from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QInputDialog, QMenu, QWidget

from napari_cellsynth.project.actions import login
from napari_cellsynth.widgets.button_text import literal
from napari_cellsynth.widgets.session import Session

NAME = "labeller"


def adopt_labeller(session: Session, settings: QSettings) -> None:
    """Let the open project know who labels."""
    if session.project is not None:
        session.project.user = str(settings.value(NAME) or "")


def add_labeller(menu: QMenu, session: Session, settings: QSettings, parent: QWidget) -> None:
    """Offer to say who labels."""
    if session.project is not None:
        action = menu.addAction(f"Labeller: {literal(session.project.user)}…", lambda: _ask(session, settings, parent))
        action.setToolTip("Every label is kept with the name of who gave it; undo takes back one's own.")


def set_labeller(session: Session, settings: QSettings, name: str) -> None:
    """Set who labels from now on, in this window and the next; an empty name is the login's."""
    name = " ".join(name.split())
    settings.setValue(NAME, "" if name == login() else name)
    adopt_labeller(session, settings)
    session.user_changed.emit()


def _ask(session: Session, settings: QSettings, parent: QWidget) -> None:
    name, good = QInputDialog.getText(parent, "Labeller", "Who labels?", text=session.need_project().user)
    if good:
        set_labeller(session, settings, name)
