"""Every classifier recipe on real crops: balanced accuracy, macro F1, calibration error and seconds.

Run ``python benchmarks/classifiers.py DATA --classes A B --recipes fast svm``, where DATA is a folder with
``objects.csv`` (image, x0, y0, x1, y1, label, split, group) and its images; all classes and recipes where none are
named. What the table's split calls ``test`` is held out; intensities come from the training crops alone. Recipes run
with their own settings and sides, but for ``--set FIELD=VALUE`` (fields that a recipe does not have are left out).
``--rare CLASS N`` keeps N training crops of a class, to see what a way to balance does for it; ``--crops N`` keeps that
many of either side, for what would take hours otherwise. ``--table FILE`` prints what ``--out FILE`` has gathered.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
from PIL import Image

from napari_cellsynth.classify.recipe_base import ClassifierRecipe
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES, classifier_recipe
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.console import overrides
from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import intensity_range

OFFLINE = {"pretrained": False}


def read(data: Path, classes: list[str]) -> tuple[list[np.ndarray], pd.DataFrame]:
    """Return the crops (C, h, w) of some classes (all if none is named), and their table."""
    table = pd.read_csv(data / "objects.csv")
    table = table[table["label"].isin(classes)] if classes else table
    crops = []
    for row in table.itertuples():
        path = data / row.image
        picture = tifffile.imread(path) if path.suffix.startswith(".tif") else np.asarray(Image.open(path))
        picture = picture[None] if picture.ndim == 2 else picture
        if picture.shape[-1] in (3, 4) and picture.shape[0] > 4:
            picture = np.moveaxis(picture[..., :3], -1, 0)
        crops.append(picture[:, row.y0 : row.y1, row.x0 : row.x1])
    return crops, table.reset_index(drop=True)


def patches(crops: list[np.ndarray], size: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return crops as patches (N, C, S, S) float32 in [-1, 1]."""
    import torch

    made = [
        torch.nn.functional.interpolate(
            torch.from_numpy(crop.astype(np.float32))[None], (size, size), mode="bilinear", antialias=True
        )[0].numpy()
        for crop in crops
    ]
    unit = (np.stack(made) - low[:, None, None]) / (high - low)[:, None, None] * 2 - 1
    return np.clip(unit, -1, 1).astype(np.float32)


def budget(recipe: ClassifierRecipe, crops: int) -> str:
    """Return how long a recipe learns, in words."""
    epochs = getattr(recipe, "epochs", None)
    return f"{crops} crops" + (f", {epochs} epoch{'s' * (epochs > 1)}" if epochs else "")


def run(name: str, changes: dict[str, Any], crops: list[np.ndarray], table: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Train a recipe, and return its figures on the held-out crops."""
    fields = CLASSIFIER_RECIPES[name].model_fields
    recipe = classifier_recipe(name, **{k: v for k, v in (OFFLINE | changes).items() if k.split(".")[0] in fields})
    train = (table["split"] == "train").to_numpy()
    low, high = intensity_range([crop for crop, here in zip(crops, train, strict=True) if here])
    x, y = patches(crops, recipe.size, low, high), table["label"].to_numpy()
    group = table["group"].astype(str).to_numpy()
    started, used = time.perf_counter(), time.process_time()
    done = train_classifier(
        x[train],
        y[train].tolist(),
        recipe,
        held_out=(x[~train], y[~train].tolist()),
        groups=group[train],
        groups_held_out=group[~train],
        seed=seed,
    )
    scores = done.result["scores"]
    return {
        "recipe": name,
        "size": recipe.size,
        "steps": done.result.get("steps"),
        "budget": budget(recipe, int(train.sum())),
        "balanced_accuracy": round(scores["balanced_accuracy"], 3),
        "interval": [round(bound, 3) for bound in scores["intervals"].get("balanced_accuracy", [])],
        "accuracy": round(scores["accuracy"], 3),
        "macro_f1": round(scores["macro_f1"], 3),
        "calibration_error": round(scores["expected_calibration_error"], 3),
        "recall": {row["class"]: row["TPR"] for row in scores["per_class"]},
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time() - used, 1),
    }


def subset(table: pd.DataFrame, train: bool, count: int) -> np.ndarray:
    """Return so many rows of one side at random, of every class at least two where there are."""
    rows = np.flatnonzero((table["split"] == "train") == train)
    rows = np.random.default_rng(0).permutation(rows)
    rank = table.iloc[rows].groupby("label").cumcount().to_numpy()
    return rows[np.argsort(rank >= 2, kind="stable")][:count]


def as_table(rows: list[dict[str, Any]]) -> str:
    """Return rows as a Markdown table."""
    lines = [
        "| recipe | patch, px | budget | balanced accuracy (95 %) | macro F1 | accuracy | processor seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if "error" in row:
            lines.append(f"| `{row['recipe']}` | {row['error']} | | | | | |")
            continue
        between = "–".join(f"{bound:.2f}" for bound in row["interval"])
        figures = f"{row['balanced_accuracy']:.3f} ({between}) | {row['macro_f1']:.3f} | {row['accuracy']:.3f}"
        lines.append(
            f"| `{row['recipe']}` | {row['size']} | {row['budget']} | {figures} | {row['processor_seconds']:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--table", type=Path, help="print a file that --out has written as a table")
    parser.add_argument("--crops", type=int, help="keep so many training crops, and so many held-out ones, at random")
    parser.add_argument("--classes", nargs="*", default=[])
    parser.add_argument("--recipes", nargs="*", default=[name for name in CLASSIFIER_RECIPES if name != "timm"])
    parser.add_argument("--set", dest="changes", action="append", metavar="FIELD=VALUE")
    parser.add_argument("--rare", nargs=2, metavar=("CLASS", "N"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a file that gets one JSON line a training")
    told = parser.parse_args()
    if told.table:
        print(as_table([json.loads(line) for line in told.table.read_text(encoding="utf-8").splitlines()]))
        return
    if told.data is None:
        parser.error("name a folder with objects.csv")
    crops, table = read(told.data, told.classes)
    if told.crops:
        kept = np.concatenate([subset(table, side, told.crops) for side in (True, False)])
        crops, table = [crops[number] for number in kept], table.iloc[kept].reset_index(drop=True)
    if told.rare:
        name, kept = told.rare[0], int(told.rare[1])
        members = np.flatnonzero((table["label"] == name) & (table["split"] == "train"))
        gone = set(np.random.default_rng(0).permutation(members)[kept:].tolist())
        crops = [crop for number, crop in enumerate(crops) if number not in gone]
        table = table.drop(index=sorted(gone)).reset_index(drop=True)
    for recipe in told.recipes:
        for seed in range(told.seeds):
            try:
                row = run(recipe, overrides(told.changes), crops, table, seed) | {"seed": seed}
            except UserError as error:
                row = {"recipe": recipe, "seed": seed, "error": str(error)}
            print(json.dumps(row), flush=True)
            if told.out:
                with told.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
