"""hESCnet's epochs and the prediction of 1,000 objects against the loops that a user would write, in one process.

Run ``python benchmarks/classify.py``. Peer and product take turns on the same crops in memory.

``epochs``: hESCnet at the paper's size and batch, per crop. The peer is a plain loop: a `DataLoader` over a data set
whose samples go through torchvision's transforms one at a time (flips, float, range), the same network in contiguous
memory and float32, SGD, the loss read at each step.

``predict``: 1,000 objects with a trained `fast`, which looks at each from eight sides. The peer cuts one object after
another and asks the same network with the same eight views.

``features``: 1,000 objects by a random forest on features. The peer does as a pixel-and-object classifier's batch loop
does, one object at a time: measured with scikit-image (region properties, local binary patterns, co-occurrence), then
asked of scikit-learn's forest of as many trees. It has fewer figures to measure than ours.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from napari_cellsynth.classify.batches import Part, stages
from napari_cellsynth.classify.history import History
from napari_cellsynth.classify.learning_sets import LearningSets
from napari_cellsynth.classify.loop import Loop
from napari_cellsynth.classify.networks import Hescnet
from napari_cellsynth.classify.predict import predict, symmetries
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.classify.state import fresh
from napari_cellsynth.training.device import describe_device, pick_device
from napari_cellsynth.training.loader import CropStore

CLASSES, SIZE, OBJECTS = 4, 64, 1000


def crops(count: int, channels: int, seed: int = 0) -> np.ndarray:
    """Return crops (N, C, 64, 64) uint8: blobs of different sizes and brightness in noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    sides = rng.uniform(8, 26, (2, count, 1, 1))
    blob = np.exp(-((y / sides[0]) ** 2 + (x / sides[1]) ** 2) * 3) * rng.uniform(60, 180, (count, 1, 1))
    noise = rng.normal(40, 8, (count, channels, SIZE, SIZE))
    return np.clip(blob[:, None] + noise, 0, 255).astype(np.uint8)


class Samples(Dataset):
    """Crops whose transforms are done sample by sample."""

    def __init__(self, pixels: np.ndarray, labels: np.ndarray) -> None:
        from torchvision.transforms import v2

        self._pixels, self._labels = torch.from_numpy(pixels), labels
        self._transform = v2.Compose(
            [
                v2.RandomHorizontalFlip(),
                v2.RandomVerticalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5] * pixels.shape[1], [0.5] * pixels.shape[1]),
            ]
        )

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        return self._transform(self._pixels[number]), int(self._labels[number])


def plain_epoch(pixels: np.ndarray, labels: np.ndarray, device: torch.device, width: float) -> Callable[[], None]:
    recipe = classifier_recipe("hescnet")
    network = Hescnet(pixels.shape[1], CLASSES, SIZE, width).to(device).train()
    optimiser = torch.optim.SGD(network.parameters(), lr=recipe.lr, momentum=0.9, weight_decay=recipe.weight_decay)
    loader = DataLoader(Samples(pixels, labels), recipe.batch, shuffle=True)
    loss_of = torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        for x, y in loader:
            optimiser.zero_grad()
            loss = loss_of(network(x.to(device)), y.to(device))
            loss.backward()
            optimiser.step()
            loss.item()

    return epoch


