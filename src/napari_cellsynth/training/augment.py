"""Moving whole batches about on the device: flips, quarter turns and shifts, drawn for each sample.

Every function gathers whole pixels by an index, so it has no loop over samples, returns channels-last memory,
lets gradients through and leaves its input alone.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.training.augmentation import Augmentation


def flips_quarter_turns(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return the batch with each sample in one of the square's eight flips and quarter turns, at random.

    Parameters
    ----------
    x : Tensor
        Square patches (B, C, S, S).
    generator : torch.Generator
        Where the turns are drawn from.

    Raises
    ------
    UserError
        If the patches are not square.
    """
    count, _, height, width = x.shape
    if height != width:
        raise UserError(f"Quarter turns need square patches, not {height}×{width}.", "Use flips alone.")
    chosen = _integers(8, (count,), generator, x.device)
    return _gather(x, _symmetries(height, x.device)[chosen])


def turned(x: torch.Tensor, kinds: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Return the batch with each sample flipped and turned by right angles as often as ``kinds`` says.

    Parameters
    ----------
    x : Tensor
        Square patches (B, C, S, S).
    kinds : Augmentation
        Gives the probabilities of both flips and of a quarter turn.
    generator : torch.Generator
        Where the turns are drawn from.
    """
    if not (kinds.horizontal_flip or kinds.vertical_flip or kinds.quarter_turn):
        return x
    drawn = torch.rand((4, len(x)), generator=generator, device=generator.device).to(x.device)
    across, down = drawn[0] < kinds.horizontal_flip, drawn[1] < kinds.vertical_flip
    turns = torch.where(drawn[2] < kinds.quarter_turn, (drawn[3] * 4).long(), 0)
    # Top for bottom is left for right after half a turn.
    chosen = 4 * (across ^ down) + (2 * down + turns) % 4
    return _gather(x, _symmetries(x.shape[-1], x.device)[chosen])


def steps(count: int, max_px: int, probability: float, generator: torch.Generator) -> torch.Tensor:
    """Draw how far to shift, whole pixels down and to the right, (2, B) int64 on the generator's device.

    All of -max_px..max_px are equally likely; where no shift is drawn, both are 0.
    """
    drawn = torch.rand((3, count), generator=generator, device=generator.device)
    reach = (drawn[1:] * (2 * max_px + 1)).long() - max_px
    return torch.where(drawn[0] < probability, reach, 0)


def shifted(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Return the batch with each sample moved, mirrored at its borders (without repeating the border pixels).

    Parameters
    ----------
    x : Tensor
        Patches (B, C, Y, X).
    by : Tensor
        Whole pixels to move down and to the right, (2, B), less than the shorter side.
    """
    height, width = x.shape[2:]
    rows = _mirror(torch.arange(height, device=x.device) - by[0, :, None], height)
    columns = _mirror(torch.arange(width, device=x.device) - by[1, :, None], width)
    return _gather(x, rows[:, :, None] * width + columns[:, None, :])


def _integers(high: int, shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> torch.Tensor:
    """Draw integers 0..high-1 where the generator lives and bring them to the batch's device."""
    return torch.randint(high, shape, generator=generator, device=generator.device).to(device)


def _mirror(position: torch.Tensor, length: int) -> torch.Tensor:
    """Reflect positions outside 0..length-1 back inside, without repeating the border pixel."""
    position = position.abs()
    return torch.where(position >= length, 2 * (length - 1) - position, position)


@lru_cache(maxsize=16)
def _symmetries(size: int, device: torch.device) -> torch.Tensor:
    """Return for each of the eight symmetries of a square the source pixel of every pixel, (8, S, S)."""
    pixels = torch.arange(size * size, device=device).view(size, size)
    turned = [torch.rot90(pixels, turns) for turns in range(4)]
    return torch.stack([*turned, *(image.flip(1) for image in turned)])


def _gather(x: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Return patches whose pixels (Y, X) come from the pixels `source` (B, Y, X) of the same sample."""
    count, channels, height, width = x.shape
    rows = x.permute(0, 2, 3, 1).reshape(count * height * width, channels)
    first = torch.arange(count, device=x.device)[:, None] * (height * width)
    picked = rows.index_select(0, (source.reshape(count, -1) + first).flatten())
    return picked.view(count, height, width, channels).permute(0, 3, 1, 2)
