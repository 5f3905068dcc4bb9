"""The docks' few colours of their own, in napari's light and dark themes."""

from __future__ import annotations

from typing import Any, NamedTuple

from qtpy.QtWidgets import QWidget


class Colors(NamedTuple):
    """Colours of a theme, ``#rrggbb``; each stands out from ``background`` by 4.5 to 1 at least."""

    background: str
    text: str
    quiet: str
    problem: str
    invalid: str


DARK = Colors(background="#262930", text="#f0f1f2", quiet="#a4aab2", problem="#ffb454", invalid="#ff6b5a")
LIGHT = Colors(background="#efebe9", text="#3b3a39", quiet="#5f5b58", problem="#8a4b00", invalid="#b3261e")

# Two accents only: the button that is the next step, and a field or a line that says what is wrong.
_STYLE = """
QPushButton[primary="true"]:enabled {{ background: #2a6fc4; color: white; font-weight: 600; }}
QPushButton[primary="true"]:enabled:hover {{ background: #215a9f; }}
QPushButton {{ padding: 4px 10px; }}
/* The texts of these buttons end in ▾ or …; the style's own arrow would lie over them. */
QToolButton::menu-indicator, QPushButton::menu-indicator {{ image: none; width: 0px; }}
QLabel[role="problem"] {{ color: {problem}; }}
QLabel[role="quiet"] {{ color: {quiet}; }}
QLabel[role="heading"] {{ font-weight: 600; }}
*[invalid="true"] {{ border: 1px solid {invalid}; }}
/* Where the keys go: seen on every control, in either theme. */
QAbstractButton:focus, QComboBox:focus, QSlider:focus {{ border: 1px solid {text}; }}
"""


LIGHT_THEME = "light_theme"
"""The property of a dock or window that says in which theme it is."""


def is_light(viewer: Any) -> bool:
    """Whether napari's theme has a light background; one of a person's own, too."""
    try:
        from napari.utils.theme import get_theme

        red, green, blue = get_theme(viewer.theme).background.as_rgb_tuple()[:3]
    except (AttributeError, KeyError, ValueError, TypeError):  # no viewer (it has gone), or a theme that was taken away
        return False
    return bool(0.299 * red + 0.587 * green + 0.114 * blue > 128)


def colors_of(viewer: Any) -> Colors:
    """Return the colours that go with a viewer's theme."""
    return LIGHT if is_light(viewer) else DARK


def style_of(viewer: Any) -> str:
    """Return the style sheet of docks and windows in a viewer's theme."""
    return _STYLE.format(**colors_of(viewer)._asdict())


def wear_theme(widget: QWidget, viewer: Any) -> None:
    """Give a dock or window the style sheet of the viewer's theme, and tell the widgets in it which theme that is."""
    widget.setProperty(LIGHT_THEME, is_light(viewer))
    widget.setStyleSheet(style_of(viewer))


def colors_around(widget: QWidget) -> Colors:
    """Return the colours of the dock or window that a widget is in; of the dark theme where it is in none."""
    parent: QWidget | None = widget
    while parent is not None:
        light = parent.property(LIGHT_THEME)
        if light is not None:
            return LIGHT if light else DARK
        parent = parent.parentWidget()
    return DARK
