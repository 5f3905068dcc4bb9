"""Which patches a text finds: by id, class, run, verdict, reason, or the name of the image they were cut from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtWidgets import QLineEdit

from napari_cellsynth.widgets.dock import delayed
from napari_cellsynth.widgets.gallery_model import REAL

TYPING_MS = 200
"""Who types is waited for before the patches are looked through."""


def found_by(
    table: pd.DataFrame, text: str, names: Mapping[int, str], images: Mapping[int, str], objects: pd.DataFrame
) -> NDArray[np.bool_]:
    """Return for every row whether all words of a text are found in it.

    Parameters
    ----------
    table : DataFrame
        With the columns of the gallery's model.
    text : str
        Words, in capitals or not; a number is an id, whole, or a part of a name like any other word.
    names, images : mapping of int to str
        The classes' and the images' names by id.
    objects : DataFrame
        `Project.objects`: in which image an object is.
    """
    found = np.ones(len(table), bool)
    for word in text.lower().split():
        hit = np.zeros(len(table), bool)
        for column in ("kind", "run", "review", "reason"):
            # A column has few different values: each is looked at once.
            hits = [value for value in table[column].unique() if word in str(value).lower()]
            hit |= table[column].isin(hits).to_numpy() if hits else False
        hit |= table["class_id"].isin([each for each, name in names.items() if word in name.lower()]).to_numpy()
        within = [each for each, name in images.items() if word in name.lower()]
        if within:
            members = objects.index[objects["image_id"].isin(within)]
            hit |= ((table["kind"] == REAL) & table["id"].isin(members)).to_numpy()
        if word.isdigit():
            hit |= (table["id"] == int(word)).to_numpy() if len(word) < 19 else False
        found &= hit
    return found


class SearchBox(QLineEdit):
    """A line for the text; `act` is called when it has changed and nothing was typed for a moment.

    Parameters
    ----------
    act : callable
        Looks through the patches.
    """

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName("search")
        self.setAccessibleName("Search")
        self.setPlaceholderText("search")
        self.setToolTip("Words or a number: class, run, verdict, reason, image name, or the id of an object or patch.")
        self.setClearButtonEnabled(True)
        self.setFixedWidth(120)
        timer = delayed(self, TYPING_MS, act)
        self.textChanged.connect(lambda _text: timer.start())
