"""Every recipe by name, with its source, its defaults and the size of its networks."""

from __future__ import annotations

from typing import Any


def recipes() -> list[dict[str, Any]]:
    """List the recipes.

    Returns
    -------
    list of dict
        ``name``, ``kind`` ("gan" or "classifier"), ``source`` (paper or reason), ``defaults`` (field: value) and
        ``parameters``: the count at the recipe's own size for 3 channels (for a classifier, 4 classes too); for a GAN a
        count per network, for a classical classifier the number of its features.
    """
    from napari_cellsynth.classify import recipes as classifiers
    from napari_cellsynth.synthesis import recipes as gans

    listed: list[dict[str, Any]] = []
    for name in gans.GAN_RECIPES:
        gan = gans.gan_recipe(name)
        listed.append(_entry(gan, "gan") | {"parameters": gans.parameter_counts(gan, channels=3)})
    for name in classifiers.CLASSIFIER_RECIPES:
        classifier = classifiers.classifier_recipe(name)
        count = classifiers.listed_parameters(name)
        listed.append(_entry(classifier, "classifier") | {"parameters": count})
    return listed


def _entry(recipe: Any, kind: str) -> dict[str, Any]:
    defaults = recipe.model_dump(mode="json")
    return {
        "name": defaults.pop("name"),
        "kind": kind,
        "source": defaults.pop("source"),
        "defaults": defaults,
    }
