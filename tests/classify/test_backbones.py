"""Published networks and their heads; all but one on the meta device, which has shapes and no numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_cellsynth.classify import backbones
from napari_cellsynth.classify.backbones import Backbone
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES, classifier_recipe
from napari_cellsynth.classify.recipes_backbones import BackboneRecipe
from napari_cellsynth.classify.run import train_classifier
from napari_cellsynth.classify.state import fresh
from napari_cellsynth.errors import UserError
from tests.classify.examples import stripes

# Parameters as the networks' authors and torchvision, Keras or timm's own tables publish them, with 1000 classes, and
# the features that their last layer sees (of VGG16, the channels of its last convolution).
PUBLISHED = {
    "vgg16": (138_357_544, 512),
    "vgg19": (143_667_240, 4096),
    "resnet50": (25_557_032, 2048),
    "resnet101": (44_549_160, 2048),
    "densenet121": (7_978_856, 1024),
    "inception-v3": (23_834_568, 2048),
    "inception-v4": (42_679_816, 1536),
    "xception": (22_855_952, 2048),
    "nasnet": (88_753_150, 4032),
    "efficientnet": (5_288_548, 1280),
}
NAMED = [name for name, kind in CLASSIFIER_RECIPES.items() if issubclass(kind, BackboneRecipe) and name != "timm"]


def body(name: str) -> int:
    """Parameters below the head: the published ones less the last layer's, and of VGG16 less its 4096 neurons too."""
    total, features = PUBLISHED[name]
    if name == "vgg16":
        return total - (4096 * 1000 + 1000) - (4096 * 4096 + 4096) - (7 * 7 * 512 * 4096 + 4096)
    return total - (features * 1000 + 1000)


def head(name: str, classes: int) -> int:
    features = PUBLISHED[name][1]
    kind = classifier_recipe(name).head
    if kind == "linear":
        return features * classes + classes
    neurons = {"dense-128": 128, "dense-256": 256}[kind]
    norm = 2 * features if kind == "dense-128" else 0
    return norm + features * neurons + neurons + neurons * classes + classes


@pytest.mark.parametrize("name", NAMED)
def test_a_backbone_has_the_published_parameters_and_its_head_those_of_the_paper(name):
    with torch.device("meta"):
        network = classifier_recipe(name).build(3, 4)
        logits = network.eval()(torch.zeros(2, 3, 96, 96))
    assert logits.shape == (2, 4)
    assert sum(p.numel() for p in network.body.parameters()) == body(name)
    assert sum(p.numel() for p in network.head.parameters()) == head(name, 4)
    assert CLASSIFIER_RECIPES[name].parameters == body(name) + head(name, 4)


@pytest.mark.parametrize("name", NAMED)
def test_a_backbone_takes_its_smallest_size_and_8_channels(name):
    kind = CLASSIFIER_RECIPES[name].model_fields["size"]
    least = next(bound.ge for bound in kind.metadata if hasattr(bound, "ge"))
    with torch.device("meta"):
        recipe = classifier_recipe(name, size=least)
        assert recipe.build(8, 5).train()(torch.zeros(4, 8, least, least)).shape == (4, 5)


def test_the_heads_are_the_protein_papers():
    with torch.device("meta"):
        on_inception = classifier_recipe("inception-v4").build(3, 28).head
        on_vgg = classifier_recipe("vgg16").build(3, 5).head
    kinds = [type(layer) for layer in on_inception]
    assert kinds == [nn.Dropout, nn.BatchNorm2d, nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear, nn.ReLU, nn.Linear]
    assert on_inception[0].p == 0.5
    assert [(m.in_features, m.out_features) for m in on_inception if isinstance(m, nn.Linear)] == [
        (1536, 128),
        (128, 28),
    ]
    assert [(m.in_features, m.out_features) for m in on_vgg if isinstance(m, nn.Linear)] == [(512, 256), (256, 5)]


def test_the_protein_papers_training_is_the_default():
    best, five = classifier_recipe("inception-v4"), classifier_recipe("vgg16")
    assert (best.optimiser, best.lr, best.schedule, best.epochs) == ("adam", 5e-4, "exponential", 35)
    assert (best.loss, best.focal_gamma, best.batch, best.doubling, best.greatest_batch) == ("focal", 2, 32, 15, 128)
    assert (five.lr, five.epochs, five.pretrained) == (1e-4, 50, True)
    assert "Mobile" in classifier_recipe("nasnet").source


def small(**overrides):
    """A small network of timm that trains in seconds."""
    how = {"model": "resnet10t", "pretrained": False, "size": 32, "batch": 8, "epochs": 2, "least_steps": 1}
    return classifier_recipe("timm", **{**how, **overrides})


def test_any_network_of_timm_trains_and_predicts(tmp_path):
    patches, labels = stripes(16, 0, size=32, channels=2)
    run = train_classifier(patches, labels, small(), held_out=(patches[:4], labels[:4]), device="cpu", out=tmp_path)
    assert run.result["steps"] == 4 and run.result["scores"]["n"] == 4
    assert all(np.isfinite(parameter.detach().numpy()).all() for parameter in run.model.network.parameters())


def test_a_frozen_body_stays_as_it_is_while_the_head_learns_and_moves_after():
    from napari_cellsynth.classify.networks import of_channels

    recipe = small(frozen_epochs=1)
    network = of_channels([1], Backbone("resnet10t", 1, 2, 32))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=0.1)

    def changed(epoch: int) -> set[str]:
        recipe.to_training_mode(network, epoch)
        optimiser.zero_grad(set_to_none=True)
        network(torch.randn(4, 2, 32, 32, generator=torch.Generator().manual_seed(epoch))).square().sum().backward()
        optimiser.step()
        return {key.split(".")[1] for key, value in network.state_dict().items() if not torch.equal(value, before[key])}

    assert changed(0) == {"head"}
    assert changed(1) == {"head", "body"}


