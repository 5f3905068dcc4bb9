from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellsynth.classify.batches import Batches, Part, stages
from napari_cellsynth.classify.recipes import classifier_recipe
from napari_cellsynth.classify.schedules import learning_rate
from napari_cellsynth.training.loader import CropStore
from tests.classify.examples import store, tiny


def part(value: float, labels, synthetic: bool = False) -> Part:
    """Patches of one constant value, so that a batch shows where its patches come from."""
    labels = np.asarray(labels)
    return Part(CropStore.from_patches(np.full((len(labels), 1, 16, 16), value, np.float32)), labels, synthetic)


def drawn(batches: Batches, stage, steps) -> np.ndarray:
    return np.concatenate([batches.draw(stage, s)[0][:, 0, 0, 0].numpy() for s in steps])


def test_synthetic_patches_buy_no_extra_steps():
    recipe = tiny()
    real, synthetic = part(0.5, [0, 1] * 20), part(-0.5, [0, 1] * 100, True)
    totals = {
        mode: sum(stage.steps for stage in stages(recipe, real, synthetic, mode, 2))
        for mode in ("real", "mixed", "pretrained")
    }
    assert totals == {"real": 15, "mixed": 15, "pretrained": 15}


def test_a_mixed_batch_has_the_shares_of_the_union_and_a_pass_sees_everything_once():
    recipe = tiny(epochs=4)
    real, synthetic = part(0.5, [0, 1] * 20), part(-0.5, [0, 1] * 60, True)
    (stage,) = stages(recipe, real, synthetic, "mixed", 2)
    one_pass = drawn(Batches(recipe, 0, torch.device("cpu")), stage, range(160 // 8))
    assert np.sum(one_pass > 0) == 40 and np.sum(one_pass < 0) == 120


def test_pretraining_sees_synthetic_patches_first_and_real_ones_after():
    recipe = tiny(epochs=4)
    real, synthetic = part(0.5, [0, 1] * 8), part(-0.5, [0, 0, 0, 1], True)
    first, second = stages(recipe, real, synthetic, "pretrained", 2)
    batches = Batches(recipe, 0, torch.device("cpu"))
    assert (first.first, first.steps, second.first, second.steps) == (0, 4, 4, 4)
    assert np.all(drawn(batches, first, range(4)) < 0) and np.all(drawn(batches, second, range(4, 8)) > 0)
    assert first.weights.tolist() == pytest.approx([2 / 3, 2]) and second.weights.tolist() == [1, 1]


def test_batches_are_full_and_a_function_of_seed_and_step():
    recipe = tiny()
    store_, labels = store(21, 0)
    (stage,) = stages(recipe, Part(store_, labels, False), None, "real", 2)
    forward = Batches(recipe, 5, torch.device("cpu"))
    straight = [forward.draw(stage, s) for s in range(9)]
    again = Batches(recipe, 5, torch.device("cpu")).draw(stage, 7)
    other = Batches(recipe, 6, torch.device("cpu")).draw(stage, 7)
    assert all(len(x) == len(y) == 8 for x, y, *_ in straight)
    assert torch.equal(again[0], straight[7][0]) and torch.equal(again[1], straight[7][1])
    assert not torch.equal(other[0], again[0])


def test_every_pass_augments_anew():
    recipe = tiny(shift=3, epochs=6)
    patches, labels = store(8, 0)
    (stage,) = stages(recipe, Part(patches, labels, False), None, "real", 2)
    batches = Batches(recipe, 0, torch.device("cpu"))
    # Eight patches in batches of eight: a step is a pass, and a patch's pixels tell which augmentation it got.
    seen = {x.numpy().tobytes() for step in range(6) for x in batches.draw(stage, step)[0].sum(dim=1)}
    assert len(seen) > 40


def test_every_kind_of_augmentation_is_a_function_of_seed_and_step():
    recipe = tiny(augmentation="strong")
    patches, labels = store(21, 0)
    (stage,) = stages(recipe, Part(patches, labels, False), None, "real", 2)
    one, again = Batches(recipe, 5, torch.device("cpu")), Batches(recipe, 5, torch.device("cpu"))
    before = [one.draw(stage, step)[0] for step in range(4)]
    assert torch.equal(again.draw(stage, 3)[0], before[3])
    plain = Batches(tiny(augmentation="none"), 5, torch.device("cpu")).draw(stage, 3)[0]
    assert not torch.equal(plain, before[3])


def test_labels_go_with_their_patches_through_the_mixing():
    recipe = tiny(shift=0, epochs=5)
    value = np.linspace(-1, 1, 12, dtype=np.float32)
    patches = np.broadcast_to(value[:, None, None, None], (12, 1, 16, 16)).copy()
    real = Part(CropStore.from_patches(patches[:6]), np.arange(6), False)
    synthetic = Part(CropStore.from_patches(patches[6:]), np.arange(6, 12), True)
    (stage,) = stages(recipe, real, synthetic, "mixed", 12)
    batches = Batches(recipe, 0, torch.device("cpu"))
    for step in range(5):
        x, y, *_ = batches.draw(stage, step)
        np.testing.assert_allclose(x[:, 0, 0, 0].numpy(), value[y.numpy()], atol=1e-6)


def test_hescnet_flips_real_patches_and_leaves_synthetic_ones_as_they_are():
    recipe = tiny("hescnet")
    ramp = np.broadcast_to(np.linspace(-1, 1, 32, dtype=np.float32), (40, 1, 32, 32)).copy()
    patches = CropStore.from_patches(ramp)
    labels = np.arange(40) % 2
    upright = {}
    for synthetic in (False, True):
        real = Part(patches, labels, False)
        plan = stages(recipe, real, Part(patches, labels, True), "pretrained", 2)
        stage = plan[0 if synthetic else 1]
        x = Batches(recipe, 0, torch.device("cpu")).draw(stage, stage.first).patches
        upright[synthetic] = (x[:, 0, 0, 0] < 0).float().mean()
    assert upright[True] == 1 and 0 < upright[False] < 1


def test_hescnets_rate_falls_to_a_tenth_at_half_and_fasts_goes_through_one_cycle():
    paper = classifier_recipe("hescnet")
    assert [learning_rate(paper, s, 200) for s in (0, 99, 100, 199)] == [0.005, 0.005, 0.0005, 0.0005]
    fast = classifier_recipe("fast", lr=1.0)
    rates = [learning_rate(fast, s, 101) for s in range(101)]
    assert rates[0] == pytest.approx(0.04) and max(rates) == pytest.approx(1, abs=1e-3)
    assert 29 <= int(np.argmax(rates)) <= 32 and rates[-1] == pytest.approx(0.001)
    assert learning_rate(fast, 0, 1) > 0
