"""The gradients of a batch that memory cannot hold at once: part by part, added up to those of the whole batch."""

from __future__ import annotations

from collections.abc import Callable

import torch

Figures = dict[str, torch.Tensor]
Loss = Callable[..., tuple[torch.Tensor, Figures]]
"""From tensors of B rows to a loss, the mean over rows, and figures: means over rows (), or a number a row (B,)."""


def accumulated(loss_of: Loss, batch: tuple[torch.Tensor, ...], parts: int) -> Figures:
    """Add the gradients of a batch's loss to what the weights hold, and return its figures without their history.

    Parameters
    ----------
    loss_of : callable
        What is lowered. It must not draw what the parts ought to share: that is drawn before and handed over as rows.
    batch : tuple of Tensor
        Its arguments, each of B rows.
    parts : int
        The batch goes through in so many parts of equal length, give or take a row. The gradients are the same up to
        rounding, except where batch norm ties the rows together: its statistics are then those of a part.
    """
    if parts == 1:
        loss, figures = loss_of(*batch)
        loss.backward()  # type: ignore[no-untyped-call]
        return {name: value.detach() for name, value in figures.items()}
    told: list[tuple[float, Figures]] = []
    for rows in zip(*(tensor.tensor_split(parts) for tensor in batch), strict=True):
        share = len(rows[0]) / len(batch[0])
        loss, figures = loss_of(*rows)
        (loss * share).backward()  # type: ignore[no-untyped-call]
        told.append((share, {name: value.detach() for name, value in figures.items()}))
    return {name: _joined([(share, figures[name]) for share, figures in told]) for name in told[0][1]}


def more_parts(parts: int, rows: int, least: int) -> int:
    """Return twice as many parts, or as many as leave each at least `least` of the rows; `parts` if there are."""
    return max(parts, min(2 * parts, rows // least))


def _joined(told: list[tuple[float, torch.Tensor]]) -> torch.Tensor:
    """Return the figure of a batch, given the parts' figures and shares."""
    if told[0][1].dim():
        return torch.cat([value for _, value in told])
    return torch.stack([share * value for share, value in told]).sum(dim=0)
