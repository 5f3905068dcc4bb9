"""Classifiers of several classes a crop: losses, training, thresholds, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional
from torchvision.ops import sigmoid_focal_loss

from napari_cellsynth.classify import train_classifier
from napari_cellsynth.classify.balance import class_weights
from napari_cellsynth.classify.classical import fitted
from napari_cellsynth.classify.feature_model import raw_probabilities
from napari_cellsynth.classify.losses import binary_loss, loss_of
from napari_cellsynth.classify.predict import load, predict
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate import scores
from tests.classify.examples import tiny

RNG = np.random.default_rng(0)
LOGITS = torch.from_numpy(RNG.normal(0, 2, (20, 4)))
LABELS = torch.from_numpy(RNG.integers(0, 2, (20, 4)))
ONES = torch.ones(4)


def patches(n: int, seed: int, size: int = 16) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Noisy patches with a bright middle, a bright border, both or neither."""
    rng = np.random.default_rng(seed)
    has = rng.integers(0, 2, (n, 2))
    x = rng.normal(-0.3, 0.1, (n, 1, size, size))
    middle = np.zeros((size, size))
    middle[size // 3 : -size // 3, size // 3 : -size // 3] = 0.8
    border = np.full((size, size), 0.8)
    border[2:-2, 2:-2] = 0
    x += has[:, 0, None, None, None] * middle + has[:, 1, None, None, None] * border
    names = [tuple(np.array(["middle", "rim"])[row == 1].tolist()) for row in has]
    return np.clip(x, -1, 1).astype(np.float32), names


def truth(names: list[tuple[str, ...]]) -> np.ndarray:
    return np.array([[name in has for name in ("middle", "rim")] for has in names], int)


def test_the_binary_loss_is_torchs_cross_entropy_with_positive_weights() -> None:
    weights = torch.tensor([1.0, 3.0, 0.5, 9.0])
    wanted = functional.binary_cross_entropy_with_logits(LOGITS.float(), LABELS.float(), pos_weight=weights)
    assert binary_loss(LOGITS, LABELS, weights).item() == pytest.approx(wanted.item(), rel=1e-5)
    wanted = functional.binary_cross_entropy_with_logits(LOGITS.float(), LABELS * 0.8 + 0.1)
    assert binary_loss(LOGITS, LABELS, ONES, smoothing=0.2).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_the_focal_loss_of_the_protein_recipes_is_torchvisions() -> None:
    recipe = classifier_recipe("resnet50")
    assert (recipe.loss, recipe.focal_gamma) == ("focal", 2.0)
    wanted = sigmoid_focal_loss(LOGITS.float(), LABELS.float(), alpha=-1, gamma=2, reduction="mean")
    assert loss_of(recipe, LOGITS, LABELS, ONES).item() == pytest.approx(wanted.item(), rel=1e-5)


def test_the_loss_keeps_its_gradient_where_answers_are_sure() -> None:
    logits = torch.tensor([[80.0, -80.0], [-80.0, 80.0]], requires_grad=True)
    loss = binary_loss(logits, torch.tensor([[0, 1], [0, 1]]), torch.ones(2), gamma=2.0)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(logits.grad).all() and logits.grad.abs().sum() > 0


def test_positive_weights_make_having_and_lacking_a_class_count_alike() -> None:
    labels = np.zeros((200, 3), int)
    labels[:50, 0], labels[:100, 1], labels[0, 2] = 1, 1, 1
    assert class_weights(labels, 3).tolist() == [3.0, 1.0, 50.0]
    assert class_weights(labels, 3, "none").tolist() == [1, 1, 1]


def test_a_network_learns_several_classes_and_keeps_its_thresholds(tmp_path: Path) -> None:
    x, names = patches(360, 0)
    tested, answers = patches(80, 1)
    groups = np.arange(360) // 6
    recipe = tiny(epochs=14, lr=0.01, balance="weights")
    run = train_classifier(x, names, recipe, held_out=(tested, answers), groups=groups, out=tmp_path)
    found = run.result["scores"]
    assert found["multi_label"] and found["macro_f1"] > 0.9
    assert run.result["calibration"]["crops"] == 36
    again = load(tmp_path)
    assert again.thresholds == run.model.thresholds == tuple(run.result["calibration"]["thresholds"])
    p = predict(again, tested)
    assert p.shape == (80, 2) and np.abs(p.sum(axis=1) - 1).max() > 0.3
    given = p >= np.array(again.thresholds)
    assert scores.macro_f1(truth(answers), given) == pytest.approx(found["macro_f1"])


@pytest.mark.parametrize("name", ["logistic", "svm", "naive-bayes", "random-forest"])
def test_classical_recipes_learn_one_class_against_the_rest(name: str, tmp_path: Path) -> None:
    x, names = patches(60, 0)
    tested, answers = patches(30, 1)
    small = {"trees": 20} if name == "random-forest" else {}
    groups = np.arange(60) // 6
    run = train_classifier(x, names, name, held_out=(tested, answers), groups=groups, out=tmp_path, **small)
    assert run.result["scores"]["macro_f1"] > 0.8
    assert len(run.result["calibration"]["thresholds"]) == 2 and run.result["calibration"]["temperature"] == 1
    loaded = load(tmp_path)
    assert loaded.thresholds == run.model.thresholds
    assert np.array_equal(predict(loaded, tested), predict(run.model, tested))


def test_one_against_the_rest_is_a_logistic_regression_a_class() -> None:
    table = RNG.normal(0, 1, (80, 6))
    labels = (table[:, :3] + RNG.normal(0, 0.5, (80, 3)) > 0).astype(np.int64)
    recipe = classifier_recipe("logistic")
    p = raw_probabilities(fitted(recipe, table, labels, 3, 0), table)
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    for k in range(3):
        alone = LogisticRegression(C=recipe.c, max_iter=3000, class_weight="balanced").fit(scaled, labels[:, k])
        assert p[:, k] == pytest.approx(alone.predict_proba(scaled)[:, 1], abs=1e-4)


def test_a_class_that_every_crop_has_is_given_to_all() -> None:
    x, names = patches(40, 0)
    run = train_classifier(x, [(*has, "cell") for has in names], "logistic")
    assert predict(run.model, x)[:, run.result["classes"].index("cell")].min() == 1.0


@pytest.mark.parametrize("balance", ["oversample", "undersample", "majority-dropout"])
def test_balances_that_take_one_class_a_crop_are_refused(balance: str) -> None:
    x, names = patches(20, 0)
    with pytest.raises(UserError, match=f"{balance} needs a single-label project"):
        train_classifier(x, names, "fast", balance=balance)


def test_a_recipe_whose_own_balance_does_not_suit_takes_weights() -> None:
    x, names = patches(20, 0, size=32)
    run = train_classifier(x, names, "lipnet-1", epochs=1)
    assert run.model.recipe.balance == "weights"


def test_mixup_and_the_best_epoch_work_on_several_classes(tmp_path: Path) -> None:
    x, names = patches(80, 0)
    recipe = tiny(epochs=3, mixup=0.4, keep="best-macro-f1", loss="focal")
    result = train_classifier(x, names, recipe, groups=np.arange(80) // 4, out=tmp_path).result
    assert set(result["best"]) == {"validation_loss", "validation_macro_f1", "validation_micro_f1"}


def test_synthetic_patches_are_added_with_their_classes() -> None:
    x, names = patches(30, 0)
    made, _ = patches(6, 2)
    run = train_classifier(x, names, tiny(), synthetic=(made, [("middle",)] * 6))
    assert run.result["crops"]["synthetic"] == [6, 0]


def test_mixed_ways_to_label_are_refused() -> None:
    x, names = patches(10, 0)
    with pytest.raises(UserError, match="collections of classes"):
        train_classifier(x, names, tiny(), held_out=(x, ["middle"] * 10))
