from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from napari_cellsynth.experiments import sheets
from napari_cellsynth.experiments.bench import Bench
from napari_cellsynth.experiments.dataset import from_patches, outer_folds
from napari_cellsynth.experiments.design import GanTask, Generator, Plan, Sample


@pytest.fixture
def bench(tmp_path):
    """Forty different crops of two classes in ten groups."""
    crops = np.random.default_rng(0).integers(0, 256, (40, 1, 32, 32)).astype(np.uint8)
    return Bench(from_patches(crops, np.arange(40) % 2, np.arange(40) // 4), tmp_path, torch.device("cpu"))


def gans(bench, generator=Generator(recipe="dcgan")):  # noqa: B008
    folds = outer_folds(bench.dataset, 2, 1, 0)
    return [
        GanTask(fold, generator, Sample(), (number,), seed) for fold in folds for number in (0, 1) for seed in (0, 1)
    ]


def test_a_gan_that_gives_back_its_training_crops_is_shown_as_one_and_a_fresh_one_is_not(bench, monkeypatch):
    fold = outer_folds(bench.dataset, 2, 1, 0)[0]
    asked = []

    def generate(folder, count, seed, *, class_index, device):
        """Turned training crops of class 0, noise for class 1."""
        asked.append(folder.name)
        if "-c1-" in folder.name:
            return np.random.default_rng(1).uniform(-1, 1, (count, 1, 32, 32)).astype(np.float32)
        seen = fold.train[bench.dataset.labels[fold.train] == 0]
        low, high = sheets.fold_range(bench.dataset, fold)
        patches = np.stack([bench.dataset.crops[i] for i in np.resize(seen, count)]).astype(np.float32)
        return np.clip((patches - low) / (high - low) * 2 - 1, -1, 1)[:, :, ::-1].astype(np.float32)

    monkeypatch.setattr(sheets.sampling, "generate", generate)
    shown, table = sheets.sections(Plan(tuple(gans(bench))), bench)
    assert len(asked) == 2, "one seed of one fold"
    assert all(name.startswith("r0-f0-gan") and "-s0-" in name for name in asked)
    assert table["copied"].tolist() == [1.0, 0.0]
    assert table["copied, held-out"].tolist() == [0.0, 0.0]
    assert table["distance"][0] < 0.01 < table["distance, held-out"][0]
    (figure,) = [block for block in shown[0].blocks if isinstance(block, Figure)]
    reds = [axes.title.get_color() for axes in figure.axes if axes.title.get_text()]
    assert reds == ["red"] * 8 + ["black"] * 8


def test_a_gan_that_saw_the_test_crops_is_not_compared_with_them(bench, monkeypatch):
    noise = np.zeros((64, 1, 32, 32), np.float32)
    monkeypatch.setattr(sheets.sampling, "generate", lambda *_, **__: noise)
    leaky = gans(bench, Generator(recipe="dcgan", leaky=True))
    _, table = sheets.sections(Plan(tuple(leaky)), bench)
    assert table["copied, held-out"].isna().all()
    _, both = sheets.sections(Plan((*leaky, *gans(bench))), bench)
    assert len(both) == 2
    assert both["copied, held-out"].notna().all()


def test_without_gans_there_is_no_sheet(bench):
    assert sheets.sections(Plan(()), bench)[0] == []
