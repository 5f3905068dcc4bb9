"""Batched flips, turns and shifts against NumPy's, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.training.augment import flips, flips_quarter_turns, shift


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


def test_flips_alone_work_on_oblongs_and_can_be_limited() -> None:
    x = batch(400, height=4, width=7)
    across = flips(x, torch.Generator().manual_seed(0), vertical=False)
    flipped = [bool(torch.equal(a, b.flip(-1))) for a, b in zip(across, x, strict=True)]
    same = [bool(torch.equal(a, b)) for a, b in zip(across, x, strict=True)]
    assert all(one != other for one, other in zip(flipped, same, strict=True))
    assert 150 < sum(flipped) < 250
    down = flips(x, torch.Generator().manual_seed(0), horizontal=False)
    assert all(torch.equal(a, b) or torch.equal(a, b.flip(-2)) for a, b in zip(down, x, strict=True))


def test_a_shift_equals_slicing_a_mirrored_border() -> None:
    x = batch(50, height=6, width=8)
    shifted = shift(x, 3, torch.Generator().manual_seed(0)).numpy()
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (3, 3), (3, 3)), mode="reflect")
    seen = set()
    for image, source in zip(shifted, padded, strict=True):
        places = [(y, z) for y in range(7) for z in range(7) if np.array_equal(source[:, y : y + 6, z : z + 8], image)]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) > 20
    assert torch.equal(shift(x, 0, torch.Generator()), x)


def test_gradients_pass_and_the_input_stays_as_it_was() -> None:
    x = batch(4).requires_grad_()
    before = x.detach().clone()
    moved = shift(flips_quarter_turns(x, torch.Generator().manual_seed(0)), 0, torch.Generator())
    (moved * moved.detach()).sum().backward()
    assert torch.equal(x.grad, before)
    assert torch.equal(x.detach(), before)


def test_turning_oblongs_and_shifting_too_far_are_refused() -> None:
    with pytest.raises(UserError, match="square"):
        flips_quarter_turns(batch(2, height=4, width=5), torch.Generator())
    with pytest.raises(UserError, match="shift"):
        shift(batch(2), 6, torch.Generator())
