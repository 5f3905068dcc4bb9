"""What to do about classes that are rare: weights, drawing them more often, and how many synthetic patches to add."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth import plugged
from napari_cellsynth.errors import UserError

Counts = Callable[[NDArray[np.int64]], ArrayLike]
"""Takes how many crops of each class there are, (K,), and returns how often each class is drawn in a pass, (K,)."""

BALANCES: dict[str, str] = {
    "weights": "errors cost inversely to class frequency",
    "none": "classes count as they come",
    "oversample": "every class is drawn as often as the commonest, by repeating",
    "undersample": "every class is cut down to the rarest, once and for all",
    "majority-dropout": "a fifth of the commonest class is left out, another one in each pass",
    "smote": "rare classes get new features, drawn between neighbours",
}
"""Every way to balance what is trained on, and what it does; smote is for recipes that learn from features."""

_PLUGGED: dict[str, Counts] = plugged.plugged(plugged.BALANCES, callable, "a function of counts", BALANCES)
BALANCES |= {
    name: " ".join((counts.__doc__ or "of another package").split("\n\n")[0].split())
    for name, counts in _PLUGGED.items()
}

if TYPE_CHECKING:
    Balance = str
else:
    Balance = Literal[tuple(name for name in BALANCES if name != "smote")]
"""What a network's recipe may name."""

BALANCE = "; ".join(f"{name}: {words}" for name, words in BALANCES.items())

EVERY_ONCE = ("none", "weights")
"""Those that draw every crop once in a pass; the others go by one class a crop and suit no crops of several."""

MOST_POSITIVE = 50.0
"""A crop's class counts at most this many times as much as its absence, however rare it is."""

MAJORITY_DROPPED = 0.2
"""Share of the commonest class that ``majority-dropout`` leaves out (S4, section 4.8.2)."""


def class_weights(labels: ArrayLike, n_classes: int, method: str = "weights") -> NDArray[np.float32]:
    """Return the weight of every class in the loss, from the labels that are trained on.

    Parameters
    ----------
    labels : array_like of int, shape (N,) or (N, K)
        Classes 0..K-1 of everything that is drawn in training, or 0/1 for each of K classes.
    n_classes : int
        K.
    method : str
        ``weights``: inverse to the class frequency, N / (K_present * n_class), so that the mean over the objects is
        one (S4's cost-sensitive weights). Anything else: all ones.

    Returns
    -------
    ndarray of float32, shape (K,)
        A class without labels has weight 0 under ``weights``. Where crops have several classes, ``weights`` are those
        of having the class, against 1 for not having it: crops without it over crops with it, so that both count alike
        in all, 50 at most (torch's ``pos_weight``).
    """
    values = np.asarray(labels, dtype=np.int64)
    if method != "weights":
        return np.ones(n_classes, np.float32)
    if values.ndim == 2:
        having = values.sum(axis=0)
        return np.asarray(np.clip((len(values) - having) / np.maximum(having, 1), 0.02, MOST_POSITIVE), np.float32)
    counts = np.bincount(values, minlength=n_classes)
    present = counts > 0
    weights = np.zeros(n_classes, np.float32)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights


def counts_in_pass(labels: ArrayLike, method: str) -> NDArray[np.int64]:
    """Return how often each class is drawn in one pass over the training set, (K,).

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        Classes of everything there is.
    method : str
        See `BALANCES`. A class that is not there is never drawn.
    """
    counts = np.bincount(np.asarray(labels, dtype=np.int64))
    present = counts > 0
    if method == "oversample":
        return np.where(present, counts.max(), 0)
    if method == "undersample":
        return np.where(present, counts[present].min(), 0)
    if method == "majority-dropout":
        counts[counts.argmax()] -= round(MAJORITY_DROPPED * counts.max())
    if method in _PLUGGED:
        return _of_another_package(method, counts)
    return counts


def _of_another_package(method: str, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    wanted = np.rint(np.asarray(_PLUGGED[method](counts.copy()), float))
    if (
        wanted.shape != counts.shape
        or not np.isfinite(wanted).all()
        or (wanted < 0).any()
        or not (wanted * counts).any()
    ):
        raise UserError(
            f"balance = {method} returned {wanted.tolist()} for {counts.tolist()} crops.", "Choose another."
        )
    return np.where(counts > 0, wanted, 0).astype(np.int64)


def one_pass(
    labels: NDArray[np.int64], method: str, lasting: np.random.Generator, fresh: np.random.Generator
) -> NDArray[np.int64]:
    """Return which patches a pass over the training set draws, in random order.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
        Classes of everything there is.
    method : str
        See `BALANCES`.
    lasting, fresh : Generator
        Where choices come from that are the same in every pass of a training, and those that are another in each.

    Returns
    -------
    ndarray of int64, shape (M,)
        Positions in ``labels``, with the classes as `counts_in_pass` says. An oversampled class holds each of its
        patches at least once.
    """
    if method in EVERY_ONCE:
        return fresh.permutation(len(labels))
    chosen = []
    for number, count in enumerate(counts_in_pass(labels, method)):
        members = np.flatnonzero(labels == number)
        if count >= len(members):
            chosen += [members, fresh.choice(members, count - len(members))] if len(members) else []
        else:
            chooser = lasting if method == "undersample" else fresh
            chosen.append(chooser.choice(members, count, replace=False))
    return fresh.permutation(np.concatenate(chosen))


def synthetic_counts(
    real: ArrayLike, *, each: int = 0, up_to: int | None = None, share: float | None = None
) -> NDArray[np.int64]:
    """Return how many synthetic patches to add to each class.

    Parameters
    ----------
    real : array_like of int, shape (K,)
        Real training crops a class.
    each : int
        So many to each class (S0), unless one of the others is given.
    up_to : int, optional
        Rare classes are filled up to so many in total, others stay as they are (S2 and S3).
    share : float, optional
        So many for each real crop of the class.
    """
    counts = np.asarray(real, dtype=np.int64)
    if up_to is not None:
        return np.asarray(np.maximum(up_to - counts, 0))
    if share is not None:
        return np.asarray(np.rint(counts * share), np.int64)
    return np.full(len(counts), each)
