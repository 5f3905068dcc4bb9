"""What each way to balance does for a rare class: its recall where the training set has one of it to fifty others.

Run ``python benchmarks/imbalance.py DATA --common Interphase --rare Prometaphase``, where DATA is a folder as
`classifiers.py` takes it. Of the rare class one training crop is kept for every fifty of the common one, another choice
in each seed; all crops of the held-out side are asked. ``fast`` learns at a small budget.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import get_args

import numpy as np

from classifiers import patches, read
from napari_cellsynth.classify.balance import BALANCES
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES, classifier_recipe
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.imaging.crop import intensity_range

RATIO = 50
BUDGETS = {"logistic": {}, "svm": {}, "fast": {"width": 0.5, "epochs": 10, "least_steps": 100}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--common", required=True)
    parser.add_argument("--rare", required=True)
    parser.add_argument("--recipes", nargs="*", default=list(BUDGETS))
    parser.add_argument("--seeds", type=int, default=5)
    told = parser.parse_args()
    crops, table = read(told.data, [told.common, told.rare])
    train, labels = (table["split"] == "train").to_numpy(), table["label"].to_numpy()
    groups = table["group"].astype(str).to_numpy()
    common, rare = (np.flatnonzero(train & (labels == name)) for name in (told.common, told.rare))
    few = max(2, round(len(common) / RATIO))
    asked = [int((~train & (labels == name)).sum()) for name in (told.common, told.rare)]
    print(f"{len(common)} {told.common} and {few} {told.rare} to learn from; asked: {asked[0]} and {asked[1]}")
    print(f"| recipe | balance | recall of {told.rare} | recall of {told.common} | processor seconds |")
    print("|---|---|---|---|---|")
    tested = np.flatnonzero(~train)
    for name in told.recipes:
        for balance in BALANCES:
            if balance not in get_args(CLASSIFIER_RECIPES[name].model_fields["balance"].annotation):
                continue
            recalls, began = [], time.process_time()
            for seed in range(told.seeds):
                kept = np.random.default_rng(seed).permutation(rare)[:few]
                chosen = np.concatenate([common, kept])
                low, high = intensity_range([crops[number] for number in chosen])
                recipe = classifier_recipe(name, balance=balance, **BUDGETS.get(name, {}))
                seen = [patches([crops[n] for n in rows], recipe.size, low, high) for rows in (chosen, tested)]
                done = train_classifier(
                    seen[0],
                    labels[chosen].tolist(),
                    recipe,
                    held_out=(seen[1], labels[tested].tolist()),
                    groups=groups[chosen],
                    seed=seed,
                    device="cpu",
                )
                recall = {each["class"]: each["TPR"] for each in done.result["scores"]["per_class"]}
                recalls.append([recall[told.rare], recall[told.common]])
            of = np.array(recalls)
            told_of = " | ".join(f"{of[:, n].mean():.2f} ({of[:, n].min():.2f}–{of[:, n].max():.2f})" for n in (0, 1))
            print(f"| `{name}` | {balance} | {told_of} | {time.process_time() - began:.0f} |", flush=True)


if __name__ == "__main__":
    main()
