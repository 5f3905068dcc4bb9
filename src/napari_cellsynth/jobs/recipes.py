"""Every recipe by name: what it is for, its source, defaults and the size of its networks; readable without torch."""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import BaseModel

from napari_cellsynth.classify.recipe_base import ClassifierRecipe
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES
from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.recipe_base import GanRecipe
from napari_cellsynth.synthesis.recipes import GAN_RECIPES

IDENTITY = ("name", "source")


def recipes() -> list[dict[str, Any]]:
    """List the recipes.

    Returns
    -------
    list of dict
        One family after another: ``name``, ``kind`` ("gan" or "classifier"), ``family`` (the recipes that it stands
        beside), ``purpose`` (what it is for), ``source`` (paper or reason), ``defaults`` (field: value) and
        ``parameters``: the count at the recipe's own size for 3 channels (for a classifier, 4 classes too); for a GAN a
        count per network, for a classical classifier the number of its features.

    Examples
    --------
    >>> import napari_cellsynth as cs
    >>> [recipe["name"] for recipe in cs.recipes() if recipe["kind"] == "gan"][:2]
    ['cellsynth', 'dcgan']
    """
    entries = [*map(_entry, GAN_RECIPES.values()), *map(_entry, CLASSIFIER_RECIPES.values())]
    families = [entry["family"] for entry in entries]
    return sorted(entries, key=lambda entry: families.index(entry["family"]))


def explained(name: str) -> dict[str, Any]:
    """Return all that there is to say of one recipe.

    Parameters
    ----------
    name : str
        Of a GAN's or a classifier's recipe.

    Returns
    -------
    dict
        As an entry of `recipes`, with ``about`` (what the paper says and what is ours) and ``fields``: what each of the
        defaults means.

    Raises
    ------
    UserError
        If there is no such recipe.
    """
    kind: type[GanRecipe | ClassifierRecipe] | None = GAN_RECIPES.get(name) or CLASSIFIER_RECIPES.get(name)
    if kind is None:
        names = ", ".join([*GAN_RECIPES, *CLASSIFIER_RECIPES])
        raise UserError(f"There is no recipe '{name}'.", f"There are: {names}.")
    return _entry(kind) | {"about": inspect.cleandoc(kind.__doc__ or ""), "fields": _meanings(kind)}


def _entry(kind: type[GanRecipe | ClassifierRecipe]) -> dict[str, Any]:
    recipe = kind()  # type: ignore[call-arg]  # every recipe names itself
    defaults = recipe.model_dump(mode="json", exclude=set(IDENTITY))
    of_classes = "several classes at once" if isinstance(recipe, GanRecipe) and recipe.conditional else "one class each"
    return {
        "name": recipe.name,
        "kind": "gan" if isinstance(recipe, GanRecipe) else "classifier",
        "family": f"GANs: {of_classes}" if isinstance(recipe, GanRecipe) else recipe.family,
        "purpose": recipe.purpose,
        "source": recipe.source,
        "defaults": defaults,
        "parameters": recipe.parameters,
    }


def _meanings(kind: type[BaseModel], group: str = "") -> dict[str, str]:
    """Return what every field means, by the name that ``--set`` takes."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if not (isinstance(owner, type) and issubclass(owner, BaseModel)):
            continue
        for name, field in owner.model_fields.items():
            if name in IDENTITY:
                continue
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found |= _meanings(inner, f"{group}{name}.")
            elif field.description or group + name not in found:
                # A recipe that only has another default means the same by it as the one that it comes from.
                found[group + name] = field.description or ""
    return found
