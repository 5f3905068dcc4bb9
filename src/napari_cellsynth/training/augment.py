"""Moving whole batches about on the device: flips, quarter turns and shifts, drawn for each sample.

Every function gathers whole pixels by an index, so it has no loop over samples, returns channels-last memory,
lets gradients through and leaves its input alone.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from napari_cellsynth.errors import UserError


def flips(
    x: torch.Tensor, generator: torch.Generator, *, horizontal: bool = True, vertical: bool = True
) -> torch.Tensor:
    """Return the batch with each sample flipped at random (each flip with probability one half).

    Parameters
    ----------
    x : Tensor
        Patches (B, C, Y, X).
    generator : torch.Generator
        Where the flips are drawn from.
    horizontal, vertical : bool
        Which flips may happen: left to right, top to bottom.
    """
    count, _, height, width = x.shape
    drawn = _integers(2, (2, count), generator, x.device)
    rows = torch.arange(height, device=x.device).expand(count, -1)
    columns = torch.arange(width, device=x.device).expand(count, -1)
    if vertical:
        rows = torch.where(drawn[0, :, None] == 1, height - 1 - rows, rows)
    if horizontal:
        columns = torch.where(drawn[1, :, None] == 1, width - 1 - columns, columns)
    return _gather(x, rows[:, :, None] * width + columns[:, None, :])


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


def shift(x: torch.Tensor, max_px: int, generator: torch.Generator) -> torch.Tensor:
    """Return the batch with each sample moved by up to `max_px` pixels along both axes, mirrored at borders.

    Parameters
    ----------
    x : Tensor
        Patches (B, C, Y, X).
    max_px : int
        Greatest shift in pixels, less than the shorter side; all of -max_px..max_px are equally likely.
    generator : torch.Generator
        Where the shifts are drawn from.

    Raises
    ------
    UserError
        If the shift is negative or as large as the patch.
    """
    count, _, height, width = x.shape
    if not 0 <= max_px < min(height, width):
        raise UserError(
            f"A shift of {max_px} pixels does not fit patches of {height}×{width}.", "Choose a smaller one."
        )
    moved = _integers(2 * max_px + 1, (2, count), generator, x.device) - max_px
    rows = _mirror(torch.arange(height, device=x.device) + moved[0, :, None], height)
    columns = _mirror(torch.arange(width, device=x.device) + moved[1, :, None], width)
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
