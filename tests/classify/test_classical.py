from __future__ import annotations

import numpy as np
import pytest
import skops.io
from imblearn.over_sampling import SMOTE
from scipy.special import expit
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from napari_cellsynth.classify import classical
from napari_cellsynth.classify.classical import fitted
from napari_cellsynth.classify.feature_model import FeatureClassifier, raw_probabilities, rows_of
from napari_cellsynth.classify.predict import load, predict
from napari_cellsynth.classify.recipes import classifier_recipe, parameter_count
from napari_cellsynth.classify.resampling import resampled
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.classify.train import train
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.calibration import tempered
from napari_cellsynth.events import Finished, Metric, Progress, Saved, Stopped
from napari_cellsynth.imaging.features import feature_names, patch_features
from napari_cellsynth.training.loader import CropStore
from tests.classify.examples import store, stripes

NAMES = ["svm", "logistic", "naive-bayes", "random-forest"]


class Strange:
    """What no scikit-learn model holds."""


def small(name, **changes):
    return classifier_recipe(name, size=16, **({"trees": 20} if name == "random-forest" else {}), **changes)


@pytest.mark.parametrize("name", NAMES)
def test_every_classical_recipe_learns_predicts_and_comes_back_from_disk(name, tmp_path):
    patches, labels = stripes(60, 0)
    held, truth = stripes(30, 1)
    *events, last = train(
        CropStore.from_patches(patches),
        labels,
        ["fine", "coarse"],
        small(name),
        tmp_path,
        held_out=(CropStore.from_patches(held), truth),
        groups=np.arange(60) % 6,
        groups_held_out=np.arange(30) % 3,
        meta={"low": [0.0]},
    )
    assert isinstance(last, Finished) and last.result["scores"]["accuracy"] > 0.9
    assert {type(event) for event in events} >= {Progress, Metric, Saved}
    model = load(tmp_path)
    p = predict(model, held)
    assert p.shape == (30, 2) and p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(p, predict(tmp_path, CropStore.from_patches(held)))
    assert last.result["scores"]["accuracy"] == pytest.approx(np.mean(p.argmax(axis=1) == truth))
    assert model.class_names == ("fine", "coarse") and model.meta == {"low": [0.0]} and model.recipe == small(name)
    assert last.result["confusion"] == last.result["scores"]["confusion"]
    assert last.result["crops"] == {"real": [30, 30]}
    assert last.result["parameters"] == parameter_count(small(name), channels=1) == len(feature_names(1))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_svm_is_scikit_learns_on_standardised_features(classes, tmp_path):
    patches, labels = stripes(45, 0, classes=classes)
    held, truth = stripes(30, 1, classes=classes)
    table, tested = patch_features(patches).to_numpy(), patch_features(held).to_numpy()
    theirs = make_pipeline(StandardScaler(), SVC(C=5, class_weight="balanced", gamma=0.3 / table.shape[1]))
    answers = theirs.fit(table, labels).predict(tested)
    run = train_classifier(patches, labels, "svm", held_out=(held, truth), out=tmp_path / "run")
    np.testing.assert_array_equal(predict(run.model, held).argmax(axis=1), answers)
    assert run.result["scores"]["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, answers))


def test_soft_votes_of_two_classes_are_the_logistic_of_their_margin():
    patches, labels = stripes(30, 0)
    model = train_classifier(patches, labels, "svm").model
    assert isinstance(model, FeatureClassifier)
    table = patch_features(patches).to_numpy()
    votes = raw_probabilities(model.estimator, table)
    # Two votes of one machine: log odds of 3 · margin.
    np.testing.assert_allclose(votes[:, 1], expit(3 * model.estimator.decision_function(table)), atol=1e-9)


def test_calibration_makes_a_naive_bayes_less_sure(tmp_path):
    rng = np.random.default_rng(0)
    patches, labels = stripes(80, 0)
    labels = np.where(rng.random(80) < 0.25, 1 - labels, labels)  # a quarter of the labels are wrong
    run = train_classifier(patches, labels, "naive-bayes", out=tmp_path / "run")
    assert run.result["calibration"]["temperature"] > 1.5


def test_no_fold_of_the_calibration_shares_a_group_with_what_its_classifier_learned(monkeypatch):
    seen = []

    def spy(recipe, table, labels, k, seed):
        seen.append(table)
        return fitted(recipe, table, labels, k, seed)

    fitted = classical.fitted
    monkeypatch.setattr(classical, "fitted", spy)
    patches, labels = stripes(40, 0)
    groups = np.repeat(np.arange(10), 4)
    synthetic = stripes(20, 5)
    train_classifier(patches, labels, "logistic", groups=groups, synthetic=synthetic)
    table = patch_features(patches).to_numpy()
    *folds, last = seen
    assert len(folds) == 5 and len(last) == 60
    for learned in folds:
        inside = np.array([(row == learned).all(axis=1).any() for row in table])
        # Whole groups are inside or outside, and no synthetic patch is among them.
        assert all(inside[groups == group].all() or not inside[groups == group].any() for group in range(10))
        assert inside.sum() == len(learned) == 32


def test_the_same_seed_gives_the_same_forest_and_the_importance_is_scikit_learns(tmp_path):
    patches, labels = stripes(40, 0)
    one, two = (train_classifier(patches, labels, small("random-forest"), seed=3) for _ in range(2))
    np.testing.assert_array_equal(predict(one.model, patches), predict(two.model, patches))
    table = StandardScaler().fit_transform(patch_features(patches).to_numpy())
    forest = RandomForestClassifier(20, class_weight="balanced", random_state=3).fit(table, labels)
    names = feature_names(1)
    lbp = sum(v for n, v in zip(names, forest.feature_importances_, strict=True) if n.startswith("c0_lbp"))
    found = {row["features"]: row for row in one.result["importance"]}
    assert found["c0_lbp"]["impurity"] == pytest.approx(lbp)
    assert found["c0_lbp"]["permutation"] is None and found["c0_lbp"]["columns"] == 30


def test_shuffling_what_tells_the_classes_apart_costs_most():
    def grey(n, seed):
        labels = np.arange(n) % 2
        noise = np.random.default_rng(seed).normal(0, 0.1, (n, 1, 16, 16))
        return np.clip(noise + (labels - 0.5)[:, None, None, None], -1, 1).astype(np.float32), labels

    patches, labels = grey(40, 0)
    run = train_classifier(patches, labels, "logistic", held_out=grey(30, 1))
    found = {row["features"]: row["permutation"] for row in run.result["importance"]}
    assert run.result["importance"][0]["permutation"] == max(found.values())
    assert found["patch_c0_histogram"] >= found["aspect_ratio"]


def test_an_object_larger_than_a_patch_is_averaged_over_its_windows():
    rng = np.random.default_rng(0)
    crops = [rng.integers(0, 255, (1, *shape)).astype(np.uint8) for shape in ((40, 24), (16, 16), (16, 20))]
    mixed = CropStore(crops, 0, 255, 16)
    ((table, owners),) = rows_of(mixed, small("svm", windows=4))
    assert sorted(owners.tolist()) == [0] * 4 + [1] + [2] * 4
    patches, labels = stripes(30, 0)
    model = train_classifier(patches, labels, "logistic", windows=4).model
    assert isinstance(model, FeatureClassifier)
    p = tempered(model.estimator.predict_proba(table), model.temperature)
    for crop in range(3):
        np.testing.assert_allclose(predict(model, mixed)[crop], p[owners == crop].mean(axis=0), atol=1e-6)


def test_resampling_makes_classes_alike_and_leaves_the_others_alone():
    rng = np.random.default_rng(0)
    table, labels = rng.normal(size=(23, 4)), np.repeat([0, 1, 2], [12, 10, 1])
    for balance in ("none", "weights"):
        assert resampled(table, labels, balance, 0)[0] is table
    more, classes = resampled(table, labels, "oversample", 0)
    assert np.bincount(classes).tolist() == [12, 12, 12]
    assert {tuple(row) for row in more} == {tuple(row) for row in table}
    fewer, classes = resampled(table, labels, "undersample", 0)
    assert np.bincount(classes).tolist() == [1, 1, 1] and {tuple(r) for r in fewer} <= {tuple(r) for r in table}
    new, classes = resampled(table, labels, "smote", 0)
    assert np.bincount(classes).tolist() == [12, 12, 12]
    theirs = SMOTE(sampling_strategy={1: 12}, k_neighbors=5, random_state=0).fit_resample(table, labels)[0][23:]
    np.testing.assert_array_equal(new[23:25], theirs)
    np.testing.assert_array_equal(new[25:], np.tile(table[22], (11, 1)))


@pytest.mark.parametrize("balance", ["none", "oversample", "undersample", "smote"])
def test_a_rare_class_is_balanced_in_every_way(balance, tmp_path):
    patches, labels = stripes(60, 0)
    kept = (labels == 0) | (np.arange(60) % 10 == 1)
    run = train_classifier(patches[kept], labels[kept], "logistic", held_out=stripes(20, 1), balance=balance)
    assert run.result["crops"] == {"real": [30, 6]} and run.result["scores"]["balanced_accuracy"] > 0.8


def test_bad_input_is_told_in_one_line_or_learned_from(tmp_path):
    patches, labels = stripes(20, 0)
    with pytest.raises(UserError, match="at least two classes"):
        train_classifier(patches, np.zeros(20, int), "svm")
    with pytest.raises(UserError, match="cannot be pretrained"):
        train_classifier(patches, labels, "svm", synthetic=stripes(4, 1), mode="pretrained")
    single = np.array([0] * 19 + [1])
    run = train_classifier(patches, single, "svm", balance="smote")
    assert "1 has a single training crop." in run.result["notices"]
    constant = np.zeros_like(patches)
    run = train_classifier(constant, labels, "svm", held_out=(constant, labels))
    np.testing.assert_allclose(predict(run.model, constant), 0.5, atol=0.05)


def test_labels_of_one_group_alone_are_learned_without_calibration():
    patches, labels = stripes(20, 0)
    run = train_classifier(patches, labels, "logistic", groups=["slide"] * 20)
    assert run.result["calibration"]["temperature"] == 1 and any(
        "calibrate" in notice for notice in run.result["notices"]
    )


def test_a_stopped_training_leaves_no_model_and_is_begun_anew(tmp_path):
    polls = iter([False, True])
    *_, last = train(*store(20, 0), ["a", "b"], small("svm"), tmp_path, stop=lambda: next(polls))
    assert isinstance(last, Stopped)
    with pytest.raises(UserError, match="no trained classifier"):
        load(tmp_path)
    *_, last = train(*store(20, 0), ["a", "b"], small("svm"), tmp_path, resume=True)
    assert isinstance(last, Finished)
    with pytest.raises(UserError, match="nothing to resume"):
        list(train(*store(20, 0), ["a", "b"], small("svm"), tmp_path, resume=True))


def test_a_file_with_other_types_or_a_damaged_one_is_not_opened(tmp_path):
    list(train(*store(20, 0), ["a", "b"], small("svm"), tmp_path))
    file = tmp_path / "model.skops"
    skops.io.dump({"estimator": Strange()}, file)
    with pytest.raises(UserError, match=r"holds .*Strange, which no classifier"):
        load(tmp_path)
    file.write_bytes(b"no zip")
    with pytest.raises(UserError, match="cannot be read"):
        load(tmp_path)


def test_a_forest_whose_trees_run_in_circles_is_refused(tmp_path):
    list(train(*store(20, 0), ["a", "b"], small("random-forest"), tmp_path))
    estimator = load(tmp_path).estimator
    tree = estimator.named_steps["classify"].estimators_[0].tree_
    tree.children_left[0] = 0
    skops.io.dump(estimator, tmp_path / "model.skops")
    with pytest.raises(UserError, match="leads nowhere"):
        load(tmp_path)


def test_features_scaled_to_a_normal_distribution_count_by_their_order_alone():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(80, 3))
    labels = (table[:, 0] > 0).astype(np.int64)
    recipe = classifier_recipe("logistic", size=16, scaling="normal")
    # A rising function of a feature changes the distances of its values and not their order.
    stretched = np.exp(3 * table)
    plain, other = (fitted(recipe, each, labels, 2, 0).predict_proba(each) for each in (table, stretched))
    np.testing.assert_allclose(plain, other, atol=1e-6)
    few = fitted(recipe, table[:5], np.array([0, 1, 0, 1, 0]), 2, 0)
    assert few.named_steps["scale"].transform(table[:5]).shape == (5, 3)
