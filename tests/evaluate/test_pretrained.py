"""Inception and LPIPS with weights that the test makes, and without any."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.inception import Inception
from napari_cellsynth.evaluate.perceptual import lpips_each
from napari_cellsynth.evaluate.pretrained import ALEXNET, INCEPTION, local_weights
from napari_cellsynth.evaluate.quality import features, lpips
from napari_cellsynth.evaluate.quality_table import quality_table
from tests.evaluate.examples import blobs, with_noise


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """torch's cache, empty."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory):
    """A file of AlexNet weights; random ones will do to compare with torchmetrics."""
    from torchvision.models import alexnet as built

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / ALEXNET
    torch.save(built().state_dict(), path)
    return path


@pytest.fixture(scope="module")
def inception(tmp_path_factory):
    from torchvision.models import inception_v3

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / INCEPTION
    torch.save(inception_v3(init_weights=False, aux_logits=True).state_dict(), path)
    return path


def test_inception_describes_a_patch_by_2048_features_whatever_its_channels(inception):
    network = Inception(inception)
    grey = blobs(2, 0)
    found = features(grey, network)
    assert found.shape == (2, 2048) and np.isfinite(found).all()
    # Each of two equal channels tells what one tells, and so do three as colours.
    np.testing.assert_allclose(features(np.repeat(grey, 2, axis=1), network), found, atol=1e-4)
    np.testing.assert_allclose(features(np.repeat(grey, 3, axis=1), network), found, atol=1e-4)


def test_inception_is_found_in_torchs_cache(inception, cache):
    assert local_weights(INCEPTION) is None
    (cache / INCEPTION).write_bytes(inception.read_bytes())
    assert local_weights(INCEPTION) == cache / INCEPTION
    assert Inception()(blobs(1, 0)).shape == (1, 2048)


def test_without_weights_one_line_says_where_they_are_looked_for(cache):
    with pytest.raises(UserError, match=r"Inception is not available: weights absent \(inception_v3_google"):
        Inception()
    with pytest.raises(UserError, match="LPIPS is not available: weights absent"):
        lpips(blobs(1, 0), blobs(1, 1))


def test_a_file_of_other_weights_is_refused_and_nothing_is_unpickled(tmp_path, alexnet):
    with pytest.raises(UserError, match="does not hold the weights of Inception3"):
        Inception(alexnet)
    (tmp_path / "bad.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match="does not hold the weights"):
        lpips(blobs(1, 0), blobs(1, 1), weights=tmp_path / "bad.pth")


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_lpips_agrees_with_torchmetrics(channels, alexnet, cache):
    from torchmetrics.functional.image import learned_perceptual_image_patch_similarity

    (cache / ALEXNET).write_bytes(alexnet.read_bytes())
    x, y = blobs(3, 1, channels, 64), with_noise(blobs(3, 2, channels, 64), 0.05)
    planes = [slice(None)] if channels == 3 else [slice(c, c + 1) for c in range(channels)]
    theirs = [
        learned_perceptual_image_patch_similarity(
            *(torch.from_numpy(each[:, c]).expand(-1, 3, -1, -1).contiguous() for each in (x, y)), net_type="alex"
        )
        for c in planes
    ]
    assert lpips(x, y) == pytest.approx(float(np.mean(theirs)), rel=1e-3, abs=1e-6)
    assert lpips(x, y, weights=alexnet) == lpips(x, y)


def test_lpips_of_equal_patches_is_zero_and_grows_with_their_difference(alexnet):
    x = blobs(2, 3, size=48)
    assert lpips(x, x, weights=alexnet) == 0
    near, far = (lpips_each(x, with_noise(x, share), weights=alexnet) for share in (0.01, 0.2))
    assert np.all(near < far)
    with pytest.raises(UserError, match="at least 32"):
        lpips(x[..., :16, :16], x[..., :16, :16], weights=alexnet)


def test_the_table_holds_lpips_where_the_weights_are_and_else_says_why_not(alexnet, cache):
    sets = (blobs(20, 1), blobs(12, 2), blobs(12, 3))
    without = quality_table(*sets)
    assert "lpips" not in without and without["missing"]["lpips"].startswith("not available: weights absent")
    (cache / ALEXNET).write_bytes(alexnet.read_bytes())
    table = quality_table(*sets)
    assert table["lpips"] > 0 and table["floor"]["lpips"] > 0 and "lpips" not in table["missing"]
