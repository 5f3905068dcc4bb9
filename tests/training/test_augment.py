"""Batched flips, turns and shifts against NumPy's, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.training.augment import flips_quarter_turns, shifted, steps, turned
from napari_cellsynth.training.augmentation import SYMMETRIES, Augmentation


def batch(count: int, channels: int = 2, height: int = 6, width: int = 6) -> torch.Tensor:
    x = torch.arange(count * channels * height * width, dtype=torch.float32)
    return x.view(count, channels, height, width)


def symmetries(patch: np.ndarray) -> list[bytes]:
    turned = [np.rot90(patch, turns, axes=(1, 2)) for turns in range(4)]
    return [np.ascontiguousarray(image).tobytes() for image in (*turned, *(image[:, :, ::-1] for image in turned))]


def test_flips_and_turns_give_each_of_the_eight_symmetries_equally_often_and_nothing_else() -> None:
    patch = batch(1)[0]
    x = patch.expand(1600, -1, -1, -1)
    turned = flips_quarter_turns(x, torch.Generator().manual_seed(0)).numpy()
    allowed = symmetries(patch.numpy())
    counts = np.bincount([allowed.index(np.ascontiguousarray(image).tobytes()) for image in turned], minlength=8)
    assert counts.min() > 150  # 200 expected each, standard deviation 13


def test_each_sample_keeps_its_own_pixels() -> None:
    x = batch(5, channels=3)
    turned = flips_quarter_turns(x, torch.Generator().manual_seed(3))
    assert torch.equal(turned.flatten(2).sort().values, x.flatten(2).sort().values)


def test_each_flip_and_turn_has_its_own_probability() -> None:
    patch = batch(1, height=5, width=5)[0]
    x = patch.expand(1000, -1, -1, -1)
    kinds = Augmentation(horizontal_flip=0.2, vertical_flip=0.4, quarter_turn=0)
    done = turned(x, kinds, torch.Generator().manual_seed(0)).numpy()
    wanted = [patch.numpy(), patch.numpy()[:, :, ::-1], patch.numpy()[:, ::-1], patch.numpy()[:, ::-1, ::-1]]
    counts = [sum(np.array_equal(image, each) for image in done) for each in wanted]
    expected = np.array([0.8 * 0.6, 0.2 * 0.6, 0.8 * 0.4, 0.2 * 0.4]) * 1000
    assert sum(counts) == 1000 and np.all(np.abs(counts - expected) < 50)  # three standard deviations


def test_sure_quarter_turns_and_even_flips_are_the_eight_symmetries() -> None:
    patch = batch(1)[0]
    done = turned(patch.expand(1600, -1, -1, -1), SYMMETRIES, torch.Generator().manual_seed(0)).numpy()
    allowed = symmetries(patch.numpy())
    counts = np.bincount([allowed.index(np.ascontiguousarray(image).tobytes()) for image in done], minlength=8)
    assert counts.min() > 150


def test_quarter_turns_alone_are_the_four_turns() -> None:
    patch = batch(1)[0]
    kinds = Augmentation(horizontal_flip=0, vertical_flip=0, quarter_turn=1)
    done = turned(patch.expand(400, -1, -1, -1), kinds, torch.Generator().manual_seed(0)).numpy()
    counts = np.bincount([symmetries(patch.numpy()).index(np.ascontiguousarray(i).tobytes()) for i in done])
    assert len(counts) == 4 and counts.min() > 70


def test_a_shift_equals_slicing_a_mirrored_border() -> None:
    x = batch(50, height=6, width=8)
    by = steps(50, 3, 1.0, torch.Generator().manual_seed(0))
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (3, 3), (3, 3)), mode="reflect")
    for image, source, (down, right) in zip(shifted(x, by).numpy(), padded, by.T.tolist(), strict=True):
        np.testing.assert_array_equal(image, source[:, 3 - down : 9 - down, 3 - right : 11 - right])
    assert set(by.flatten().tolist()) == {-3, -2, -1, 0, 1, 2, 3}


def test_a_shift_is_drawn_as_often_as_asked() -> None:
    by = steps(4000, 10, 0.25, torch.Generator().manual_seed(0))
    # A drawn shift is nowhere in one of 21 x 21 cases.
    assert (by != 0).any(dim=0).float().mean().item() == pytest.approx(0.25 * (1 - 1 / 441), abs=0.02)


def test_gradients_pass_and_the_input_stays_as_it_was() -> None:
    x = batch(4).requires_grad_()
    before = x.detach().clone()
    done = shifted(flips_quarter_turns(x, torch.Generator().manual_seed(0)), torch.zeros((2, 4), dtype=torch.int64))
    (done * done.detach()).sum().backward()
    assert torch.equal(x.grad, before)
    assert torch.equal(x.detach(), before)


def test_turning_oblongs_is_refused() -> None:
    with pytest.raises(UserError, match="square"):
        flips_quarter_turns(batch(2, height=4, width=5), torch.Generator())
