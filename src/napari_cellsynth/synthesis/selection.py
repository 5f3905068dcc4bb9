"""Which generator of a run is drawn from: the one nearest to real patches that were held back, if it does not copy.

GANs on few patches peak and decay (DCGAN and AC-GAN early), and single checkpoints swing by a factor of two or three;
the last one is often not the best. So some of the training crops are held back from the generator to choose it by. They
are none of the held-out groups, which nothing may be chosen by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_cellsynth.evaluate.quality import features, kid, memorisation, standardised
from napari_cellsynth.evaluate.splits import grouped_holdout
from napari_cellsynth.synthesis.gan import Gan
from napari_cellsynth.synthesis.sample import draw, latents, with_class
from napari_cellsynth.training.loader import CropStore

SHARE, MOST = 0.1, 0.25
"""Share of a class's crops that is held back, and the most where whole groups are."""

LEAST = 40
"""A class with fewer training crops gives none away: its run keeps the last generator."""

COPIES_ALLOWED = 0.05
"""A generator with this share of copies above that of unseen real patches is not chosen."""

_DRAWN, _DRAWN_A_CLASS = 128, 32
_COMPARED = 500
_SEED = 271_828


def held_back(groups: Sequence[str], classes: ArrayLike, seed: int) -> NDArray[np.bool_]:
    """Choose the training crops that a generator is chosen by instead of learning from them.

    Parameters
    ----------
    groups : sequence of str, length N
        The crops' groups: whole groups are held back where that takes no more than a quarter of a class.
    classes : array_like of int, shape (N,)
        Their classes.
    seed : int
        Seed of the choice.

    Returns
    -------
    ndarray of bool, shape (N,)
        About a tenth of each class that has at least `LEAST` crops; none of the others.
    """
    of, kinds = np.asarray(groups), np.asarray(classes)
    chosen = np.zeros(len(kinds), dtype=bool)
    rng = np.random.default_rng((_SEED, seed))
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        if len(members) < LEAST:
            continue
        part = np.zeros(len(members), dtype=bool)
        if len(np.unique(of[members])) >= 3:
            part = grouped_holdout(of[members], kinds[members], SHARE, int(rng.integers(2**31)))
        if not 0 < part.mean() <= MOST:
            part = np.zeros(len(members), dtype=bool)
            part[rng.permutation(len(members))[: max(4, round(SHARE * len(members)))]] = True
        chosen[members[part]] = True
    return chosen


class Judge:
    """Scores a generator while it trains.

    Parameters
    ----------
    trained_on, unseen : CropStore
        Crops that the generator learns from, and crops of the same classes that were held back.
    """

    def __init__(self, trained_on: CropStore, unseen: CropStore) -> None:
        self._classes = trained_on.n_classes
        self._device = trained_on.device
        count = max(1, self._classes)
        self._drawn = max(_DRAWN_A_CLASS, _DRAWN // count)
        real = {number: _patches(unseen, number) for number in range(count)}
        self._references = {
            number: _Reference(_patches(trained_on, number), patches)
            for number, patches in real.items()
            if len(patches) >= 2
        }

    def __call__(self, gan: Gan) -> float:
        """Return the mean over the classes of KID to the patches held back; infinite where the generator copies."""
        noise = latents(_SEED, 0, self._drawn, gan.latent)
        scores = []
        for number, reference in self._references.items():
            inputs = with_class(noise, number, self._classes) if self._classes else noise
            scores.append(reference.score(draw(gan.averaged, inputs, self._device)))
        return float(np.mean(scores))


class _Reference:
    """The real patches of one class."""

    def __init__(self, trained_on: NDArray[np.float32], unseen: NDArray[np.float32]) -> None:
        self._trained_on, self._unseen = trained_on, unseen
        self._described = features(trained_on), features(unseen)
        self._usual = memorisation(trained_on, unseen)["copied"]

    def score(self, made: NDArray[np.float32]) -> float:
        if memorisation(self._trained_on, made)["copied"] > self._usual + COPIES_ALLOWED:
            return float("inf")
        seen, unseen = self._described
        pooled = np.concatenate([unseen, seen])
        _, real, synthetic = standardised(pooled, unseen, features(made))
        return kid(real, synthetic)


def _patches(store: CropStore, number: int) -> NDArray[np.float32]:
    """Return windows of the crops of a class, several of each where they are few and larger than a patch."""
    index = torch.nonzero(store.classes == number)[:, 0]
    if not len(index):
        return np.zeros((0, store.channels, store.size, store.size), np.float32)
    if store.exceeds_size(index):
        index = index.repeat(max(1, min(4, _COMPARED // len(index))))
    generator = torch.Generator().manual_seed(_SEED)
    return store.windows(index[:_COMPARED], generator).cpu().numpy()
