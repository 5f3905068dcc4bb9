"""Comparing a fold's GANs: the figures of each one's patches beside the fold's held-out crops, and of real ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.evaluate import scores
from napari_cellsynth.evaluate.extractors import Extractor
from napari_cellsynth.evaluate.fold_network import FoldNetwork, steps
from napari_cellsynth.evaluate.inception import Inception
from napari_cellsynth.evaluate.pretrained import INCEPTION, local_weights
from napari_cellsynth.evaluate.quality_table import measured
from napari_cellsynth.events import Event, Finished, Progress, Stop, Stopped
from napari_cellsynth.experiments.bench import Bench, fold_range, learned_from
from napari_cellsynth.experiments.design import GanTask, QualityTask, Sample
from napari_cellsynth.synthesis import sample as sampling
from napari_cellsynth.training.loader import CropStore

Patches = NDArray[np.float32]
Ints = NDArray[np.int64]

CLASS_FIGURES = ("class_precision", "class_recall", "class_f1")
FIGURES = ("fid", *CLASS_FIGURES, "lpips", "inception_score", "psnr", "ssim", "l1", "l2", "kid", "copied")
_MOST_TRAINED_ON = 1000
_LEAST = 5
"""Patches of every class at least."""


def compare(task: QualityTask, bench: Bench, stop: Stop) -> Iterator[Event]:
    """Measure the patches of a fold's GANs.

    A small network learns the classes from the fold's training crops alone; it tells whether patches are taken for the
    class that they were made for, gives the inception score, and, where Inception's weights are not on this machine,
    the features of the distances. The reference are the fold's test crops, the patches in the same proportions of
    classes; the floor is what training crops get in the place of patches.

    Yields
    ------
    Event
        ``Progress``; ``Finished`` with ``gans``: by recipe the figures, their ``floor``, the ``extractor``, and what is
        ``missing`` and why; or ``Stopped``.
    """
    begun = time.monotonic()
    data, fold = bench.dataset, task.fold
    generator = np.random.default_rng((task.seed, fold.repeat, fold.number))
    seen = generator.permutation(learned_from(data, fold, Sample()))[:_MOST_TRAINED_ON]
    held = generator.permutation(fold.test)[: task.patches]
    trained_on, held_out = (_patches(bench, task, index) for index in (seen, held))
    low, high = fold_range(data, fold)
    network = FoldNetwork(trained_on.shape[1], data.class_names, seed=task.seed, low=low, high=high)
    for done in network.learn(trained_on, data.labels[seen]):
        if stop():
            yield Stopped(task.id)
            return
        yield Progress(done, steps(len(seen)), "steps", "training the network that scores")
    extractor: Extractor = Inception() if local_weights(INCEPTION) else network
    counts = np.bincount(data.labels[held], minlength=len(data.class_names))
    real = _class_figures(network, held_out, data.labels[held])
    found: dict[str, Any] = {}
    for number, gans in enumerate(task.gans):
        made, made_for = _made(gans, np.maximum(counts, _LEAST), bench)
        work = measured(
            trained_on, made, held_out, extractor=extractor, probabilities=network.probabilities, seed=task.seed
        )
        table: dict[str, Any] = {}
        while not table:
            if stop():
                yield Stopped(task.id)
                return
            try:
                next(work)
            except StopIteration as end:
                table = end.value
            yield Progress(number, len(task.gans), "GANs", gans[0].generator.recipe)
        figures = table | _class_figures(network, made, made_for)
        found[gans[0].generator.recipe] = {
            **{name: figures[name] for name in FIGURES if name in figures},
            "floor": {name: value for name, value in (table["floor"] | real).items() if name in FIGURES},
            "extractor": table["extractor"],
            "missing": table["missing"],
        }
    yield Finished({"gans": found, "seconds": time.monotonic() - begun})


def _patches(bench: Bench, task: QualityTask, index: Ints) -> Patches:
    """Return one patch of every crop, in the fold's range: its middle, or a window of what is larger."""
    data = bench.dataset
    store = CropStore([data.crops[i] for i in index], *fold_range(data, task.fold), data.size, bench.device)
    every = torch.arange(len(index))
    if store.exceeds_size(every):
        drawn = store.windows(every.to(bench.device), torch.Generator(bench.device).manual_seed(task.seed))
    else:
        drawn = store.centred(every.to(bench.device))
    return np.ascontiguousarray(drawn.cpu().numpy())


def _made(gans: tuple[GanTask, ...], counts: Ints, bench: Bench) -> tuple[Patches, Ints]:
    """Return so many patches of every class, and the classes that they were made for."""
    drawn, made_for = [], []
    for gan in gans:
        for place, number in enumerate(gan.classes):
            count = int(counts[number])
            drawn.append(
                sampling.generate(bench.folder / gan.id, count, gan.seed, class_index=place, device=bench.device)
            )
            made_for.append(np.full(count, number, np.int64))
    return np.concatenate(drawn), np.concatenate(made_for)


def _class_figures(network: FoldNetwork, patches: Patches, made_for: Ints) -> dict[str, float]:
    """Return precision, recall and F1, means over the classes, of patches that a classifier of real crops looks at."""
    table = scores.per_class(made_for, network.probabilities(patches).argmax(axis=1), range(len(network.classes)))
    means = table.loc[table["true"] > 0, ["PPV", "TPR", "F1"]].fillna(0.0).mean()
    return {name: float(value) for name, value in zip(CLASS_FIGURES, means, strict=True)}
