"""What moves the pixels of patches: whole pixels are gathered, all else goes through one affine resampling.

A batch's flips, quarter turns and whole-pixel shifts keep every pixel as it is. As soon as a recipe turns by any
angle, slants, zooms, scales or crops, the matrices of all of these and of the shift are multiplied, and a patch is
interpolated once, however many of them it was drawn for.
"""

from __future__ import annotations

import torch
from torch.nn.functional import grid_sample

from napari_cellsynth.training.augment import shifted, steps, turned
from napari_cellsynth.training.augmentation import Augmentation

_KINDS = ("rotation", "shear", "zoom", "scale", "crop")


def moved(x: torch.Tensor, kinds: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Return the batch with each sample flipped, turned, shifted, slanted, zoomed, scaled and cropped at random.

    Parameters
    ----------
    x : Tensor
        Square patches (B, C, S, S), float32 in [-1, 1].
    kinds : Augmentation
        What is done, how often and how much.
    generator : torch.Generator
        Where everything is drawn from.

    Returns
    -------
    Tensor
        Patches of the same shape, in [-1, 1]; beyond the borders the patch is mirrored. A patch that no kind is
        drawn for comes back bit for bit.
    """
    x, side = turned(x, kinds, generator), x.shape[-1]
    by = steps(len(x), round(kinds.shift_share * side), kinds.shift, generator)
    if not any(getattr(kinds, kind) for kind in _KINDS):
        return shifted(x, by.to(x.device)) if kinds.shift else x
    matrix, changed = _matrices(by, side, kinds, generator)
    matrix, changed = matrix.to(x.device), changed.to(x.device)
    if x.device.type != "cpu":  # asking which ones were drawn would make the device wait
        return torch.where(changed[:, None, None, None], resampled(x, matrix), x)
    chosen = changed.nonzero().flatten()
    return x.index_copy(0, chosen, resampled(x[chosen], matrix[chosen])) if len(chosen) else x


def resampled(x: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Return patches whose pixel at p shows what was at ``matrix`` p, interpolated by a cubic convolution.

    Parameters
    ----------
    x : Tensor
        Patches (B, C, S, S) in [-1, 1].
    matrix : Tensor
        (B, 2, 3), over (x, y, 1): columns and rows in pixels from the patch's centre.
    """
    side = x.shape[-1]
    place = torch.arange(side, device=x.device, dtype=torch.float32) - (side - 1) / 2
    rows, columns = torch.meshgrid(place, place, indexing="ij")
    points = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).view(-1, 3)
    # torch's coordinates: -1 and 1 are the middles of the first and last pixels, where the mirrors are, too.
    grid = (points @ matrix.transpose(1, 2) * (2 / (side - 1))).view(-1, side, side, 2)
    sampled = grid_sample(x, grid, mode="bicubic", padding_mode="reflection", align_corners=True)
    return sampled.clamp_(-1, 1)  # the cubic overshoots at edges


def _matrices(
    by: torch.Tensor, side: int, kinds: Augmentation, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw the product of all moves, from a pixel to where it comes from: (B, 2, 3), and whose is not the identity.

    ``by`` are the pixels (2, B) to shift by, down and to the right.
    """
    device, count = generator.device, by.shape[1]
    drawn = torch.rand((len(_KINDS), count), generator=generator, device=device)
    does = {kind: row < getattr(kinds, kind) for kind, row in zip(_KINDS, drawn, strict=True)}
    unit = torch.rand((8, count), generator=generator, device=device)
    both = unit * 2 - 1
    zero = torch.zeros(count, device=device)
    angle = torch.where(does["rotation"], torch.deg2rad(both[0] * kinds.rotation_degrees), zero)
    slope = torch.where(does["shear"], both[1] * kinds.shear_slope, zero)
    near = torch.where(does["zoom"], 1 - unit[2] * kinds.zoom_share, 1)
    cut = torch.where(does["crop"], unit[3] * kinds.crop_share, zero)
    wide = torch.where(does["scale"], kinds.scale_factor ** both[4], 1)
    high = torch.where(does["scale"], kinds.scale_factor ** both[5], 1)
    turn = torch.stack([torch.cos(angle), -torch.sin(angle), torch.sin(angle), torch.cos(angle)], -1).view(-1, 2, 2)
    slant = torch.stack([torch.ones_like(zero), slope, zero, torch.ones_like(zero)], -1).view(-1, 2, 2)
    size = torch.diag_embed(torch.stack([wide, high], -1) * (near * (1 - cut))[:, None])
    # A square of side 1 - cut has this much room on either side of the middle.
    place = both[6:] * cut / 2 * side - by.flip(0)
    changed = torch.stack(list(does.values())).any(dim=0) | (by != 0).any(dim=0)
    return torch.cat([turn @ slant @ size, place.T[:, :, None]], dim=2), changed
