"""FID and KID against torchmetrics' whole metrics, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from napari_cellsynth.evaluate.quality import bootstrap, features, fid, kid, kid_interval, standardised
from tests.evaluate.examples import blobs, stripes, with_noise


class Features(torch.nn.Module):
    """The fixed random convolutions as torchmetrics wants a network."""

    num_features = 112

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(features(x.numpy(), "random-conv"))


def test_fid_agrees_with_torchmetrics_on_patches():
    x, y = blobs(150, 1), with_noise(blobs(150, 2), 0.03)
    theirs = FrechetInceptionDistance(feature=Features(), input_img_size=(1, 32, 32)).set_dtype(torch.float64)
    theirs.update(torch.from_numpy(x), real=True)
    theirs.update(torch.from_numpy(y), real=False)
    expected = float(theirs.compute())
    assert fid(features(x, "random-conv"), features(y, "random-conv")) == pytest.approx(expected, abs=1e-3)


@pytest.mark.filterwarnings("ignore:.*memory footprint.*:UserWarning")
def test_kid_agrees_with_torchmetrics_on_patches():
    x, y = blobs(60, 1), stripes(60, 2)
    theirs = KernelInceptionDistance(feature=Features(), subsets=2, subset_size=60)
    theirs.update(torch.from_numpy(x), real=True)
    theirs.update(torch.from_numpy(y), real=False)
    expected = float(theirs.compute()[0])
    assert kid(features(x, "random-conv"), features(y, "random-conv")) == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_the_interval_of_kid_holds_its_true_value_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    shift = 0.4

    def drawn(n, by=0.0):
        return rng.normal(size=(n, 8)) + by

    truth = kid(drawn(6000), drawn(6000, shift))
    found = [kid_interval(drawn(50), drawn(50, shift), seed=i) for i in range(60)]
    assert all(each.low < each.estimate < each.high for each in found)
    held = np.mean([each.low <= truth <= each.high for each in found])
    assert held > 0.8
    assert kid_interval(drawn(400), drawn(400, shift)).low > 0


def test_an_interval_of_kid_is_centred_although_patches_are_drawn_twice():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 6)), rng.normal(size=(40, 6))
    interval = kid_interval(x, y)
    assert interval.estimate == kid(x, y)
    assert interval.low < 0 < interval.high
    assert kid_interval(x, y) == interval


def test_the_interval_of_a_mean_is_the_one_of_the_central_limit():
    values = np.random.default_rng(2).normal(3, 1, 400)
    found = bootstrap(np.mean, values)
    assert found.estimate == values.mean()
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.15)


GENERATORS = {
    "fresh": lambda real: blobs(60, 3),
    "a little noisy": lambda real: with_noise(blobs(60, 3), 0.02),
    "noisy": lambda real: with_noise(blobs(60, 3), 0.1),
    "an early GAN": lambda real: with_noise(np.repeat(np.repeat(stripes(60, 4)[..., ::4, ::4], 4, 2), 4, 3), 0.1),
    "noise": lambda real: np.random.default_rng(5).uniform(-1, 1, real.shape).astype(np.float32),
}


@pytest.mark.parametrize("extractor", ["handmade", "random-conv"])
def test_kid_stays_finite_and_in_order_from_fresh_patches_to_noise_and_its_floor_near_zero(extractor):
    real = [features(blobs(60, seed), extractor) for seed in (1, 2)]
    made = {name: features(make(blobs(60, 3)), extractor) for name, make in GENERATORS.items()}
    both, *others = standardised(np.concatenate(real), *made.values())
    found = {name: kid(both[:60], other) for name, other in zip(made, others, strict=True)}
    assert abs(kid(both[:60], both[60:])) < 0.2 and abs(found["fresh"]) < 0.2
    assert found["fresh"] < found["noisy"] < found["noise"] < 250
    assert found["a little noisy"] < found["noisy"]
    assert found["fresh"] + 1 < found["an early GAN"] < 250


@pytest.mark.parametrize("background", [0, 1e-7, 1e-4])
def test_features_that_hardly_vary_over_real_patches_do_not_blow_kid_up(background):
    """A constant background gives features of next to no spread: divided by it, KID was in the thousands."""
    rng = np.random.default_rng(6)

    def patches(n):
        x = np.full((n, 1, 32, 32), -1.0)
        x[:, :, 12:20, 12:20] = rng.uniform(-0.2, 0.6, (n, 1, 1, 1)) + rng.normal(0, 0.1, (n, 1, 8, 8))
        return (x + background * rng.normal(size=x.shape)).astype(np.float32)

    real = [features(patches(40)) for _ in range(2)]
    both, off, noise = standardised(
        np.concatenate(real), features(with_noise(patches(40), 0.01)), features(with_noise(patches(40), 0.3))
    )
    assert abs(kid(both[:40], both[40:])) < 0.3
    assert -0.1 < kid(both[:40], off) < kid(both[:40], noise) < 250 and kid(both[:40], noise) > 1
