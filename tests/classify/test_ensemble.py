"""`best`: a network and a classifier on features answer together, and are kept, resumed and asked as one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from napari_cellsynth.classify import model
from napari_cellsynth.classify.classical import fitted
from napari_cellsynth.classify.ensemble import FOLDER, Ensemble, load
from napari_cellsynth.classify.predict import predict, predict_batches
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.calibration import fit_temperature, tempered
from napari_cellsynth.events import Stopped
from napari_cellsynth.imaging.features import patch_features
from napari_cellsynth.training.loader import CropStore
from tests.classify.examples import store, stripes, tiny
from tests.classify.test_train import run, same, stopping_after, weights

NAMES = ["fine", "coarse"]


def test_it_answers_the_mean_of_the_network_and_of_scikit_learns_regression_on_the_features(tmp_path):
    (patches, labels), (asked, _) = stripes(40, 0), stripes(12, 1)
    trained = train_classifier(patches, labels, tiny("best"), device="cpu", out=tmp_path)
    network = model.load(tmp_path)
    table, answers = (patch_features(each).to_numpy() for each in (patches, asked))
    regression = LogisticRegression(C=0.02, max_iter=3000, class_weight="balanced")
    scaler = StandardScaler()
    by_features = make_pipeline(scaler, regression).fit(table, labels).predict_proba(answers)
    expected = (predict(network, asked) + by_features) / 2
    assert isinstance(trained.model, Ensemble)
    np.testing.assert_allclose(predict(tmp_path, asked, device="cpu"), expected, atol=1e-5)


def test_its_temperature_is_that_of_the_mean(tmp_path):
    crops, labels = store(60, 7)
    run(tmp_path, tiny("best"), calibration=(crops, labels))
    both = load(tmp_path)
    raw = predict(replace(both, temperature=1.0), crops)
    assert both.temperature == pytest.approx(fit_temperature(raw, labels)) and both.temperature != 1
    np.testing.assert_allclose(predict(both, crops), tempered(raw, both.temperature), atol=1e-5)


def test_objects_larger_than_a_patch_and_any_batch_get_the_same_answers(tmp_path):
    run(tmp_path, tiny("best"))
    rng = np.random.default_rng(0)
    sides = [16, 30, 16, 24, 16]
    crops = CropStore([rng.integers(0, 255, (1, side, 16 + side // 4)).astype(np.uint8) for side in sides], 0, 255, 16)
    both = load(tmp_path)
    whole = predict(both, crops)
    np.testing.assert_allclose(np.concatenate(list(predict_batches(both, crops, batch=2))), whole, atol=1e-5)
    np.testing.assert_allclose(whole.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("polls", [6, 15])
def test_a_stop_while_it_trains_or_measures_is_resumed_to_the_very_same_classifier(tmp_path, polls):
    # 40 patches in batches of 8 for 3 epochs: the first 15 polls are steps, the next ones batches of measured crops.
    run(tmp_path / "whole", tiny("best"))
    assert isinstance(run(tmp_path / "parts", tiny("best"), stop=stopping_after(polls))[-1], Stopped)
    with pytest.raises(UserError, match="no trained classifier"):
        load(tmp_path / "parts")
    run(tmp_path / "parts", tiny("best"), resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    asked, _ = store(9, 5)
    assert np.array_equal(predict(load(tmp_path / "whole"), asked), predict(load(tmp_path / "parts"), asked))


def test_both_look_at_the_chosen_channels_alone(tmp_path):
    patches, labels = stripes(40, 0, channels=3)
    made = train_classifier(patches, labels, tiny("best", channels="0,2"), device="cpu", out=tmp_path)
    other = patches.copy()
    other[:, 1] = 0
    assert np.array_equal(predict(made.model, patches), predict(made.model, other))
    other[:, 2] = 0
    assert not np.array_equal(predict(made.model, patches), predict(made.model, other))


def test_a_training_whose_half_on_features_is_gone_or_another_s_is_refused_in_words(tmp_path):
    run(tmp_path, tiny("best"))
    (tmp_path / FOLDER / "model.json").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path)


def test_synthetic_patches_to_pretrain_on_are_not_what_the_features_are_learned_from_at_last(tmp_path):
    real, synthetic = store(40, 0), store(40, 3)
    run(tmp_path, tiny("best"), real=real, synthetic=synthetic, mode="pretrained")
    table = patch_features(real[0].centred(torch.arange(40)).numpy()).to_numpy()
    expected = fitted(tiny("best").beside(), table, real[1], 2, 0).predict_proba(table)
    np.testing.assert_allclose(load(tmp_path).beside.estimator.predict_proba(table), expected, atol=1e-6)


def test_what_the_network_does_about_balance_is_done_for_the_features_too_as_far_as_a_single_fit_can():
    assert classifier_recipe("best", balance="oversample", size=32).beside().balance == "oversample"
    assert classifier_recipe("best", balance="majority-dropout").beside().balance == "none"
    assert classifier_recipe("best", size=32, with_size=True).beside().size == 32
