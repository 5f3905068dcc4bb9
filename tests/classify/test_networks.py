from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_cellsynth.classify.networks import BlockNet, Hescnet
from napari_cellsynth.classify.recipes import classifier_recipe, parameter_count

# S0, Table 2: (in, out) of every 3×3 convolution and linear layer; batch norm has 2 parameters a channel.
CONVOLUTIONS = (
    [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256)] + [(256, 256)] * 3 + [(256, 512)] + [(512, 512)] * 3
)
LINEAR = [(512 * 4 * 4, 4096), (4096, 4096), (4096, 4)]


def test_hescnet_has_the_parameters_of_table_2():
    by_hand = sum(9 * a * b + b + 2 * b for a, b in CONVOLUTIONS) + sum(a * b + b for a, b in LINEAR)
    assert by_hand == 60_948_292
    assert parameter_count(classifier_recipe("hescnet"), channels=3, classes=4) == by_hand


def test_hescnet_has_the_layers_of_table_2_in_order():
    with torch.device("meta"):
        network = Hescnet(3, 4)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert [(m.in_channels, m.out_channels) for m in convolutions] == CONVOLUTIONS
    assert all(m.kernel_size == (3, 3) and m.stride == (1, 1) and m.padding == (1, 1) for m in convolutions)
    assert [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, nn.Linear)] == LINEAR
    pools = [
        i
        for i, m in enumerate(m for m in network.features if not isinstance(m, nn.BatchNorm2d | nn.ReLU))
        if isinstance(m, nn.MaxPool2d)
    ]
    assert pools == [2, 5, 10, 15]
    kinds = [type(m) for m in network.features]
    assert all(kinds[i + 1 : i + 3] == [nn.BatchNorm2d, nn.ReLU] for i, k in enumerate(kinds) if k is nn.Conv2d)
    head = [type(m) for m in network.head]
    assert head == [nn.Flatten, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]


@pytest.mark.parametrize(("name", "size"), [("fast", 16), ("fast", 48), ("hescnet", 32), ("hescnet", 64)])
@pytest.mark.parametrize("channels", [1, 4])
def test_networks_take_any_channels_and_sizes(name, size, channels):
    recipe = classifier_recipe(name, size=size, width=0.05)
    network = recipe.build(channels, 7).eval()
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 7)


def test_pooling_before_leaky_relu_gives_the_published_orders_numbers():
    network = BlockNet(2, 3, size=32, width=0.2).eval()
    x = torch.randn(4, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    published = x
    layers = list(network.features)
    for i in range(0, len(layers), 4):
        convolution, norm, pool, activation = layers[i : i + 4]
        published = pool(activation(norm(convolution(published))))
    assert torch.equal(network.features(x), published)


def test_the_width_factor_scales_the_channels():
    assert parameter_count(classifier_recipe("fast", width=2.0)) > 3 * parameter_count(classifier_recipe("fast"))
