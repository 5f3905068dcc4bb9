"""Changes to whole batches that gradients go through: what a critic sees of few real patches, and of generated ones.

A critic that sees each of sixty patches a thousand times knows them by heart. Changing real and generated patches in
the same way before it looks keeps it from that, and the generator does not learn the changes as long as unchanged
patches are the common case (Karras et al. 2020, ADA, section 2.2; Zhao et al. 2020, DiffAugment).
"""

from __future__ import annotations

import torch
from torch.nn.functional import affine_grid, grid_sample

SHIFT = 1 / 8
"""Greatest shift, as a share of the side (ADA and DiffAugment)."""

ZOOM = 0.2
"""Standard deviation of the logarithm (base 2) of the zoom (ADA)."""

GAIN = 0.25
"""Standard deviation of the logarithm (base 2) of the contrast: half of ADA's, for intensities mean something here."""

OFFSET = 0.1
"""Standard deviation of what is added to intensities in [-1, 1]: half of ADA's."""

HOLE = 3 / 8
"""Side of the square that is blotted out, as a share of the patch's: smaller than published, to leave some cell."""


CHANGES = [3, 5, 3]
"""Numbers that say how a patch is changed: even ones for whether, even ones for where, normal ones for how much."""


def random_changes(count: int, generator: torch.Generator, device: torch.device) -> torch.Tensor:
    """Draw how each of `count` patches is changed, for `altered`: float32 (count, 11)."""
    whether, where, much = ((kind, count) for kind in CHANGES)
    drawn = [
        torch.rand(whether, generator=generator, device=generator.device),
        torch.rand(where, generator=generator, device=generator.device),
        torch.randn(much, generator=generator, device=generator.device),
    ]
    return torch.cat(drawn).to(device).T


def altered(x: torch.Tensor, probability: torch.Tensor | float, changes: torch.Tensor) -> torch.Tensor:
    """Return the batch with each kind of change made to each patch with this probability.

    The kinds are: moved, turned and zoomed (any angle, mirrored borders); contrast and brightness; a square blotted out
    with the patch's mean. Flips and quarter turns are left to the data, where they may become part of what is learned.

    Parameters
    ----------
    x : Tensor
        Patches (B, C, S, S).
    probability : Tensor or float
        In [0, 1]; at 0 the batch comes back as it is, bit for bit.
    changes : Tensor
        How each patch is changed (B, 11), from `random_changes`.
    """
    height, width = x.shape[2:]
    device = x.device
    drawn, uniform, normal = torch.split(changes.T, CHANGES)
    uniform = uniform * 2 - 1
    move, shade, blot = (drawn < probability)[:, :, None, None, None]
    # A move by a grid is dear and blurs a little: only the patches that are moved go through it.
    moved = torch.where(move, _moved(x, uniform, normal[0]), x)
    gain = torch.exp2(normal[1] * GAIN)[:, None, None, None]
    mean = moved.mean(dim=(2, 3), keepdim=True)
    shaded = (moved - mean) * gain + mean + (normal[2] * OFFSET)[:, None, None, None]
    moved = torch.where(shade, shaded, moved)
    rows = torch.linspace(-1, 1, height, device=device)[None, :, None]
    columns = torch.linspace(-1, 1, width, device=device)[None, None, :]
    inside = ((rows - uniform[3, :, None, None]).abs() < HOLE) & ((columns - uniform[4, :, None, None]).abs() < HOLE)
    return torch.where(blot & inside[:, None], moved.mean(dim=(2, 3), keepdim=True), moved)


def _moved(x: torch.Tensor, uniform: torch.Tensor, zoom: torch.Tensor) -> torch.Tensor:
    angle, scale = uniform[0] * torch.pi, torch.exp2(zoom * ZOOM)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    down, right = (uniform[1:3] * SHIFT * 2).unbind()
    places = torch.stack([torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1)], 1)
    grid = affine_grid(places, list(x.shape), align_corners=False)
    return grid_sample(x.float(), grid, padding_mode="reflection", align_corners=False)
