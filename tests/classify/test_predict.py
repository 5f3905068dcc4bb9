from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_cellsynth.classify.model import Classifier, load, save
from napari_cellsynth.classify.predict import predict, predict_batches, symmetries
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.classify.state import fresh
from napari_cellsynth.classify.train import train
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.calibration import calibration_part, fit_temperature
from napari_cellsynth.training.loader import CropStore
from tests.classify.examples import store, stripes, tiny


def untrained(**overrides) -> Classifier:
    recipe = tiny(**overrides)
    network = fresh(recipe, 1, 3, 0, torch.device("cpu")).network.eval()
    return Classifier(network, recipe, ("a", "b", "c"), 1, {})


def test_probabilities_do_not_depend_on_the_batch():
    model, (crops, _) = untrained(), store(11, 0)
    whole = predict(model, crops)
    pieces = np.concatenate(list(predict_batches(model, crops, batch=3)))
    assert whole.shape == (11, 3) and whole.dtype == np.float32
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(whole, pieces, atol=1e-6)


def test_a_recipe_with_symmetries_gives_flipped_and_turned_patches_the_same_probabilities():
    patches, _ = stripes(5, 0)
    plain, averaged = untrained(symmetries=False), untrained(symmetries=True)
    turned = np.rot90(patches[..., ::-1], 1, (-2, -1)).copy()
    np.testing.assert_allclose(predict(averaged, patches), predict(averaged, turned), atol=1e-6)
    assert np.abs(predict(plain, patches) - predict(plain, turned)).max() > 1e-4


def test_the_eight_symmetries_are_all_different():
    x = torch.arange(9.0).view(1, 1, 3, 3)
    seen = {tuple(view.flatten().tolist()) for view in symmetries(x)}
    assert len(seen) == 8


def test_an_object_larger_than_the_input_is_averaged_over_its_windows(monkeypatch):
    # In float32, also where the hardware has bfloat16.
    monkeypatch.setattr("napari_cellsynth.classify.predict.autocast_dtype", lambda device: None)
    model = untrained(symmetries=False, windows=4)
    rng = np.random.default_rng(0)
    big = rng.integers(0, 255, (1, 40, 24)).astype(np.uint8)
    crops = CropStore([big], 0, 255, 16)
    with torch.no_grad():
        each = model.network(crops.grid(torch.tensor([0]), 4)[0]).softmax(1).numpy()
    assert np.ptp(each, axis=0).max() > 1e-4
    np.testing.assert_allclose(predict(model, crops)[0], each.mean(axis=0), atol=1e-6)


def test_a_stopped_prediction_returns_the_rows_that_are_done():
    polls = iter([False, True])
    model, (crops, _) = untrained(), store(300, 0)
    assert predict(model, crops, stop=lambda: next(polls)).shape == (64, 3)


def test_a_model_keeps_what_was_said_about_the_data_and_refuses_other_patches(tmp_path):
    meta = {"low": [3.0], "high": [200.0], "class_ids": [4, 7]}
    list(train(*store(16, 0), ["x", "y"], tiny(), tmp_path, meta=meta))
    model = load(tmp_path)
    assert model.meta == meta and model.class_names == ("x", "y") and model.recipe == tiny()
    with pytest.raises(UserError, match="trained on 1-channel patches, but these have 3"):
        predict(model, stripes(4, 0, channels=3)[0])
    with pytest.raises(UserError, match="16-px patches"):
        predict(model, stripes(4, 0, size=32)[0])
    with pytest.raises(UserError, match="no trained classifier"):
        predict(tmp_path / "nowhere", stripes(4, 0)[0])


def test_train_classifier_takes_arrays_and_names_and_predicts_them(tmp_path):
    patches, labels = stripes(48, 0)
    names = np.array(["fine", "coarse"])[labels]
    held, truth = stripes(20, 1)
    run = train_classifier(
        patches,
        names,
        "fast",
        held_out=(held, np.array(["fine", "coarse"])[truth]),
        out=tmp_path / "run",
        device="cpu",
        width=0.25,
        batch=8,
        epochs=12,
        least_steps=1,
        shift=1,
    )
    assert run.result["classes"] == ["coarse", "fine"] and run.model.recipe.size == 16
    assert run.result["scores"]["accuracy"] > 0.9
    by_folder, by_model = predict(run.folder, held, device="cpu"), predict(run.model, held)
    np.testing.assert_array_equal(by_folder, by_model)
    assert np.mean((by_model.argmax(axis=1) == 1) == (truth == 0)) > 0.9


def test_train_classifier_refuses_strange_labels_and_settings():
    patches, labels = stripes(8, 0)
    with pytest.raises(UserError, match="No training patch has the label 5"):
        train_classifier(patches, labels, held_out=(patches, [5] * 8), device="cpu")
    with pytest.raises(UserError, match="given whole"):
        train_classifier(patches, labels, tiny(), epochs=3)
    with pytest.raises(UserError, match="greater than or equal to 16"):
        train_classifier(stripes(8, 0, size=12)[0], labels)


def test_a_temperature_changes_how_sure_answers_are_and_is_kept_with_the_model(tmp_path):
    model, (crops, _) = untrained(), store(9, 0)
    sharper = replace(model, temperature=0.25)
    expected = predict(model, crops).astype(np.float64) ** 4
    np.testing.assert_allclose(predict(sharper, crops), expected / expected.sum(axis=1, keepdims=True), rtol=1e-4)
    save(tmp_path, sharper)
    np.testing.assert_array_equal(predict(load(tmp_path), crops), predict(sharper, crops))


def test_a_classifier_is_calibrated_on_groups_that_it_does_not_learn_from(tmp_path):
    patches, labels = stripes(400, 0)
    labels = np.where(np.random.default_rng(0).random(400) < 0.3, 1 - labels, labels)  # nobody can be right here
    groups = np.arange(400) // 10
    run = train_classifier(
        patches,
        labels,
        groups=groups,
        out=tmp_path,
        device="cpu",
        width=0.125,
        batch=16,
        epochs=4,
        least_steps=1,
        shift=1,
    )
    apart = calibration_part(groups, labels)
    assert run.result["crops"]["real"] == np.bincount(labels[~apart]).tolist()
    assert run.result["calibration"] == {"temperature": run.model.temperature, "crops": int(apart.sum())}
    raw = predict(replace(run.model, temperature=1.0), patches[apart])
    assert run.model.temperature == pytest.approx(fit_temperature(raw, labels[apart]), rel=1e-3)
