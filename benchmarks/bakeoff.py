"""GAN recipes against each other on real patches, at equal time on one core: KID along the run, recall, copies.

Run ``python benchmarks/bakeoff.py DATA --class NAME --n 60 200 --recipes dcgan cellsynth --budgets 300``, where DATA is
a folder with ``objects.csv`` (image, x0, y0, x1, y1, label, split, group) and its images. Nothing but the training
split is learned from: the generator sees n patches of one class (a conditional recipe: n of each of the classes given
by ``--with``), the network that describes patches sees the training crops of all classes. Patches are measured against
the held-out patches of the class. Single checkpoints swing by a factor of two or three, so the figures are means over
a stretch of checkpoints: the last third of the time up to each budget. One run gives the figures of every budget. The
time is that of the training steps alone, and it is the processor's (one thread), so that other work on the machine
takes nothing from a recipe; on a GPU it is the clock's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from napari_cellsynth.evaluate.fold_network import FoldNetwork
from napari_cellsynth.evaluate.quality import (
    features,
    kid,
    memorisation,
    precision_recall_density_coverage,
    standardised,
)
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, gan_recipe
from napari_cellsynth.synthesis.sample import draw, latents, with_class
from napari_cellsynth.synthesis.train import training_step
from napari_cellsynth.training.device import pick_device
from napari_cellsynth.training.loader import CropStore

LATE = 1 / 3
"""The share of a budget, at its end, over whose checkpoints the figures are means."""

DRAWN = 256


def read(data: Path, size: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Return all crops as patches (N, C, S, S) in [-1, 1], by the training crops' range, and their table."""
    table = pd.read_csv(data / "objects.csv")
    pictures: dict[str, np.ndarray] = {}
    crops = []
    for row in table.itertuples():
        if row.image not in pictures:
            pictures = {row.image: np.asarray(Image.open(data / row.image), dtype=np.float32)}
        crop = pictures[row.image][row.y0 : row.y1, row.x0 : row.x1]
        crop = crop[None] if crop.ndim == 2 else crop.transpose(2, 0, 1)
        tensor = torch.from_numpy(np.ascontiguousarray(crop))[None]
        crops.append(torch.nn.functional.interpolate(tensor, (size, size), mode="bilinear", antialias=True)[0].numpy())
    pixels = np.stack(crops)
    train = (table["split"] == "train").to_numpy()
    low, high = np.percentile(pixels[train], (0.1, 99.9), axis=(0, 2, 3), keepdims=True)
    return np.clip((pixels - low) / (high - low) * 2 - 1, -1, 1).astype(np.float32), table


def describe(patches: np.ndarray, table: pd.DataFrame) -> FoldNetwork:
    """Train the network that describes patches on the training crops of all classes."""
    train = (table["split"] == "train").to_numpy()
    classes = sorted(set(table.loc[train, "label"]))
    network = FoldNetwork(patches.shape[1], classes, seed=0)
    labels = table.loc[train, "label"].map(classes.index).to_numpy()
    for _ in network.learn(patches[train], labels):
        pass
    return network


def run(
    name: str, changes: dict[str, Any], sets: list[np.ndarray], told: argparse.Namespace, seed: int, judge: Any
) -> list[dict[str, Any]]:
    """Train one recipe for the longest budget, and return its figures at equal intervals.

    ``sets[0]`` holds the patches of the measured class.
    """
    kind, device = GAN_RECIPES[name], pick_device(told.device)
    known = {key: value for key, value in changes.items() if key in kind.model_fields}
    recipe = gan_recipe(name, **known)
    sets = sets if kind.conditional else sets[:1]
    classes = np.repeat(np.arange(len(sets)), [len(each) for each in sets]) if kind.conditional else None
    store = CropStore.from_patches(np.concatenate(sets), device, classes=classes)
    gan = recipe.build(store.channels, device, seed, store.n_classes)
    rng = torch.Generator(device).manual_seed(seed)
    noise = latents(seed + 1000, 0, DRAWN, gan.latent)
    inputs = with_class(noise, 0, store.n_classes) if kind.conditional else noise
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    done, spent, rows = 0, 0.0, []
    for end in np.arange(told.every, max(told.budgets) + 1, told.every):
        while spent < end:
            started = clock()
            done += 1
            figures = training_step(gan, recipe, store, rng, done)
            torch.stack([value.float() for value in figures.values()]).tolist()
            spent += clock() - started
        made = np.concatenate([draw(gan.averaged, part, device) for part in np.split(inputs, 4)])
        rows.append(judge(made) | {"seconds": float(end), "step": done})
        print(f"{name}, {end:.0f} s, step {done}: KID {rows[-1]['kid']:.2f}", file=sys.stderr, flush=True)
    return rows


def at(budget: float, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of a run at a budget."""
    late = [row for row in rows if budget * (1 - LATE) < row["seconds"] <= budget]
    means = {key: round(float(np.mean([row[key] for row in late])), 3) for key in ("kid", "recall", "copied")}
    return {"budget": budget, "steps": late[-1]["step"]} | means


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--class", dest="class_name", required=True)
    parser.add_argument("--with", dest="others", nargs="*", default=[], help="further classes for conditional recipes")
    parser.add_argument("--n", type=int, nargs="+", default=[60, 200])
    parser.add_argument("--recipes", nargs="+", default=["dcgan", "cellsynth"])
    parser.add_argument("--budgets", type=float, nargs="+", default=[300, 2700], help="seconds of training")
    parser.add_argument("--every", type=float, default=60, help="seconds between two measurements")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--set", dest="changes", default='{"width": 32, "batch": 32}', help="fields of every recipe")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="a file that gets one JSON line a run")
    told = parser.parse_args()
    # One thread: processor time is then what the clock would show on a free core.
    torch.set_num_threads(1)
    patches, table = read(told.data, told.size)
    network = describe(patches, table)
    of = {
        name: patches[((table["label"] == name) & (table["split"] == "train")).to_numpy()]
        for name in [told.class_name, *told.others]
    }
    held = patches[((table["label"] == told.class_name) & (table["split"] != "train")).to_numpy()]
    changes = json.loads(told.changes) | {"size": told.size}
    for n in told.n:
        order = np.random.default_rng(n)
        sets = [each[order.permutation(len(each))[:n]] for each in of.values()]
        n_of = min(len(held), len(sets[0]))
        described = features(held, network), features(sets[0], network)

        def judge(made: np.ndarray, described: Any = described, sets: Any = sets) -> dict[str, float]:
            real, trained_on, synthetic = standardised(described[0], described[1], features(made, network))
            count = min(len(real), len(synthetic))
            near = precision_recall_density_coverage(real[:count], synthetic[:count])
            copied = memorisation(sets[0], made)["copied"]
            return {"kid": kid(real, synthetic), "floor": kid(real, trained_on), "copied": copied} | near

        floor = judge(sets[0])["floor"]
        print(f"n {n}: floor {floor:.3f} ({n_of} held-out and training patches)", flush=True)
        for name in told.recipes:
            for seed in range(told.seeds):
                rows = run(name, changes, sets, told, seed, judge)
                line = {
                    "n": n,
                    "recipe": name,
                    "seed": seed,
                    "floor": round(floor, 3),
                    "at": [at(budget, rows) for budget in told.budgets],
                    "kids": [round(row["kid"], 2) for row in rows],
                }
                print(json.dumps(line), flush=True)
                if told.out:
                    with told.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
