"""Recipes by name, their ranges, and that showing them needs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.recipes import GAN_RECIPES, gan_recipe


def test_the_papers_values_are_the_defaults() -> None:
    recipe = gan_recipe("dcgan")
    given = recipe.model_dump()
    assert {name: given[name] for name in ("size", "z", "width", "batch", "lr", "beta1", "label_smoothing")} == {
        "size": 64,
        "z": 100,
        "width": 64,
        "batch": 64,
        "lr": 2e-4,
        "beta1": 0.5,
        "label_smoothing": 0.0,
    }
    assert recipe.fit == "auto"


@pytest.mark.parametrize("name", GAN_RECIPES)
def test_every_field_says_what_it_is_and_a_recipe_survives_its_own_dump(name: str) -> None:
    recipe = gan_recipe(name)
    assert all(field.description for key, field in type(recipe).model_fields.items() if key != "name")
    assert gan_recipe(name, **recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize(
    ("field", "value", "hint"),
    [
        ("size", 48, "32, 64, 128, 256 or 512"),
        ("lr", 0, "greater than 0"),
        ("lr", 5.0, "0.1"),
        ("batch", 1, "2"),
        ("label_smoothing", 0.7, "0.5"),
        ("steps", "many", "integer"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(field: str, value: object, hint: str) -> None:
    with pytest.raises(UserError, match=field) as caught:
        gan_recipe("dcgan", **{field: value})
    assert hint in caught.value.hint


def test_unknown_recipes_and_fields_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="stylegan") as caught:
        gan_recipe("stylegan")
    assert "dcgan" in caught.value.hint
    with pytest.raises(UserError, match="dropout") as caught:
        gan_recipe("dcgan", dropout=0.1)
    assert "label_smoothing" in caught.value.hint


def test_reading_recipes_does_not_import_torch() -> None:
    code = (
        "import sys; from napari_cellsynth.synthesis.recipes import gan_recipe; gan_recipe('dcgan'); "
        "import napari_cellsynth.synthesis, napari_cellsynth.training; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["cellsynth", "cwgan-gp", "c-wgan-gp"])
def test_the_weight_of_the_penalty_has_one_name_and_older_records_are_read(name: str) -> None:
    recorded = gan_recipe(name).model_dump(mode="json")
    recorded["penalty"] = recorded.pop("penalty_weight") * 2
    assert gan_recipe(name, **recorded) == gan_recipe(name, penalty_weight=recorded["penalty"])
    assert not [kind for kind in GAN_RECIPES.values() if "penalty" in kind.model_fields]
    with pytest.raises(UserError, match="penalty"):
        gan_recipe("dcgan", penalty=1.0)
