from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

from napari_cellsynth.classify import loop
from napari_cellsynth.classify.model import CHECKPOINT_FILE, MODEL_FILE, load
from napari_cellsynth.classify.train import train
from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished, Metric, Progress, Saved, Stopped
from tests.classify.examples import store, stripes, tiny

NAMES = ["fine", "coarse"]


def run(folder, recipe=None, **how):
    """Train on 40 patches and return the events."""
    labelled = how.pop("real", None) or store(40, 0)
    return list(train(*labelled, how.pop("names", NAMES), recipe or tiny(), folder, **how))


def weights(folder) -> dict[str, torch.Tensor]:
    return load(folder).network.state_dict()


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def figures(folder, name: str = "train_loss") -> list[tuple[str, float]]:
    """Return step and value of every figure of that name in metrics.csv."""
    rows = csv.DictReader((folder / "metrics.csv").read_text().splitlines())
    return [(row["step"], float(row["value"])) for row in rows if row["name"] == name]


def stopping_after(polls: int):
    count = iter(range(10**6))
    return lambda: next(count) >= polls


@pytest.mark.parametrize("name", ["fast", "hescnet"])
def test_it_learns_to_tell_stripes_apart_on_patches_it_has_not_seen(tmp_path, name):
    size = 16 if name == "fast" else 32
    recipe = tiny(name, epochs=20, **({} if name == "fast" else {"lr": 0.02, "dropout": 0.1}))
    real, held_out = store(60, 0, size=size), store(40, 1, size=size)
    result = run(tmp_path, recipe, real=real, held_out=held_out, groups_held_out=np.arange(40) // 4)[-1].result
    assert result["scores"]["balanced_accuracy"] > 0.9
    low, high = result["scores"]["intervals"]["balanced_accuracy"]
    assert low <= result["scores"]["balanced_accuracy"] <= high
    assert np.sum(result["confusion"]) == 40


def test_the_events_tell_the_whole_story_and_end_with_finished(tmp_path):
    events = run(tmp_path, held_out=store(10, 1))
    assert isinstance(events[0], Progress) and events[0].total == 15
    metrics = [event for event in events if isinstance(event, Metric)]
    assert [metric.step for metric in metrics] == [5, 10, 15]
    assert {"train_loss", "learning_rate", "held_out_balanced_accuracy"} <= metrics[-1].values.keys()
    assert [type(event) for event in events[-2:]] == [Saved, Finished]
    result = events[-1].result
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["steps"] == 15 and result["classes"] == NAMES and result["crops"] == {"real": [20, 20]}
    assert (tmp_path / MODEL_FILE).exists() and not (tmp_path / CHECKPOINT_FILE).exists()
    assert figures(tmp_path) == [(str(metric.step), metric.values["train_loss"]) for metric in metrics]


def test_the_held_out_crops_have_no_influence_on_the_weights(tmp_path):
    patches, labels = stripes(20, 1)
    run(tmp_path / "without")
    run(tmp_path / "with", held_out=store(20, 1))
    from napari_cellsynth.training.loader import CropStore

    run(tmp_path / "wrong", held_out=(CropStore.from_patches(-patches), 1 - labels))
    assert same(weights(tmp_path / "without"), weights(tmp_path / "with"))
    assert same(weights(tmp_path / "without"), weights(tmp_path / "wrong"))


def test_the_seed_alone_decides_and_torchs_own_generator_is_left_alone(tmp_path):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    run(tmp_path / "a", seed=3)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    run(tmp_path / "b", seed=3)
    run(tmp_path / "c", seed=4)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.parametrize("name", ["fast", "hescnet"])
@pytest.mark.parametrize("mode", ["mixed", "pretrained"])
def test_a_stopped_training_resumes_to_the_very_same_bits(tmp_path, name, mode):
    size = 16 if name == "fast" else 32
    how = {"real": store(40, 0, size=size), "synthetic": store(24, 5, size=size), "mode": mode}
    whole = run(tmp_path / "whole", tiny(name), held_out=store(8, 1, size=size), **how)
    for polls in (0, 3, 4):  # stopped before the first step, then twice within an epoch
        events = run(tmp_path / "parts", tiny(name), stop=stopping_after(polls), resume=polls > 0, **how)
        assert [type(event) for event in events[-2:]] == [Saved, Stopped]
    events = run(tmp_path / "parts", tiny(name), held_out=store(8, 1, size=size), resume=True, **how)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert events[0].done == 7
    scores, expected = events[-1].result["scores"], whole[-1].result["scores"]
    assert scores == expected
    parts, straight = figures(tmp_path / "parts"), figures(tmp_path / "whole")
    assert [step for step, _ in parts] == [step for step, _ in straight]
    assert [loss for _, loss in parts] == pytest.approx([loss for _, loss in straight], rel=1e-5)


def test_a_killed_training_resumes_from_its_last_checkpoint(tmp_path, monkeypatch):
    run(tmp_path / "whole")
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    events = train(*store(40, 0), NAMES, tiny(), tmp_path / "killed")
    saved = 0
    while saved < 7:
        saved += isinstance(next(events), Saved)
    events.close()
    with (tmp_path / "killed" / "metrics.csv").open("a") as file:
        file.write("10,train_loss,1.0\n12,trai")  # what a kill may leave behind
    resumed = run(tmp_path / "killed", resume=True)
    assert resumed[0].done == 7
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))
    assert [step for step, _ in figures(tmp_path / "killed")] == ["5", "10", "15"]


