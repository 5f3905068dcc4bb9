"""The classifier recipes by name: complete sets of hyperparameters, readable without torch.

A further recipe is a further model in `CLASSIFIER_RECIPES`; another package adds one through the entry-point group
``napari_cellsynth.classifier_recipes``.
"""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from napari_cellsynth import plugged
from napari_cellsynth.classify.recipe_base import OLDER_FIELDS, ClassifierRecipe, NetworkRecipe
from napari_cellsynth.classify.recipes_backbones import (
    DenseNet121Recipe,
    EfficientNetRecipe,
    InceptionV3Recipe,
    InceptionV4Recipe,
    NasNetRecipe,
    ResNet50Recipe,
    ResNet101Recipe,
    TimmRecipe,
    Vgg16Recipe,
    Vgg19Recipe,
    XceptionRecipe,
)
from napari_cellsynth.classify.recipes_best import BestRecipe
from napari_cellsynth.classify.recipes_classical import (
    FeatureRecipe,
    LogisticRecipe,
    NaiveBayesRecipe,
    RandomForestRecipe,
    SvmRecipe,
)
from napari_cellsynth.classify.recipes_lipnet import (
    LipNet1Recipe,
    LipNet2Recipe,
    LipNet4cRecipe,
    LipNet4Recipe,
    LipNet6Recipe,
)
from napari_cellsynth.classify.recipes_networks import CellCycleRecipe, FastRecipe, HescnetRecipe, SequentialRecipe
from napari_cellsynth.errors import UserError

CLASSIFIER_RECIPES: plugged.Registry[ClassifierRecipe] = plugged.Registry(
    plugged.CLASSIFIER_RECIPES,
    {
        "fast": FastRecipe,
        "best": BestRecipe,
        "hescnet": HescnetRecipe,
        "sequential": SequentialRecipe,
        "cellcycle": CellCycleRecipe,
        "lipnet-1": LipNet1Recipe,
        "lipnet-2": LipNet2Recipe,
        "lipnet-4": LipNet4Recipe,
        "lipnet-4c": LipNet4cRecipe,
        "lipnet-6": LipNet6Recipe,
        "vgg16": Vgg16Recipe,
        "vgg19": Vgg19Recipe,
        "resnet50": ResNet50Recipe,
        "resnet101": ResNet101Recipe,
        "densenet121": DenseNet121Recipe,
        "inception-v3": InceptionV3Recipe,
        "inception-v4": InceptionV4Recipe,
        "xception": XceptionRecipe,
        "nasnet": NasNetRecipe,
        "efficientnet": EfficientNetRecipe,
        "timm": TimmRecipe,
        "svm": SvmRecipe,
        "logistic": LogisticRecipe,
        "naive-bayes": NaiveBayesRecipe,
        "random-forest": RandomForestRecipe,
    },
    (NetworkRecipe, FeatureRecipe),
    "a subclass of NetworkRecipe or FeatureRecipe",
)
"""Every classifier recipe by name."""


def classifier_recipe(name: str, /, **overrides: Any) -> ClassifierRecipe:
    """Return a recipe by name, with some of its values replaced.

    Parameters
    ----------
    name : str
        A key of `CLASSIFIER_RECIPES`.
    **overrides
        Fields to replace. A whole recorded recipe is fine too: its name must be this one, its source is ignored.

    Returns
    -------
    ClassifierRecipe

    Raises
    ------
    UserError
        If there is no such recipe or field, or a value is out of range.
    """
    if name not in CLASSIFIER_RECIPES:
        raise UserError(f"There is no classifier recipe '{name}'.", f"There are: {', '.join(CLASSIFIER_RECIPES)}.")
    kind = CLASSIFIER_RECIPES[name]
    overrides = {key: value for key, value in overrides.items() if key != "source" and (key, value) != ("name", name)}
    unknown = sorted(overrides.keys() - (kind.model_fields.keys() - {"name"}) - set(OLDER_FIELDS))
    if unknown:
        fields = ", ".join(field for field in kind.model_fields if field not in ("name", "source"))
        raise UserError(f"The recipe '{name}' has no setting '{unknown[0]}'.", f"It has: {fields}.")
    try:
        return kind(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{field} = {first['input']!r} does not suit the recipe '{name}'.", f"{first['msg']}."
        ) from None


def parameter_count(recipe: ClassifierRecipe, channels: int = 3, classes: int = 4) -> int:
    """Return the number of trainable parameters of a recipe's network.

    A classical recipe has none before it is trained; its number of features is returned instead.

    Parameters
    ----------
    recipe : NetworkRecipe
        The recipe; its size and width matter.
    channels, classes : int
        Channels of the patches, number of classes.
    """
    if isinstance(recipe, FeatureRecipe):
        from napari_cellsynth.imaging.features import feature_names

        return len(feature_names(channels))
    import torch

    assert isinstance(recipe, NetworkRecipe)
    with torch.device("meta"):
        network = recipe.build(channels, classes)
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
