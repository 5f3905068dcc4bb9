"""The papers' own networks, against layer tables and parameter counts by hand arithmetic."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_cellsynth.classify.networks import SEQUENTIAL
from napari_cellsynth.classify.recipes import classifier_recipe, parameter_count
from napari_cellsynth.errors import UserError


def convolution(before: int, after: int, side: int = 3) -> int:
    return side * side * before * after + after


def dense(before: int, after: int) -> int:
    return before * after + after


FIRST, FURTHER = convolution(1, 32), convolution(32, 32)
LIPNETS = {  # S4, section 7: 28×28 halves to 14 and 7, 32×32 to 16, 8 and 4; one channel, three classes
    "lipnet-1": FIRST + dense(14 * 14 * 32, 128) + dense(128, 3),
    "lipnet-2": FIRST + FURTHER + dense(7 * 7 * 32, 128) + dense(128, 3),
    "lipnet-4": FIRST + 3 * FURTHER + dense(7 * 7 * 32, 3),
    "lipnet-4c": FIRST + 5 * FURTHER + convolution(32, 3, 1),
    "lipnet-6": FIRST + 5 * FURTHER + dense(4 * 4 * 32, 3),
}


@pytest.mark.parametrize("name", LIPNETS)
def test_a_lipnet_has_the_parameters_of_its_layers(name):
    assert parameter_count(classifier_recipe(name), channels=1, classes=3) == LIPNETS[name]


def kinds(name: str, channels: int = 1, classes: int = 3) -> list[str]:
    """The layers of a network in order, without dropout and flattening."""
    with torch.device("meta"):
        network = classifier_recipe(name).build(channels, classes)
    letters = {nn.Conv2d: "c", nn.ReLU: "r", nn.MaxPool2d: "p", nn.Linear: "d", nn.BatchNorm2d: "b", nn.LeakyReLU: "l"}
    return "".join(letters.get(type(module), "") for module in network.modules())


def test_the_layers_come_in_the_papers_orders():
    assert kinds("lipnet-1") == "crp" + "drd"
    assert kinds("lipnet-2") == "crpcrp" + "drd"
    assert kinds("lipnet-4") == "crcrp" * 2 + "d"
    assert kinds("lipnet-4c") == "crcrcr" * 2 + "c"
    assert kinds("lipnet-6") == "crcrp" * 3 + "d"
    assert kinds("cellcycle") == "crpcrp" + "drdrd"
    assert kinds("sequential") == "cbpl" * 4 + "d"  # pooling before LeakyReLU gives the same numbers


def test_lipnet_4c_halves_by_strides_to_class_maps_of_7_by_7():
    network = classifier_recipe("lipnet-4c").build(1, 3).eval()
    maps = network.head[0](network.features(torch.zeros(1, 1, 28, 28)))
    assert maps.shape == (1, 3, 7, 7)
    strides = [m.stride[0] for m in network.features if isinstance(m, nn.Conv2d)]
    assert strides == [1, 1, 2] * 2
    torch.testing.assert_close(network(torch.zeros(1, 1, 28, 28)), maps.mean(dim=(2, 3)))


def test_the_cell_cycle_network_has_the_parameters_and_places_of_its_layers():
    """S3: 66 → 57 → 28 → 24 → 12 with convolutions of 10 and 5 without padding and pools of 2."""
    by_hand = convolution(1, 64, 10) + convolution(64, 32, 5) + dense(12 * 12 * 32, 32) + dense(32, 16) + dense(16, 7)
    assert by_hand == 205_831
    assert parameter_count(classifier_recipe("cellcycle"), channels=1, classes=7) == by_hand
    network = classifier_recipe("cellcycle").build(1, 7)
    assert network.features(torch.zeros(1, 1, 66, 66)).shape == (1, 32, 12, 12)


def test_the_sequential_network_has_the_parameters_of_its_layers():
    blocks = zip((3, *SEQUENTIAL), SEQUENTIAL, strict=False)
    by_hand = sum(9 * before * after + 2 * after for before, after in blocks) + dense(8 * 8 * 256, 12)
    assert parameter_count(classifier_recipe("sequential"), channels=3, classes=12) == by_hand


@pytest.mark.parametrize("name", [*LIPNETS, "cellcycle", "sequential"])
@pytest.mark.parametrize(("channels", "size"), [(1, 24), (8, 45)])
def test_they_take_one_to_eight_channels_and_sizes_that_are_no_power_of_two(name, channels, size):
    network = classifier_recipe(name, size=size, width=0.1).build(channels, 5).eval()
    assert network(torch.zeros(2, channels, size, size)).shape == (2, 5)


def test_the_papers_hyperparameters_are_the_defaults():
    cycle = classifier_recipe("cellcycle")
    assert (cycle.optimiser, cycle.lr, cycle.momentum, cycle.batch, cycle.size) == ("adam", 1e-4, 0.9, 32, 66)
    sequential = classifier_recipe("sequential")
    assert (sequential.epochs, sequential.epoch_steps, sequential.size) == (50, 256, 128)
    for name, size in (("lipnet-4", 28), ("lipnet-6", 32)):
        lipnet = classifier_recipe(name)
        assert (lipnet.size, lipnet.batch, lipnet.fit) == (size, 32, "whole") and lipnet.label_smoothing > 0
        assert lipnet.balance == "oversample"


def test_a_choice_of_channels_is_all_that_the_network_sees():
    recipe = classifier_recipe("lipnet-4", channels="2, 0", size=24)
    network = recipe.build(3, 4).eval()
    x = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    unseen, seen = x.clone(), x.clone()
    unseen[:, 1] += 1
    seen[:, 2] += 1
    assert torch.equal(network(x), network(unseen)) and not torch.equal(network(x), network(seen))
    first = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    assert first.in_channels == 2


def test_a_channel_that_is_not_there_is_refused_in_words():
    with pytest.raises(UserError, match="looks at channel 3, but the images have channels 0 to 1"):
        classifier_recipe("lipnet-4", channels="0,3").build(2, 3)
    with pytest.raises(UserError, match="does not suit"):
        classifier_recipe("lipnet-4", channels="red")


def test_sizes_too_small_for_a_network_are_refused_in_words():
    for name, size in (("cellcycle", 20), ("lipnet-4", 4), ("inception-v3", 64), ("hescnet", 24)):
        with pytest.raises(UserError, match="greater than or equal"):
            classifier_recipe(name, size=size)
