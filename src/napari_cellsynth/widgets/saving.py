"""What napari saves by itself: a labels layer as a table of its objects, with what its features say of them."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pandas as pd


def write_label_table(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write the objects of a labels layer as CSV: frame, label, box, centre and area in pixels, then its features.

    Parameters
    ----------
    path : str
        The file; replaced where it exists.
    data : array of int, shape (Y, X) or (T, Y, X)
        0 is background.
    meta : dict
        The layer's settings; ``features`` with a column ``index`` (a label each) or one row a label are kept.

    Returns
    -------
    list of str
        The file.

    Raises
    ------
    UserError
        When the layer has more than one axis beside y and x, or the file cannot be written.
    """
    from napari_cellsynth.errors import UserError
    from napari_cellsynth.imaging.crop import boxes_of
    from napari_cellsynth.project.export import safe_cell
    from napari_cellsynth.project.formats.place import file_beside

    shape = np.shape(data)
    if len(shape) not in (2, 3):
        raise UserError(f"The layer has {len(shape)} axes.", "A table is made of (y, x) or (time, y, x).")
    frames = [data] if len(shape) == 2 else [data[t] for t in range(shape[0])]
    tables = [boxes_of(np.asarray(frame, np.int32)).assign(frame=t) for t, frame in enumerate(frames)]
    table = pd.concat(tables, ignore_index=True).rename(columns={"mask_label": "label"}).drop(columns="mask_hash")
    table = table[["frame", "label", "x0", "y0", "x1", "y1", "cx", "cy", "area"]]
    features = pd.DataFrame(meta.get("features", {}))
    if "index" in features:
        told = features.drop_duplicates("index").rename(columns={"index": "label"})
        table = table.merge(told, on="label", how="left", suffixes=("", "_feature"))
    with file_beside(path) as (beside, out), beside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([safe_cell(name) for name in table])
        writer.writerows(
            ["" if cell != cell else safe_cell(cell) for cell in row]
            for row in table.astype(object).itertuples(index=False)
        )
    return [str(out)]