def test_frozen_epochs_are_those_of_the_training(tmp_path):
    patches, labels = stripes(16, 0, size=32)
    for frozen, moved in ((2, False), (1, True)):
        run = train_classifier(patches, labels, small(frozen_epochs=frozen), device="cpu", out=tmp_path / str(frozen))
        first = fresh(small(), 1, 2, 0, torch.device("cpu")).network.body.state_dict()
        last = run.model.network.body.state_dict()
        assert any(not torch.equal(first[key], last[key]) for key in first) is moved


def test_published_weights_that_cannot_be_fetched_stop_the_training_in_one_line(tmp_path, monkeypatch):
    def cut_off(*_args, **_how):
        raise OSError("no route to host")

    monkeypatch.setattr(backbones, "_reachable", lambda _address: False)
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", cut_off)
    patches, labels = stripes(16, 0, size=32)
    with pytest.raises(UserError) as caught:
        train_classifier(patches, labels, small(pretrained=True), device="cpu", out=tmp_path)
    assert "resnet10t could not be fetched (no route to host)" in str(caught.value)
    assert "pretrained=false" in str(caught.value) and "\n" not in str(caught.value)


@pytest.fixture
def cut_off_hub(tmp_path, monkeypatch):
    """No connection, and a cache of the hub's client in which there is nothing yet."""

    def cut_off(*_args, **_how):
        raise OSError("no route to host")

    monkeypatch.setattr(backbones, "_reachable", lambda _address: False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", cut_off)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


@pytest.mark.parametrize("name", [*NAMED, "timm"])
def test_every_published_network_says_in_one_line_that_its_weights_are_out_of_reach(cut_off_hub, name):
    with torch.device("meta"):
        network = classifier_recipe(name).build(3, 4)
        with pytest.raises(UserError, match=f"weights of {network._model} could not be fetched") as caught:
            network.load_published()
    assert "pretrained=false" in caught.value.hint and "\n" not in str(caught.value)


def test_weights_on_this_machine_are_taken_without_a_connection_and_fit_other_channels(cut_off_hub):
    import timm
    from safetensors.torch import save_file

    made = {key: value.contiguous() for key, value in timm.create_model("efficientnet_b0").state_dict().items()}
    # As the hub's client lays out what it has fetched.
    kept = cut_off_hub / "models--timm--efficientnet_b0.ra_in1k"
    (kept / "refs").mkdir(parents=True)
    (kept / "snapshots" / "0").mkdir(parents=True)
    (kept / "refs" / "main").write_text("0")
    save_file(made, kept / "snapshots" / "0" / "model.safetensors")
    recipe = classifier_recipe("efficientnet", size=32)
    taken = fresh(recipe, 3, 2, 0, torch.device("cpu")).network.body.state_dict()
    assert all(torch.equal(value, made[key]) for key, value in taken.items())
    grey = fresh(recipe, 1, 2, 0, torch.device("cpu")).network.body.state_dict()
    assert torch.allclose(grey["conv_stem.weight"], made["conv_stem.weight"].sum(dim=1, keepdim=True), atol=1e-6)


def test_published_weights_fill_the_body_once_and_a_trained_classifier_needs_none(tmp_path, monkeypatch):
    made = backbones._body
    asked = []

    def published_body(model, channels, size, *, published, maps):
        asked.append(published)
        made_body = made(model, channels, size, published=False, maps=maps)
        for parameter in made_body.parameters():
            nn.init.constant_(parameter, 0.25 if published else 0.5)
        return made_body

    monkeypatch.setattr(backbones, "_body", published_body)
    monkeypatch.setattr(backbones, "_reachable", lambda _address: True)
    state = fresh(small(pretrained=True), 3, 2, 0, torch.device("cpu"))
    assert all(torch.all(parameter == 0.25) for parameter in state.network.body.parameters())
    asked.clear()
    small(pretrained=True).build(3, 2)  # as a trained classifier is read back
    fresh(small(pretrained=True), 3, 2, 0, torch.device("cpu"), start=False)  # as a checkpoint is taken up
    assert asked == [False, False]


def test_the_published_range_of_colours_is_given_to_the_body():
    network = Backbone("resnet10t", 3, 2, 32).eval()
    seen = []
    network.body.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    network(torch.ones(1, 3, 32, 32))
    # ImageNet's mean and spread of colours in [0, 1]; the patches' 1 is its 1.
    expected = [(1 - mean) / std for mean, std in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)]
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"model": "resnet5"}, "timm has no network 'resnet5'. Near to it: resnet50"),
        ({"model": "resnet50.nothing"}, "Invalid pretrained tag"),
        ({"model": "inception_v3"}, "inception_v3 with this head cannot look at 32-px patches"),
        ({"model": "vit_tiny_patch16_224", "head": "dense-128"}, "Choose a larger size, or another network or head"),
        ({"model": "resnet50t", "pretrained": True}, "timm has no published weights of resnet50t"),
    ],
)
def test_what_timm_cannot_do_is_said_in_words(overrides, words, monkeypatch):
    monkeypatch.setattr(backbones, "_reachable", lambda _address: False)
    with pytest.raises(UserError) as caught:
        fresh(small(**overrides), 3, 2, 0, torch.device("cpu"))
    assert words in str(caught.value)
