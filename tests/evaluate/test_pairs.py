from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure
from torchmetrics.regression import MeanAbsoluteError, MeanSquaredError

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.pairs import pair_figures
from napari_cellsynth.evaluate.quality import l1, l2, psnr, ssim
from tests.evaluate.examples import blobs, with_noise


def test_equal_patches_are_as_alike_as_can_be():
    x = blobs(3, 0)
    assert ssim(x, x) == pytest.approx(1)
    assert psnr(x, x) == np.inf
    assert l1(x, x) == l2(x, x) == 0


def test_the_signal_to_noise_ratio_of_a_known_error_has_its_closed_form():
    x = np.zeros((2, 1, 16, 16), np.float32)
    # The range is 2, so an error of 0.2 is 10 log10(4 / 0.04) = 20 dB, whatever the patches' own range.
    assert psnr(x, x + 0.2) == pytest.approx(20, abs=1e-3)
    assert l1(x, x + 0.2) == pytest.approx(0.2, abs=1e-6)
    assert l2(x, x - 0.2) == pytest.approx(0.04, abs=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_figures_agree_with_torchmetrics(channels):
    x, y = blobs(5, 1, channels), blobs(5, 2, channels)
    a, b = torch.from_numpy(y), torch.from_numpy(x)
    assert ssim(x, y) == pytest.approx(float(StructuralSimilarityIndexMeasure(data_range=2.0)(a, b)), abs=1e-3)
    theirs = PeakSignalNoiseRatio(data_range=2.0, reduction="elementwise_mean", dim=(1, 2, 3))
    assert psnr(x, y) == pytest.approx(float(theirs(a, b)), abs=1e-3)
    assert l1(x, y) == pytest.approx(float(MeanAbsoluteError()(a, b)), abs=1e-3)
    assert l2(x, y) == pytest.approx(float(MeanSquaredError()(a, b)), abs=1e-3)


def test_structural_similarity_agrees_with_another_library():
    x = blobs(1, 3, size=64)
    y = with_noise(x, 0.05)
    _, everywhere = structural_similarity(
        x[0, 0], y[0, 0], data_range=2.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    # Only beyond the border do the two continue a patch in different ways.
    assert ssim(x, y) == pytest.approx(everywhere.mean(), abs=0.005)


def test_each_pair_has_its_figures_and_the_infinite_ratio_is_cut():
    x = blobs(3, 4)
    y = x.copy()
    y[1:] = with_noise(x[1:], 0.02)
    found = pair_figures(x, y)
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(("psnr", "ssim", "l1", "l2"), 3)
    assert found["psnr"][0] == 100 and found["psnr"][1:].max() < 40
    assert "ssim" not in pair_figures(x[..., :8, :8], y[..., :8, :8])


def test_patches_that_are_no_pairs_are_refused():
    with pytest.raises(UserError, match="two sets"):
        psnr(blobs(3, 0), blobs(2, 0))
    with pytest.raises(UserError, match="no pairs"):
        l1(blobs(0, 0), blobs(0, 0))
    with pytest.raises(UserError, match="at least 11"):
        ssim(blobs(1, 0, size=8), blobs(1, 0, size=8))