def test_stopping_takes_no_further_step(tmp_path):
    events = run(tmp_path, stop=stopping_after(2))
    assert isinstance(events[-1], Stopped)
    resumed = run(tmp_path, resume=True)
    assert resumed[0].done == 2


def test_a_stop_while_the_held_out_crops_are_scored_can_be_resumed(tmp_path):
    events = run(tmp_path, held_out=store(8, 1), stop=stopping_after(15))
    assert isinstance(events[-1], Stopped)
    assert run(tmp_path, held_out=store(8, 1), resume=True)[-1].result["scores"]["n"] == 8


def test_resuming_what_is_finished_or_other_is_refused(tmp_path):
    run(tmp_path / "a", stop=stopping_after(2))
    with pytest.raises(UserError, match="started with other seed"):
        run(tmp_path / "a", seed=9, resume=True)
    with pytest.raises(UserError, match="started with other settings"):
        run(tmp_path / "a", tiny(lr=0.5), resume=True)
    run(tmp_path / "a", resume=True)
    with pytest.raises(UserError, match="finished"):
        run(tmp_path / "a", resume=True)


def test_resuming_before_the_first_checkpoint_starts_at_the_start(tmp_path):
    assert run(tmp_path / "new", resume=True)[0].done == 0


def test_classes_that_cannot_be_learned_are_refused_in_words(tmp_path):
    with pytest.raises(UserError, match="at least two classes"):
        run(tmp_path, names=["only"], real=store(8, 0, classes=1))
    with pytest.raises(UserError, match="rare has no crop"):
        run(tmp_path, names=[*NAMES, "rare"])
    with pytest.raises(UserError, match="no synthetic patches"):
        run(tmp_path, mode="pretrained")


def test_a_class_with_one_crop_trains_with_a_notice(tmp_path):
    patches, labels = store(9, 0)
    labels = np.array([0] * 8 + [1])
    result = run(tmp_path, real=(patches, labels))[-1].result
    assert result["notices"][0] == "coarse has a single training crop."
    assert result["scores"] == {} and result["confusion"] == []
    assert "nothing says how good" in result["notices"][1]


def test_a_class_missing_from_the_held_out_crops_is_noticed(tmp_path):
    held_out, _ = store(6, 1)
    result = run(tmp_path, held_out=(held_out, np.zeros(6, int)), groups_held_out=["g"] * 6)[-1].result
    assert result["scores"]["per_class"][1]["TPR"] is None
    assert any("No held-out object of coarse" in notice for notice in result["notices"])
    assert result["scores"]["intervals"] == {}


def test_patches_that_do_not_match_are_refused_in_words(tmp_path):
    with pytest.raises(UserError, match="give 1-channel patches, but these have 2"):
        run(tmp_path, synthetic=store(8, 0, channels=2))
    with pytest.raises(UserError, match="trained on 16-px patches, but these are 32"):
        run(tmp_path, held_out=store(8, 0, size=32))
    with pytest.raises(UserError, match="takes 32-px patches"):
        run(tmp_path, tiny(size=32))
    with pytest.raises(ValueError, match=r"labels must be 0\.\.1"):
        run(tmp_path, real=(store(8, 0)[0], np.arange(8)))
    with pytest.raises(ValueError, match="do not go with"):
        run(tmp_path, real=(store(8, 0)[0], np.zeros(3, int)))


def test_every_step_drops_other_features(tmp_path, monkeypatch):
    masks = []
    dropout = torch.nn.functional.dropout

    def watched(x, *how):
        dropped = dropout(x, *how)
        if how[1]:
            masks.append((dropped == 0).numpy().tobytes())
        return dropped

    monkeypatch.setattr(torch.nn.functional, "dropout", watched)
    run(tmp_path)
    assert len(masks) == len(set(masks)) == 15


def test_mode_real_leaves_synthetic_patches_aside(tmp_path):
    run(tmp_path / "alone", mode="real")
    run(tmp_path / "given", mode="real", synthetic=store(30, 5))
    run(tmp_path / "mixed", synthetic=store(30, 5))
    assert same(weights(tmp_path / "alone"), weights(tmp_path / "given"))
    assert not same(weights(tmp_path / "alone"), weights(tmp_path / "mixed"))


def test_a_loss_that_is_no_number_is_said_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "learning_rate", lambda *_: 1e30)
    with pytest.raises(UserError, match="no number"):
        run(tmp_path, tiny("hescnet"), real=store(40, 0, size=32))


def test_labels_that_have_nothing_to_do_with_the_patches_teach_nothing(tmp_path):
    patches, labels = store(60, 0)
    unrelated = np.arange(60) // 2 % 2
    held_out = store(80, 1)
    taught = run(tmp_path / "true", tiny(epochs=8), real=(patches, labels), held_out=held_out)[-1].result
    untaught = run(tmp_path / "unrelated", tiny(epochs=8), real=(patches, unrelated), held_out=held_out)[-1].result
    assert taught["scores"]["log_loss"] < 0.5 < 0.6 < untaught["scores"]["log_loss"]
