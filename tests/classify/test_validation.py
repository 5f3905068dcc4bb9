"""Keeping the best epoch and stopping early: judged by training groups alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, log_loss

from napari_cellsynth.classify.model import load
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.classify.targets import validation_figures
from napari_cellsynth.classify.validation import Judge, validation_part
from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished, Metric, Stopped
from tests.classify.examples import store, stripes, tiny
from tests.classify.test_train import figures, run, same, stopping_after, weights

CHOOSING = {"keep": "least-loss", "epochs": 6, "lr": 0.02}


def test_the_figures_are_scikit_learns():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 50).astype(np.float32)
    labels = np.arange(50) % 3
    found = validation_figures(labels, p)
    assert found["validation_loss"] == pytest.approx(log_loss(labels, p), rel=1e-5)
    assert found["validation_macro_f1"] == pytest.approx(f1_score(labels, p.argmax(1), average="macro"))
    assert found["validation_micro_f1"] == pytest.approx(f1_score(labels, p.argmax(1), average="micro"))


def judged(keep: str, patience: int = 0) -> Judge:
    """A judge that saw five epochs, of a network whose only weight is the epoch's number."""
    network, judge = torch.nn.Linear(1, 1, bias=False), Judge(keep, patience)
    losses, macro, micro = [0.9, 0.5, 0.6, 0.7, 0.8], [0.1, 0.2, 0.6, 0.3, 0.3], [0.1, 0.2, 0.3, 0.4, 0.4]
    for epoch in range(5):
        torch.nn.init.constant_(network.weight, epoch)
        row = {"loss": losses[epoch], "macro_f1": macro[epoch], "micro_f1": micro[epoch]}
        judge.look({f"validation_{name}": value for name, value in row.items()}, epoch, network)
    return judge


@pytest.mark.parametrize(
    ("keep", "epoch"), [("least-loss", 1), ("best-macro-f1", 2), ("best-micro-f1", 3), ("last", 4)]
)
def test_each_of_the_three_checkpoints_keeps_the_weights_of_its_best_epoch(keep, epoch):
    judge, network = judged(keep), torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(network.weight, 4)
    judge.put_back(network)
    assert network.weight.item() == epoch == judge.kept_step(4)
    assert {name: best["step"] for name, best in judge.best.items()} == {
        "validation_loss": 1,
        "validation_macro_f1": 2,
        "validation_micro_f1": 3,
    }


def test_patience_ends_after_so_many_epochs_without_a_better_one():
    assert judged("least-loss", 3).exhausted and not judged("least-loss", 4).exhausted
    assert judged("best-macro-f1", 2).exhausted and not judged("best-macro-f1", 3).exhausted
    assert not judged("least-loss", 0).exhausted


def test_validation_crops_are_whole_training_groups_and_about_the_asked_share():
    groups, labels = np.repeat(np.arange(20), 5), np.arange(100) % 2
    apart = validation_part(tiny(keep="least-loss", validation=0.2), groups, labels, seed=1)
    assert 10 <= apart.sum() <= 30
    assert not set(groups[apart]) & set(groups[~apart])
    assert not validation_part(tiny(), groups, labels).any()
    with pytest.raises(UserError, match="one group"):
        validation_part(tiny(patience=2), np.zeros(100), labels)


def test_a_training_keeps_the_weights_of_its_best_epoch(tmp_path):
    events = run(tmp_path / "kept", tiny(**CHOOSING), validation=store(16, 7))
    result = events[-1].result
    losses = dict(figures(tmp_path / "kept", "validation_loss"))
    best = min(losses, key=losses.get)
    assert result["kept_step"] == int(best) == result["best"]["validation_loss"]["step"]
    # The kept network scores what the best epoch's line in the curves says.
    held, truth = store(16, 7)
    from napari_cellsynth.classify.predict import predict

    classifier = load(tmp_path / "kept")
    plain = classifier.recipe.model_copy(update={"symmetries": False})
    p = predict(type(classifier)(classifier.network, plain, classifier.class_names, 1, {}), held)
    assert log_loss(truth, p) == pytest.approx(losses[best], rel=1e-4)


def test_neither_validation_nor_held_out_crops_change_the_steps_themselves(tmp_path):
    plain = tiny(epochs=6, lr=0.02)
    run(tmp_path / "plain", plain)
    run(tmp_path / "patient", tiny(epochs=6, lr=0.02, patience=99), validation=store(16, 7), held_out=store(8, 9))
    assert same(weights(tmp_path / "plain"), weights(tmp_path / "patient"))
    losses = [dict(figures(tmp_path / folder)) for folder in ("plain", "patient")]
    assert losses[0] == losses[1]


def test_a_training_out_of_patience_ends_early_and_says_so(tmp_path):
    hopeless = store(16, 7)[0], np.arange(16) // 8  # labels that have nothing to do with the patches
    events = run(tmp_path, tiny(epochs=60, patience=2, lr=0.02), validation=hopeless, held_out=store(8, 9))
    result = events[-1].result
    assert isinstance(events[-1], Finished) and result["steps"] < 300
    assert result["steps"] == result["best"]["validation_loss"]["step"] + 2 * 5
    assert any(notice.startswith("Stopped early at step") for notice in result["notices"])
    last = [event for event in events if isinstance(event, Metric)][-1]
    assert "held_out_accuracy" in last.values


def test_a_stopped_training_resumes_to_the_same_kept_weights(tmp_path):
    how = {"recipe": tiny(**CHOOSING, patience=4), "validation": store(16, 7), "synthetic": store(10, 5)}
    whole = run(tmp_path / "whole", **how)
    for polls in (0, 12, 9):
        events = run(tmp_path / "parts", stop=stopping_after(polls), resume=polls > 0, **how)
        assert isinstance(events[-1], Stopped)
    parts = run(tmp_path / "parts", resume=True, **how)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert whole[-1].result["best"] == parts[-1].result["best"]


def test_pretraining_is_not_judged(tmp_path):
    how = {"mode": "pretrained", "synthetic": store(24, 5), "validation": store(16, 7)}
    run(tmp_path, tiny(**CHOOSING), **how)
    judged_steps = [int(step) for step, _ in figures(tmp_path, "validation_loss")]
    assert judged_steps == [20, 25, 30]  # the real half of 30 steps


def test_choosing_without_anything_to_choose_by_is_refused_in_words(tmp_path):
    with pytest.raises(UserError, match="chooses by validation crops, and there are none"):
        run(tmp_path, tiny(keep="best-macro-f1"))


def test_from_python_groups_are_set_aside_and_the_rest_is_learned_from(tmp_path):
    patches, labels = stripes(60, 0)
    recipe = tiny(**CHOOSING)
    run_ = train_classifier(patches, labels, recipe, groups=np.arange(60) // 4, device="cpu", out=tmp_path)
    learned = sum(run_.result["crops"]["real"])
    assert 44 <= learned <= 56 and learned % 4 == 0
    assert run_.result["best"]["validation_loss"]["value"] > 0
