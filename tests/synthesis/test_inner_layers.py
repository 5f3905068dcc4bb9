"""The matrix-product layers against torch's own, values and gradients, in float64-checked float32."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_cellsynth.synthesis.inner_layers import DoublingLayer, HalvingLayer, NoiseLayer


@pytest.mark.parametrize(
    ("ours", "plain", "shape"),
    [
        (HalvingLayer(6, 5), nn.Conv2d(6, 5, 4, 2, 1, bias=False), (3, 6, 8, 8)),
        (HalvingLayer(2, 3), nn.Conv2d(2, 3, 4, 2, 1, bias=False), (2, 2, 4, 10)),
        (DoublingLayer(6, 5), nn.ConvTranspose2d(6, 5, 4, 2, 1, bias=False), (3, 6, 4, 4)),
        (DoublingLayer(2, 3), nn.ConvTranspose2d(2, 3, 4, 2, 1, bias=False), (2, 2, 3, 5)),
        (NoiseLayer(7, 5), nn.ConvTranspose2d(7, 5, 4, 1, 0, bias=False), (3, 7, 1, 1)),
    ],
)
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_values_and_both_gradients_equal_torchs(
    ours: nn.Module, plain: nn.Module, shape: tuple[int, ...], memory: torch.memory_format
) -> None:
    ours.to(memory_format=memory)
    plain = plain.double()
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=memory)
    one, other = x.clone().requires_grad_(), x.double().requires_grad_()
    result, expected = ours(one), plain(other)
    torch.testing.assert_close(result.double(), expected, rtol=1e-5, atol=1e-6)
    slope = torch.randn(result.shape, generator=torch.Generator().manual_seed(1))
    mine = torch.autograd.grad(result, (one, ours.weight), slope)
    theirs = torch.autograd.grad(expected, (other, plain.weight), slope.double())
    for gradient, reference in zip(mine, theirs, strict=True):
        torch.testing.assert_close(gradient.double(), reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("layer", "side"), [(HalvingLayer(4, 3), 8), (DoublingLayer(4, 3), 4)])
def test_a_frozen_layer_still_passes_the_gradient_to_its_input(layer: nn.Module, side: int) -> None:
    x = torch.randn(2, 4, side, side, requires_grad=True)
    whole = torch.autograd.grad(layer(x).square().sum(), x)[0]
    layer.requires_grad_(False)
    torch.testing.assert_close(torch.autograd.grad(layer(x).square().sum(), x)[0], whole)
    assert layer.weight.grad is None


def test_under_autocast_and_in_other_dtypes_torchs_own_kernels_are_used() -> None:
    layer = HalvingLayer(4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.randn(2, 4, 8, 8)).dtype == torch.bfloat16
    assert layer.double()(torch.randn(2, 4, 8, 8, dtype=torch.float64)).dtype == torch.float64
