"""The object's size as a further input: where pixels say nothing, it alone tells the classes apart."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.classify.feature_model import names_of
from napari_cellsynth.classify.predict import predict
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.train import train
from napari_cellsynth.errors import UserError
from napari_cellsynth.training.loader import CropStore


def sized(n: int, seed: int) -> tuple[CropStore, np.ndarray]:
    """One and the same patch of noise, with object sizes beside it: 20 to 40 px in class 0, 50 to 90 px in class 1."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    sides = np.where(labels == 0, rng.integers(20, 41, n), rng.integers(50, 91, n))
    pixels = np.repeat(np.random.default_rng(9).integers(0, 256, (1, 1, 16, 16)), n, axis=0)
    crops = np.concatenate([pixels, np.broadcast_to(sides[:, None, None, None], pixels.shape)], axis=1)
    return CropStore(list(crops.astype(np.uint16)), [0, 20], [255, 90], 16), labels


@pytest.mark.parametrize("name", ["fast", "best", "lipnet-1", "logistic"])
@pytest.mark.parametrize("channels", ["", "0"])
def test_size_alone_tells_classes_apart_of_which_the_pixels_say_nothing(tmp_path, name, channels):
    network = {} if name == "logistic" else {"epochs": 15, "batch": 8}
    wide = {} if name in ("logistic", "lipnet-1") else {"width": 0.25, "least_steps": 1}
    recipe = classifier_recipe(name, size=16, with_size=True, channels=channels, **network, **wide)
    list(train(*sized(60, 0), ["small", "large"], recipe, tmp_path))
    asked, labels = sized(40, 1)
    assert (predict(tmp_path, asked, device="cpu").argmax(axis=1) == labels).mean() > 0.9


def test_features_are_of_the_image_and_the_size_is_one_of_them():
    plain = names_of(classifier_recipe("svm"), 1)
    assert names_of(classifier_recipe("svm", with_size=True), 2) == [*plain, "object_size"]
    of_third = names_of(classifier_recipe("svm", channels="2"), 3)
    assert len(of_third) == len(plain) and "c2_mean" in of_third and "patch_c2_mean" in of_third
    assert not any("c0_" in name or "c1_" in name for name in of_third)


def test_a_channel_that_is_not_there_is_refused_and_the_sizes_is_not_the_images():
    with pytest.raises(UserError, match="channels 0 to 1"):
        classifier_recipe("logistic", channels="2", with_size=True).looks_at(3)
    assert classifier_recipe("fast", channels="1", with_size=True).looks_at(3) == [1, 2]
    assert classifier_recipe("fast", with_size=True).looks_at(3) == [0, 1, 2]
