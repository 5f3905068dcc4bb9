"""Recipes of published networks: those that the protein and bone-marrow papers compare, and any other of timm."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.classify.balance import Balance
from napari_cellsynth.classify.recipe_base import Loss, NetworkRecipe, Optimiser, Schedule

if TYPE_CHECKING:
    from torch import nn

    from napari_cellsynth.classify.backbones import Backbone

Head = Literal["linear", "dense-128", "dense-256"]
_HEAD = (
    "linear: the network's own features, dropout, a linear layer; dense-128, dense-256: the protein paper's heads "
    "on InceptionV4 and VGG16"
)


class BackboneRecipe(NetworkRecipe):
    """What the recipes of published networks share.

    ``pretrained`` weights are ImageNet's, by timm; they are fetched from the internet when they are not on this
    machine yet, and where they cannot be fetched the training does not start (it never takes random ones unasked).
    For other than 3 channels the first layer's weights are spread over the channels.
    """

    family: ClassVar[str] = "classifiers: published networks (timm)"
    pretrained: bool = Field(True, description="start from published weights, fetched once; otherwise random ones")
    frozen_epochs: int = Field(0, ge=0, description="epochs at the start in which the head learns alone")
    head: Head = Field("linear", description=_HEAD)

    timm_name: ClassVar[str]

    def network(self, channels: int, classes: int) -> nn.Module:
        """Return the network with random weights."""
        from napari_cellsynth.classify.backbones import Backbone

        return Backbone(self.model_of_timm(), channels, classes, self.size, self.head, self.dropout)

    def model_of_timm(self) -> str:
        """Return timm's name of the network."""
        return self.timm_name

    def start(self, network: nn.Module, channels: int) -> None:
        """Fill in the published weights, after a look at whether the network can see patches of the size."""
        for backbone in _backbones(network):
            backbone.check_size()
            if self.pretrained:
                backbone.load_published()

    def to_training_mode(self, network: nn.Module, epoch: int) -> None:
        """Set the network to training; in the first ``frozen_epochs`` the head alone."""
        network.train()
        for backbone in _backbones(network):
            backbone.freeze_body(epoch < self.frozen_epochs)


class ProteinRecipe(BackboneRecipe):
    """The protein paper's training of 28 classes (S1, sections 3.3 and 3.4).

    Focal loss (γ 2, α 1), Adam at 5e-4 falling as exp(-0.01 · epoch), batches of 32 that double every 15 epochs up to
    128, 35 epochs; the head is that of its InceptionV4. The paper keeps three checkpoints (least validation loss, best
    macro F1, best micro F1): ``keep`` chooses one. Of its two sizes, 256 and 512 px, this is the smaller.
    """

    size: int = Field(256, ge=32, le=512, description="side of the network's input, px")
    head: Head = Field("dense-128", description=_HEAD)
    batch: int = Field(32, ge=2, le=4096, description="patches a step")
    doubling: int = Field(15, ge=0)
    epochs: int = Field(35, ge=1, le=10_000, description="passes over the real crops")
    optimiser: Optimiser = "adam"
    lr: float = Field(5e-4, gt=0, le=1, description="learning rate of the first epoch")
    schedule: Schedule = "exponential"
    weight_decay: float = Field(0.0, ge=0, le=1)
    loss: Loss = "focal"
    balance: Balance = "none"


class Vgg16Recipe(ProteinRecipe):
    """VGG16 as S1 trains it on five classes (section 3.5.2): 256 neurons on the convolutions, lr 1e-4, 50 epochs."""

    name: Literal["vgg16"] = "vgg16"
    purpose: ClassVar[str] = "protein images of five classes as in the paper; for a GPU"
    source: str = "S1: VGG16 and its head, section 3.5.2; averaging the maps before the head is ours"
    head: Head = Field("dense-256", description=_HEAD)
    dropout: float = Field(0.0, ge=0, lt=1)
    epochs: int = Field(50, ge=1, le=10_000, description="passes over the real crops")
    lr: float = Field(1e-4, gt=0, le=1, description="learning rate of the first epoch")
    timm_name: ClassVar[str] = "vgg16"
    parameters: ClassVar[int] = 14_847_044


class ResNet50Recipe(ProteinRecipe):
    """ResNet50 (S1, Tables 1 and 2; S2, Table 8)."""

    name: Literal["resnet50"] = "resnet50"
    purpose: ClassVar[str] = "protein images; the usual published network; for a GPU"
    source: str = "S1: ResNet50, section 3.3, with the head of its InceptionV4; also compared in S2"
    timm_name: ClassVar[str] = "resnet50"
    parameters: ClassVar[int] = 23_774_916


class ResNet101Recipe(ProteinRecipe):
    """ResNet101 (S1, Table 1)."""

    name: Literal["resnet101"] = "resnet101"
    purpose: ClassVar[str] = "protein images; a deeper ResNet; for a GPU"
    source: str = "S1: ResNet101, section 3.3, with the head of its InceptionV4"
    timm_name: ClassVar[str] = "resnet101"
    parameters: ClassVar[int] = 42_767_044


class DenseNet121Recipe(ProteinRecipe):
    """DenseNet121 (S1, Table 1)."""

    name: Literal["densenet121"] = "densenet121"
    purpose: ClassVar[str] = "protein images; few parameters; for a GPU"
    source: str = "S1: DenseNet121, section 3.3, with the head of its InceptionV4"
    timm_name: ClassVar[str] = "densenet121"
    parameters: ClassVar[int] = 7_087_620


