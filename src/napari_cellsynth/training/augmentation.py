"""How training patches are changed at random: a probability for each kind and, where needed, how much; no torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]


class Augmentation(BaseModel):
    """Which changes are made to a patch, each drawn with its own probability (S1, section 3.1.2.1).

    Amounts are shares of what they change, so that they mean the same at every patch size and bit depth.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    horizontal_flip: Probability = Field(0.5, description="probability of left for right")
    vertical_flip: Probability = Field(0.5, description="probability of top for bottom")
    quarter_turn: Probability = Field(
        0.0,
        description="probability of a turn by 0, 90, 180 or 270 degrees, each as likely",
    )
    rotation: Probability = Field(0.0, description="probability of a turn by any angle (cubic interpolation)")
    rotation_degrees: float = Field(180.0, ge=0, le=180, description="greatest angle, either way")
    shear: Probability = Field(0.0, description="probability of a slant")
    shear_slope: float = Field(0.2, ge=0, le=1, description="greatest slant, columns a row, either way")
    shift: Probability = Field(0.0, description="probability of a shift by whole pixels; borders are mirrored")
    shift_share: float = Field(0.1, ge=0, le=0.5, description="greatest shift, as a share of the side, along both axes")
    zoom: Probability = Field(0.0, description="probability of looking closer, at the middle")
    zoom_share: float = Field(0.2, ge=0, le=0.8, description="greatest share of the side that zooming loses")
    scale: Probability = Field(0.0, description="probability of stretching or shrinking, each axis on its own")
    scale_factor: float = Field(1.2, ge=1, le=4, description="greatest factor, and its inverse the least")
    crop: Probability = Field(0.0, description="probability of a square cut out anywhere and resized")
    crop_share: float = Field(0.2, ge=0, le=0.8, description="greatest share of the side that is cut off")
    sharpen: Probability = Field(0.0, description="probability of sharpening")
    sharpen_amount: float = Field(1.0, ge=0, le=10, description="greatest multiple of the fine detail that is added")
    inversion: Probability = Field(0.0, description="probability of bright for dark")
    intensity: Probability = Field(0.0, description="probability of another contrast, brightness and gamma a channel")
    gain_factor: float = Field(1.2, ge=1, le=4, description="greatest factor on contrast, and its inverse the least")
    offset: float = Field(0.1, ge=0, le=1, description="greatest change of brightness, as a share of the range")
    gamma_factor: float = Field(1.2, ge=1, le=4, description="greatest exponent, and its inverse the least")
    noise: Probability = Field(0.0, description="probability of Gaussian noise")
    noise_share: float = Field(0.05, ge=0, le=1, description="greatest standard deviation, as a share of the range")


NONE = Augmentation(horizontal_flip=0, vertical_flip=0)
FLIPS = Augmentation()
SYMMETRIES = Augmentation(quarter_turn=1)
STRONG = Augmentation(
    rotation=0.8,
    shear=0.3,
    shift=0.5,
    zoom=0.3,
    scale=0.3,
    crop=0.3,
    sharpen=0.2,
    intensity=0.5,
    noise=0.3,
)
"""What synthetic patches must beat: all that leaves a cell a cell. Inversion is left out, for bright and dark mean
something in phase contrast and fluorescence alike."""

PRESETS: dict[str, Augmentation] = {
    "none": NONE,
    "flips": FLIPS,
    "symmetries": SYMMETRIES,
    "strong": STRONG,
    # S1 names the kinds, not their probabilities and ranges: those are ours.
    "S1": Augmentation(crop=0.3, scale=0.3, rotation=0.3, shear=0.3, sharpen=0.3, inversion=0.3),
    # S4, section 5.5: angles to 180 degrees, shear to 0.2, shifts to 10 %, zoom to 20 %, always drawn.
    "S4": Augmentation(rotation=1, shear=1, shift=1, zoom=1),
}
"""Whole augmentations by name."""
