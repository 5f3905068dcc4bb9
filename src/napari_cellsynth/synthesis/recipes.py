"""The GAN recipes: named, complete sets of hyperparameters, readable without torch.

A further recipe is a further model in `GAN_RECIPES`, with the class that trains it (see
`napari_cellsynth.synthesis.gan`). Another package adds one through the entry-point group
``napari_cellsynth.gan_recipes`` (examples/plugin).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, ValidationError

from napari_cellsynth import plugged
from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.recipe_base import GanRecipe
from napari_cellsynth.synthesis.recipes_cellsynth import CellsynthConditionalRecipe, CellsynthRecipe
from napari_cellsynth.synthesis.recipes_conditional import AcganRecipe, CganRecipe, InfoganRecipe
from napari_cellsynth.synthesis.recipes_cwgan import CwganGpRecipe, ThreePlayerRecipe
from napari_cellsynth.synthesis.recipes_protein import DcganProteinRecipe
from napari_cellsynth.synthesis.recipes_wgan import (
    WganDivCellCycleRecipe,
    WganDivRecipe,
    WganGpCellCycleRecipe,
    WganGpRecipe,
)

if TYPE_CHECKING:
    import torch

    from napari_cellsynth.synthesis.gan import Gan


class DcganRecipe(GanRecipe):
    """One DCGAN for each class, as the stem-cell paper trains it."""

    name: Literal["dcgan"] = "dcgan"
    purpose: ClassVar[str] = "patches of one class as the stem-cell paper makes them"
    parameters: ClassVar[dict[str, int]] = {"generator": 3_576_704, "discriminator": 2_765_568}
    source: str = Field(
        "hESCnet (seed S0): one DCGAN per class; Radford et al. 2016",
        description="Where the recipe comes from.",
    )
    z: int = Field(100, ge=1, le=4096, description="Length of the Gaussian noise that a patch is made of.")
    width: int = Field(
        64,
        ge=2,
        le=512,
        description="Channels of the outermost layers; half of it trains about three times faster.",
    )
    lr: float = Field(2e-4, gt=0, le=0.1, description="Learning rate of Adam, for both networks.")
    beta1: float = Field(0.5, ge=0, lt=1, description="First momentum of Adam.")
    label_smoothing: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Real patches aim at 1 minus this. 0 is the paper's loss; 0.1 steadies few-crop trainings.",
    )

    def build(self, channels: int, device: torch.device, seed: int, classes: int = 0) -> Gan:
        """Return the DCGAN's networks with their optimisers and their training step."""
        from napari_cellsynth.synthesis.dcgan import Dcgan

        return Dcgan(self, channels, device, seed)


GAN_RECIPES: plugged.Registry[GanRecipe] = plugged.Registry(
    plugged.GAN_RECIPES,
    {
        "cellsynth": CellsynthRecipe,
        "cellsynth-conditional": CellsynthConditionalRecipe,
        "dcgan": DcganRecipe,
        "dcgan-protein": DcganProteinRecipe,
        "wgan-gp": WganGpRecipe,
        "wgan-gp-cellcycle": WganGpCellCycleRecipe,
        "wgan-div": WganDivRecipe,
        "wgan-div-cellcycle": WganDivCellCycleRecipe,
        "cgan": CganRecipe,
        "acgan": AcganRecipe,
        "infogan": InfoganRecipe,
        "cwgan-gp": CwganGpRecipe,
        "c-wgan-gp": ThreePlayerRecipe,
    },
    (GanRecipe,),
    "a subclass of GanRecipe",
)
"""Every GAN recipe by name; the first one is the default."""


def gan_recipe(name: str, /, **overrides: Any) -> GanRecipe:
    """Return a recipe by name, with some of its values replaced.

    Parameters
    ----------
    name : str
        A key of `GAN_RECIPES`.
    **overrides
        Fields of the recipe.

    Raises
    ------
    UserError
        If there is no such recipe or field, or a value is out of its range; the message lists what there is.
    """
    if name not in GAN_RECIPES:
        raise UserError(f"There is no GAN recipe called {name!r}.", f"Choose one of {', '.join(GAN_RECIPES)}.")
    kind = GAN_RECIPES[name]
    try:
        return kind(**overrides)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            fields = ", ".join(field for field in kind.model_fields if field not in ("name", "source"))
            raise UserError(f"The recipe {name} has no field {field!r}.", f"Its fields are {fields}.") from error
        message = problem["msg"][0].lower() + problem["msg"][1:]
        raise UserError(f"{name}: {field} = {problem['input']!r} will not do.", f"The {message}.") from error


def parameter_counts(recipe: GanRecipe, channels: int, classes: int = 12) -> dict[str, int]:
    """Return how many trainable numbers each network of a recipe has, by the network's name.

    Parameters
    ----------
    recipe : GanRecipe
        The recipe.
    channels : int
        Channels of the patches.
    classes : int
        Classes of a conditional recipe: the bone-marrow paper's 12 (S2), if not given.
    """
    import torch

    from napari_cellsynth.synthesis.networks import count_parameters

    networks = recipe.build(channels, torch.device("meta"), 0, classes if recipe.conditional else 0).networks()
    return {name: count_parameters(network) for name, network in networks.items()}