def our_epoch(pixels: np.ndarray, labels: np.ndarray, device: torch.device, width: float) -> Callable[[], None]:
    recipe = classifier_recipe("hescnet", width=width)
    part = Part(CropStore(list(pixels), 0, 255, SIZE, device), labels, False)
    [stage] = stages(recipe, part, None, "real", CLASSES)
    state = fresh(recipe, pixels.shape[1], CLASSES, 0, device)
    folder = Path(tempfile.mkdtemp())
    sets = LearningSets([part], None, None, [])
    loop = Loop(state, [stage], sets, recipe, 0, device, folder, {}, History(folder / "metrics.csv"))
    steps = -(-len(labels) // recipe.batch)

    def epoch() -> None:
        for _ in range(steps):
            loop._step(stage)
            state.step += 1
        if device.type == "cuda":
            torch.cuda.synchronize()

    return epoch


def predicting(device: torch.device) -> tuple[Callable[[], object], Callable[[], object]]:
    pixels, labels = crops(200, 1), np.arange(200) % CLASSES
    unit = (pixels / 127.5 - 1).astype(np.float32)
    trained = train_classifier(unit, labels, "fast", epochs=1, least_steps=5, device=device.type)
    asked = crops(OBJECTS, 1, seed=1)

    def ours() -> object:
        return predict(trained.model, CropStore(list(asked), 0, 255, SIZE, device))

    def theirs() -> object:
        network, answers = trained.model.network.eval(), []
        with torch.no_grad():
            for crop in asked:
                x = torch.from_numpy(crop).to(device).float()[None] / 127.5 - 1
                answers.append(torch.stack([network(view).softmax(1) for view in symmetries(x)]).mean(0).cpu())
        return torch.cat(answers)

    return ours, theirs


def measuring() -> tuple[Callable[[], object], Callable[[], object]]:
    from skimage.feature import graycomatrix, graycoprops, local_binary_pattern
    from skimage.filters import threshold_otsu
    from skimage.measure import label, regionprops
    from sklearn.ensemble import RandomForestClassifier

    names = ("area", "perimeter_crofton", "eccentricity", "solidity", "feret_diameter_max", "intensity_mean")

    def features(crop: np.ndarray) -> list[float]:
        objects = regionprops(label(crop > threshold_otsu(crop)), crop)
        own = max(objects, key=lambda each: each.area)
        found = [float(getattr(own, name)) for name in names] + [float(value) for value in own.moments_hu]
        for radius in (1, 2, 3):
            codes = local_binary_pattern(crop, 8, radius, "uniform").astype(int)
            found += (np.bincount(codes.ravel(), minlength=10) / codes.size).tolist()
        matrix = graycomatrix(crop // 16, [1, 2, 4], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4], 16, True, True)
        for name in ("contrast", "homogeneity", "energy", "correlation"):
            found += graycoprops(matrix, name).mean(axis=1).tolist()
        return found

    pixels, labels = crops(100, 1), np.arange(100) % CLASSES
    trained = train_classifier((pixels / 127.5 - 1).astype(np.float32), labels, "random-forest", device="cpu")
    forest = RandomForestClassifier(300, random_state=0).fit([features(crop[0]) for crop in pixels], labels)
    asked = crops(OBJECTS, 1, seed=1)

    def ours() -> object:
        return predict(trained.model, CropStore(list(asked), 0, 255, SIZE))

    def theirs() -> object:
        return [forest.predict_proba([features(crop[0])]) for crop in asked]

    return ours, theirs


def by_turns(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int, clock: Callable[[], float]
) -> list[tuple[float, float]]:
    def taken(work: Callable[[], object]) -> float:
        began = clock()
        work()
        return clock() - began

    return [(taken(ours), taken(theirs)) for _ in range(rounds)]


def row(work: str, peer: str, pairs: list[tuple[float, float]], count: int, aim: str) -> dict[str, str]:
    ours, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratios = sorted(pair[1] / pair[0] for pair in pairs)
    return {
        "work": work,
        "peer": peer,
        "ours": f"{1000 * ours / count:.2f} ms",
        "theirs": f"{1000 * theirs / count:.2f} ms",
        "ratio": f"{statistics.median(ratios):.2f}",
        "spread": f"{ratios[0]:.2f}–{ratios[-1]:.2f}",
        "aim": aim,
        "command": "`python benchmarks/classify.py`",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", nargs="*", default=["epochs", "predict", "features"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--crops", type=int, default=0, help="crops an epoch; 128 on a CPU and 4096 on a GPU if not given"
    )
    parser.add_argument("--width", type=float, default=1.0, help="of hESCnet; 1 is the paper's")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processor", action="store_true", help="processor seconds, where others use the machine too")
    told = parser.parse_args()
    device = pick_device(told.device)
    gpu, clock = device.type == "cuda", time.process_time if told.processor else time.perf_counter
    where, rows = describe_device(device) + (", processor time" if told.processor else ""), []
    if "epochs" in told.only:
        count = told.crops or (4096 if gpu else 128)
        pixels, labels = crops(count, 3), np.arange(count) % CLASSES
        work = our_epoch(pixels, labels, device, told.width), plain_epoch(pixels, labels, device, told.width)
        title = f"hESCnet epoch, a crop of 3×64×64, width {told.width:g}, {where}"
        peer = "plain loop: DataLoader, transforms a sample, float32"
        rows.append(row(title, peer, by_turns(*work, told.rounds, clock), count, "≥ 4" if gpu else "≥ 1.5"))
    if "predict" in told.only:
        title, peer = (
            f"predicting an object with `fast`, 8 views, {where}",
            "one object at a time, same network and views",
        )
        rows.append(row(title, peer, by_turns(*predicting(device), told.rounds, clock), OBJECTS, "≥ 10"))
    if "features" in told.only:
        title = f"predicting an object with `random-forest`, 246 features, {where}"
        peer = "one object at a time: 49 features of scikit-image, scikit-learn's forest"
        rows.append(row(title, peer, by_turns(*measuring(), told.rounds, clock), OBJECTS, "≥ 10"))
    if told.json:
        print(json.dumps({"rows": rows}))
        return
    for each in rows:
        print(f"{each['work']}: {each['ours']} against {each['theirs']}, {each['ratio']}x ({each['spread']})")


if __name__ == "__main__":
    main()
