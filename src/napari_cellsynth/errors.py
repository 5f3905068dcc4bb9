"""The one exception that is meant for the person at the screen."""

from __future__ import annotations


class UserError(Exception):
    """A mistake or a bad input that the user can mend; shown as one line, never as a traceback.

    Parameters
    ----------
    message : str
        One sentence that says what is wrong, with the file or the value at fault.
    hint : str, optional
        One sentence that says what to do about it.

    Examples
    --------
    >>> import napari_cellsynth as cs
    >>> try:
    ...     cs.Project.open("nowhere.cellsynth")
    ... except cs.UserError as error:
    ...     print(error.message)
    There is no project nowhere.cellsynth.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        message = " ".join(message.splitlines())  # a file's name may hold a line break
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class LeakError(UserError):
    """Something that was learned from would be tested on."""
