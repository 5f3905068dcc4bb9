from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_cellsynth.classify.explain import METHODS, explain, feature_maps, kernels
from napari_cellsynth.classify.networks import FastNet, Hescnet
from napari_cellsynth.errors import UserError


def noise(seed: int = 0, channels: int = 1, side: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (channels, side, side)).astype(np.float32)


def network(kind: type[nn.Module] = FastNet, channels: int = 1) -> nn.Module:
    torch.manual_seed(0)
    return kind(channels, 3, 32, 0.125).eval()


class LeftHalf(nn.Module):
    """Lets the left half of a patch through."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.zeros_like(x)
        mask[..., : x.shape[-1] // 2] = 1
        return x * mask


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [FastNet, Hescnet])
def test_every_method_works_on_networks_that_work_in_place_and_leaves_them_as_they_were(kind, method):
    model, patch = network(kind, channels=2), noise(channels=2)
    with torch.no_grad():
        before = model(torch.from_numpy(patch)[None])
    first = explain(model, patch, method)
    assert first.shape == ((2, 32, 32) if method in ("deconvolution", "guided-backprop") else (32, 32))
    assert np.abs(first).max() > 0 and np.isfinite(first).all()
    assert np.abs(first - explain(model, noise(1, channels=2), method)).max() > 0
    with torch.no_grad():
        assert torch.equal(model(torch.from_numpy(patch)[None]), before)
    assert any(getattr(module, "inplace", False) for module in model.modules())


@pytest.mark.parametrize("method", METHODS)
def test_a_network_of_zeros_has_nothing_to_explain(method):
    model = network()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    assert np.abs(explain(model, noise(), method)).max() == 0


def test_deconvolution_and_guided_backprop_equal_their_definitions_on_two_layers():
    first, last = nn.Linear(4, 6), nn.Linear(6, 2)
    torch.manual_seed(3)
    model = nn.Sequential(nn.Flatten(), first, nn.ReLU(inplace=True), last)
    patch = noise(side=2)
    hidden = first(torch.from_numpy(patch).flatten()).detach()
    back = last.weight[1].detach()
    deconvolved = torch.relu(back) @ first.weight.detach()
    guided = (torch.relu(back) * (hidden > 0)) @ first.weight.detach()
    np.testing.assert_allclose(explain(model, patch, "deconvolution", 1).ravel(), deconvolved, atol=1e-6)
    np.testing.assert_allclose(explain(model, patch, "guided-backprop", 1).ravel(), guided, atol=1e-6)


def test_other_activations_are_rectified_too():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.LeakyReLU(0.1), nn.Linear(6, 2))
    back = model[3].weight[0].detach()
    expected = torch.relu(back) @ model[1].weight.detach()
    np.testing.assert_allclose(explain(model, noise(side=2), "deconvolution", 0).ravel(), expected, atol=1e-6)


def test_grad_cam_lights_the_half_that_the_network_looks_at():
    model = nn.Sequential(
        LeftHalf(),
        nn.Conv2d(1, 2, 3, padding=1, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(4),
        nn.Flatten(),
        nn.Linear(128, 2),
    )
    nn.init.constant_(model[1].weight, 0.1)
    nn.init.constant_(model[5].weight, 0.1)
    lit = explain(model, np.ones((1, 32, 32), np.float32), "grad-cam", 0)
    assert lit[:, :15].min() > 0
    assert np.abs(lit[:, 18:]).max() == 0  # one pixel of the kernel and one of the enlargement beyond the middle


def test_occlusion_of_a_linear_network_is_the_sum_over_each_square():
    model = nn.Sequential(nn.Flatten(), nn.Linear(256, 2))
    patch = noise(side=16)
    weights = model[1].weight[1].detach().numpy().reshape(16, 16)
    effect = (weights * (patch[0] - patch[0].mean())).reshape(8, 2, 8, 2).sum(axis=(1, 3))
    expected = np.kron(effect, np.ones((2, 2)))
    np.testing.assert_allclose(explain(model, patch, "occlusion", 1), expected, atol=1e-5)


def test_kernels_and_feature_maps_are_those_of_the_convolutions_in_order():
    model, patch = network(), noise()
    np.testing.assert_array_equal(kernels(model), model.features[0].weight.detach().numpy())
    maps = feature_maps(model, patch)
    assert [each.maps.shape[1] for each in maps] == [32, 16, 8, 4]
    with torch.no_grad():
        first = model.features[0](torch.from_numpy(patch)[None])[0].numpy()
    np.testing.assert_allclose(maps[0].maps, first, atol=1e-6)


def test_what_cannot_be_explained_is_refused_in_one_line():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(1024, 2))
    for wrong in (lambda: explain(linear, noise(), "grad-cam"), lambda: kernels(linear)):
        with pytest.raises(UserError, match="no convolution"):
            wrong()
    with pytest.raises(UserError, match="no explanation"):
        explain(network(), noise(), "tea-leaves")
    with pytest.raises(UserError, match="no class 7"):
        explain(network(), noise(), "grad-cam", 7)
