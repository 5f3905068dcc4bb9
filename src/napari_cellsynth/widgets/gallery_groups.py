"""The gallery's rows under headings: by class, run or verdict, or two runs beside each other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from napari_cellsynth.widgets.gallery_model import REAL
from napari_cellsynth.widgets.patch_grid import Section

BY_CLASS, BY_RUN, BY_REVIEW, SIDE_BY_SIDE = "by class", "by run", "by review", "two runs, side by side"
GROUPS = ("no groups", BY_CLASS, BY_RUN, BY_REVIEW, SIDE_BY_SIDE)


def grouped(table: pd.DataFrame, by: str, names: Mapping[int, str]) -> tuple[pd.DataFrame, list[Section]]:
    """Put a table's rows together by group, and say where each begins; within a group the order stays.

    Parameters
    ----------
    table : DataFrame
        With the columns of the gallery's model.
    by : str
        One of `GROUPS`.
    names : mapping of int to str
        The classes in their order.

    Returns
    -------
    table : DataFrame
    sections : list of Section
        Empty for "no groups" and for an empty table.
    """
    if by == GROUPS[0] or table.empty:
        return table, []
    codes, titles = _groups(table, by, names)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(titles) + 1))
    sections = [
        Section(f"{title} · {stop - start:,}", int(start), int(stop))
        for title, start, stop in zip(titles, starts[:-1], starts[1:], strict=True)
        if stop > start
    ]
    return table.iloc[order], sections


def _groups(table: pd.DataFrame, by: str, names: Mapping[int, str]) -> tuple[np.ndarray, list[str]]:
    """Return each row's group as a number, and the groups' titles in order."""
    if by == BY_CLASS:
        places = {class_id: place for place, class_id in enumerate(names)}
        codes = table["class_id"].map(places).fillna(len(places)).to_numpy(np.int64)
        return codes, [*names.values(), "unlabelled"]
    real = (table["kind"] == REAL).to_numpy()
    if by == BY_REVIEW:
        verdicts = ["", "accepted", "rejected"]
        codes = table["review"].map({word: place for place, word in enumerate(verdicts)}).to_numpy(np.int64)
        return np.where(real, 3, codes), ["not reviewed", *verdicts[1:], "real crops"]
    # The newest run, which has the greatest number, first; after all of them the real crops, which have none.
    runs = sorted(table["run"][~real].unique(), key=lambda run: (len(run), run), reverse=True)
    codes = table["run"].map({run: place for place, run in enumerate(runs)}).fillna(len(runs)).to_numpy(np.int64)
    return codes, [*runs, "real crops"]