class InceptionV3Recipe(ProteinRecipe):
    """InceptionV3 (S1, Table 1; S2, Table 8)."""

    name: Literal["inception-v3"] = "inception-v3"
    purpose: ClassVar[str] = "protein images; for a GPU"
    source: str = "S1: InceptionV3, section 3.3, with the head of its InceptionV4; also compared in S2"
    size: int = Field(256, ge=75, le=512, description="side of the network's input, px")
    timm_name: ClassVar[str] = "inception_v3"
    parameters: ClassVar[int] = 22_052_452


class InceptionV4Recipe(ProteinRecipe):
    """InceptionV4, S1's best on 28 classes (section 3.3.2)."""

    name: Literal["inception-v4"] = "inception-v4"
    purpose: ClassVar[str] = "protein images; the paper's best on 28 classes; for a GPU"
    source: str = "S1: InceptionV4 and its head, section 3.3.2"
    size: int = Field(256, ge=75, le=512, description="side of the network's input, px")
    timm_name: ClassVar[str] = "inception_v4"
    parameters: ClassVar[int] = 41_343_140


class XceptionRecipe(ProteinRecipe):
    """Xception as published in 2017, timm's ``legacy_xception`` (S1, Table 1; S2, Table 8)."""

    name: Literal["xception"] = "xception"
    purpose: ClassVar[str] = "protein images; for a GPU"
    source: str = (
        "S1: Xception (2017, timm's legacy_xception), section 3.3, with the head of its InceptionV4; also in S2"
    )
    timm_name: ClassVar[str] = "legacy_xception"
    parameters: ClassVar[int] = 21_073_836


class NasNetRecipe(ProteinRecipe):
    """NASNet-A Large; the paper has NASNet Mobile, which timm does not offer (S1, Tables 1 and 2)."""

    name: Literal["nasnet"] = "nasnet"
    purpose: ClassVar[str] = "protein images; the slowest of all; for a GPU"
    source: str = "S1: NASNet, section 3.3; NASNet-A Large, since timm has no NASNet Mobile; head of its InceptionV4"
    timm_name: ClassVar[str] = "nasnetalarge"
    parameters: ClassVar[int] = 85_244_954


class BoneMarrowRecipe(BackboneRecipe):
    """How the bone-marrow paper's published networks are trained here: it tells nothing but their names (S2, 3.2)."""

    size: int = Field(128, ge=32, le=512, description="side of the network's input, px")
    batch: int = Field(32, ge=2, le=4096, description="patches a step")
    epochs: int = Field(50, ge=1, le=10_000, description="passes over the real crops")
    optimiser: Optimiser = "adam"
    lr: float = Field(1e-4, gt=0, le=1)
    schedule: Schedule = "constant"
    weight_decay: float = Field(0.0, ge=0, le=1)
    balance: Balance = "none"


class Vgg19Recipe(BoneMarrowRecipe):
    """VGG19 (S2, Table 8), with its two layers of 4096 neurons."""

    name: Literal["vgg19"] = "vgg19"
    purpose: ClassVar[str] = "the largest of the bone-marrow comparison; for a GPU"
    source: str = "S2: VGG19, section 3.2; the training is ours, it gives none"
    timm_name: ClassVar[str] = "vgg19"
    parameters: ClassVar[int] = 139_586_628


class EfficientNetRecipe(BoneMarrowRecipe):
    """EfficientNet-B0 (S2, Table 8); the paper does not say which of the family."""

    name: Literal["efficientnet"] = "efficientnet"
    purpose: ClassVar[str] = "the lightest published network; patient CPUs, too"
    source: str = "S2: EfficientNet (B0), section 3.2; the training is ours, it gives none"
    dropout: float = Field(0.2, ge=0, lt=1)
    timm_name: ClassVar[str] = "efficientnet_b0"
    parameters: ClassVar[int] = 4_012_672


class TimmRecipe(BackboneRecipe):
    """Any network of timm by its name, trained like `fast` with a lower learning rate."""

    name: Literal["timm"] = "timm"
    purpose: ClassVar[str] = "any other published network, by its name in timm"
    source: str = "ours: any network of timm by name (`model`), AdamW with one cosine cycle"
    model: str = Field("resnet18", min_length=1, description="timm's name of the network, such as convnext_tiny")
    size: int = Field(64, ge=16, le=512, description="side of the network's input, px")
    batch: int = Field(32, ge=2, le=4096, description="patches a step")
    epochs: int = Field(40, ge=1, le=10_000, description="passes over the real crops")
    least_steps: int = Field(300, ge=1)
    lr: float = Field(1e-3, gt=0, le=1, description="greatest learning rate of the cycle")
    weight_decay: float = Field(0.05, ge=0, le=1)
    label_smoothing: float = Field(0.1, ge=0, lt=1)
    balance: Balance = "weights"

    parameters: ClassVar[int] = 11_178_564

    def model_of_timm(self) -> str:
        """Return the name that was given."""
        return self.model


def _backbones(network: nn.Module) -> list[Backbone]:
    from napari_cellsynth.classify.backbones import Backbone

    return [module for module in network.modules() if isinstance(module, Backbone)]
