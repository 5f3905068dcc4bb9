"""Every recipe of a network trains on noise, predicts, and goes on after a stop: the papers' own ones at tiny widths.

Of the published networks the smallest one does so; the others are built without numbers in `test_backbones`.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellsynth.classify.predict import predict
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.events import Stopped
from napari_cellsynth.training.loader import CropStore
from tests.classify.test_train import run, same, stopping_after, weights

TINY = {
    "fast": {"size": 16},
    "best": {"size": 16},
    "hescnet": {"size": 32, "width": 0.03},
    "sequential": {"size": 16, "epoch_steps": 2},
    "cellcycle": {"size": 24},
    "lipnet-1": {"size": 12},
    "lipnet-2": {"size": 12},
    "lipnet-4": {"size": 12},
    "lipnet-4c": {"size": 12},
    "lipnet-6": {"size": 12},
    "efficientnet": {"size": 32, "pretrained": False},
}


def tiny(name: str):
    own = {} if name == "efficientnet" else {"width": 0.1}
    return classifier_recipe(name, **{**own, **TINY[name], "batch": 4, "epochs": 2, "least_steps": 1})


def noise(size: int, n: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(size)
    return rng.uniform(-1, 1, (n, 2, size, size)).astype(np.float32), np.arange(n) % 3


@pytest.mark.parametrize("name", TINY)
def test_it_trains_on_noise_and_predicts(tmp_path, name):
    recipe = tiny(name)
    patches, labels = noise(recipe.size)
    trained = train_classifier(patches, labels, recipe, device="cpu", out=tmp_path)
    assert trained.result["steps"] == 4
    p = predict(trained.folder, patches, device="cpu")
    assert p.shape == (8, 3) and np.allclose(p.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", TINY)
def test_it_resumes_to_the_very_same_weights(tmp_path, name):
    patches, labels = noise(tiny(name).size)
    how = {"recipe": tiny(name), "real": (CropStore.from_patches(patches), labels), "names": list("abc")}
    run(tmp_path / "whole", **dict(how))
    assert isinstance(run(tmp_path / "parts", stop=stopping_after(3), **dict(how))[-1], Stopped)
    run(tmp_path / "parts", resume=True, **dict(how))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_a_growing_batch_resumes_in_the_middle_of_its_growth(tmp_path):
    patches, labels = noise(12, 16)
    recipe = tiny("lipnet-1").model_copy(update={"doubling": 1, "greatest_batch": 16, "epochs": 4})
    how = {"recipe": recipe, "real": (CropStore.from_patches(patches), labels), "names": list("abc")}
    whole = run(tmp_path / "whole", **dict(how))
    assert whole[-1].result["steps"] == 4 + 2 + 1 + 1
    run(tmp_path / "parts", stop=stopping_after(5), **dict(how))
    run(tmp_path / "parts", resume=True, **dict(how))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_a_choice_of_channels_is_recorded_with_the_classifier(tmp_path):
    patches, labels = noise(12)
    recipe = classifier_recipe("lipnet-1", size=12, width=0.2, channels="1", batch=4, epochs=2)
    trained = train_classifier(patches, labels, recipe, device="cpu", out=tmp_path)
    other = patches.copy()
    other[:, 0] = 0
    assert trained.model.channels == 2
    np.testing.assert_array_equal(predict(tmp_path, patches, device="cpu"), predict(tmp_path, other, device="cpu"))


def test_synthetic_patches_buy_no_steps_where_the_batch_grows(tmp_path):
    patches, labels = noise(12, 16)
    extra = CropStore.from_patches(noise(12, 30)[0]), np.arange(30) % 3
    recipe = tiny("lipnet-1").model_copy(update={"doubling": 1, "epochs": 3})
    how = {"recipe": recipe, "real": (CropStore.from_patches(patches), labels), "names": list("abc")}
    steps = {
        mode: run(tmp_path / mode, mode=mode, synthetic=extra, **dict(how))[-1].result["steps"]
        for mode in ("real", "mixed", "pretrained")
    }
    assert set(steps.values()) == {4 + 2 + 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "densenet121", "xception", "inception-v4", "vgg16"])
def test_a_large_network_takes_a_step_at_its_smallest_size(tmp_path, name):
    size = 75 if name == "inception-v4" else 32
    recipe = classifier_recipe(name, size=size, pretrained=False, batch=4, epochs=1, doubling=0)
    rng = np.random.default_rng(0)
    patches = rng.uniform(-1, 1, (4, 1, size, size)).astype(np.float32)
    events = run(tmp_path, recipe, real=(CropStore.from_patches(patches), np.arange(4) % 2), names=["a", "b"])
    assert events[-1].result["steps"] == 1
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values() if value.is_floating_point())
