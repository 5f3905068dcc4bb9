"""Changes of intensity against torchvision and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.transforms.functional import adjust_sharpness

from napari_cellsynth.training.augmentation import Augmentation
from napari_cellsynth.training.shading import shaded, sharpened


def patches(count: int = 4, channels: int = 3, side: int = 12) -> torch.Tensor:
    return torch.rand((count, channels, side, side), generator=generator(9)) * 1.2 - 0.6


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_sharpening_is_torchvisions() -> None:
    x = patches()
    amount = torch.tensor([0.0, 0.5, 1.0, 3.0])
    done = sharpened(x, amount[:, None, None, None])
    for image, source, more in zip(done, x, amount.tolist(), strict=True):
        expected = adjust_sharpness((source + 1) / 2, 1 + more) * 2 - 1
        torch.testing.assert_close(image, expected, atol=1e-5, rtol=0)


def test_inverting_twice_gives_the_patch_back() -> None:
    x, kinds = patches(), Augmentation(inversion=1)
    once = shaded(x, kinds, generator())
    assert torch.equal(once, -x) and torch.equal(shaded(once, kinds, generator()), x)


def test_noise_has_no_mean_and_at_most_the_asked_spread() -> None:
    x = torch.zeros(400, 2, 16, 16)
    noise = shaded(x, Augmentation(noise=1, noise_share=0.1), generator())
    spread = noise.flatten(1).std(dim=1)
    assert noise.mean().item() == pytest.approx(0, abs=1e-3)
    # Standard deviations are even over 0..0.1 of a range that is 2 wide.
    assert spread.max() < 0.22 and spread.mean().item() == pytest.approx(0.1, abs=0.01)


def test_gain_keeps_the_mean_and_offset_keeps_the_contrast() -> None:
    x = patches(300)
    only = {"gain_factor": 1.0, "offset": 0.0, "gamma_factor": 1.0}
    gained = shaded(x, Augmentation(intensity=1, **(only | {"gain_factor": 1.5})), generator())
    torch.testing.assert_close(gained.mean((2, 3)), x.mean((2, 3)), atol=1e-5, rtol=0)
    ratio = gained.std((2, 3)) / x.std((2, 3))
    assert 1 / 1.5 - 1e-4 <= ratio.min() < 0.68 and 1.45 < ratio.max() <= 1.5 + 1e-4
    assert np.log(ratio.numpy()).mean() == pytest.approx(0, abs=0.03)
    lifted = shaded(x, Augmentation(intensity=1, **(only | {"offset": 0.1})), generator()) - x
    assert lifted.std((2, 3)).max() < 1e-5
    assert 0.19 < lifted.max() <= 0.2001 and -0.2001 <= lifted.min() < -0.19
    # Channels are drawn one by one.
    assert (lifted[:, 0].mean((1, 2)) - lifted[:, 1].mean((1, 2))).abs().max() > 0.1


def test_gamma_is_a_power_of_the_intensity_from_dark_to_bright() -> None:
    x = torch.tensor([-1.0, 0.0, 1.0])[None, None, None].expand(300, 1, 3, 3)
    kinds = Augmentation(intensity=1, gain_factor=1, offset=0, gamma_factor=2)
    done = shaded(x, kinds, generator())[:, 0, 0]
    assert torch.all(done[:, 0] == -1) and torch.all(done[:, 2] == 1)
    power = torch.log2((done[:, 1] + 1) / 2).neg()  # (1/2)^gamma
    assert 0.5 - 1e-4 <= power.min() < 0.52 and 1.92 < power.max() <= 2 + 1e-4


def test_a_share_is_changed_and_the_others_keep_every_bit() -> None:
    x = patches(2000, 1, 4)
    done = shaded(x, Augmentation(inversion=0.25), generator())
    assert np.mean([torch.equal(a, b) for a, b in zip(done, x, strict=True)]) == pytest.approx(0.75, abs=0.03)
