"""The quality of a class's synthetic patches in one dictionary: each figure beside its real-real floor."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.distances import fid, membership
from napari_cellsynth.evaluate.diversity import diversity_gate, inception_score, typical_distance, vendi
from napari_cellsynth.evaluate.extractors import Extractor, extractor_name, features, standardised
from napari_cellsynth.evaluate.intervals import bootstrap, kid_interval
from napari_cellsynth.evaluate.memorisation import ct_score, is_authentic, memorisation, memorisation_gate
from napari_cellsynth.evaluate.pairs import pair_figures
from napari_cellsynth.evaluate.patch_figures import COPY_RATIO
from napari_cellsynth.evaluate.perceptual import lpips_each
from napari_cellsynth.evaluate.statistics import Interval
from napari_cellsynth.evaluate.symmetries import each_turned

Patches = NDArray[np.float32]
Floats = NDArray[np.float64]
Probabilities = Callable[[Patches], NDArray[Any]]

PARTS = ("features", "distances", "copies", "pairs")
_NEIGHBOURS = 5
_AT_ONCE = 64


class _Sets(NamedTuple):
    """The patches that are compared: ``reference`` and ``others`` are real, ``others`` were trained on."""

    reference: Patches
    others: Patches
    trained_on: Patches
    synthetic: Patches
    n: int
    name: str
    notices: list[str]


def quality_table(
    trained_on: Patches,
    synthetic: Patches,
    held_out: Patches | None = None,
    *,
    extractor: str | Extractor = "handmade",
    probabilities: Probabilities | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare synthetic patches with real ones.

    The reference is held-out real patches; without any, a random half of those trained on, which flatters. The floor is
    the same figure between other real patches and the reference. The sets whose distance is taken are cut to one size,
    since FID, coverage and diversity depend on it; copies are looked for among all patches trained on.

    Parameters
    ----------
    trained_on : ndarray of float32, shape (N, C, S, S)
        Real patches the generator was trained on.
    synthetic : ndarray of float32, shape (M, C, S, S)
        Generated patches.
    held_out : ndarray of float32, shape (H, C, S, S), optional
        Real patches of groups the generator never saw.
    extractor : str or callable
        See `quality.features`.
    probabilities : callable, optional
        A classifier of the domain: patches to class probabilities (N, K). Gives the inception score.
    seed : int
        Fixes the random choices.

    Returns
    -------
    dict of plain JSON values
        ``kid``, ``fid``, ``precision``, ``recall``, ``density``, ``coverage``, ``inception_score``, ``vendi``;
        ``copied``, ``ct``, ``authentic``; ``psnr``, ``ssim``, ``l1``, ``l2``, ``lpips`` of each synthetic patch and its
        nearest training patch; the ``floor`` of each (real patches in the place of the synthetic ones); ``intervals``
        and ``floor_intervals``: 95 % bounds [low, high] by figure; ``missing``: why a figure is not there; ``gates``:
        verdict and reason on ``memorisation`` and ``diversity``; ``n`` (patches a set), ``extractor``, ``reference``
        and ``notices``.

    Raises
    ------
    UserError
        If there are too few patches for the figures.
    """
    work = measured(trained_on, synthetic, held_out, extractor=extractor, probabilities=probabilities, seed=seed)
    while True:
        try:
            next(work)
        except StopIteration as end:
            table: dict[str, Any] = end.value
            return table


def measured(
    trained_on: Patches,
    synthetic: Patches,
    held_out: Patches | None = None,
    *,
    extractor: str | Extractor = "handmade",
    probabilities: Probabilities | None = None,
    seed: int = 0,
) -> Generator[int, None, dict[str, Any]]:
    """Do the work of `quality_table` in small steps, and return its table; yields the position in `PARTS` at each."""
    rng = np.random.default_rng(seed)
    sets = _chosen(trained_on, synthetic, held_out, rng)
    described = []
    for patches in (sets.reference, sets.others, sets.synthetic):
        done = []
        for start in range(0, len(patches), _AT_ONCE):
            yield 0
            done.append(features(patches[start : start + _AT_ONCE], extractor))
        described.append(np.concatenate(done))
    both, made = standardised(np.concatenate(described[:2]), described[2])
    ref, seen = both[: len(sets.reference)], both[len(sets.reference) :]
    table = _Table()

    yield 1
    equal = [part[rng.permutation(len(part))[: sets.n]] for part in (ref, seen, made)]
    bandwidth = typical_distance(np.concatenate(equal[:2]))
    for column, other in ((table.floor, equal[1]), (table.made, equal[2])):
        _distances(column, equal[0], other, bandwidth)
    if probabilities is None:
        table.missing["inception_score"] = "not available: needs a network that knows two classes or more"
    else:
        for column, patches in ((table.floor, sets.reference), (table.made, sets.synthetic)):
            given = np.asarray(probabilities(patches[rng.permutation(len(patches))[: sets.n]]), np.float64)
            column["inception_score"] = bootstrap(inception_score, given)

    yield 2
    real_pairs = _copies(table.floor, sets.others, sets.reference, seen, ref)
    yield 2
    pairs = _copies(table.made, sets.trained_on, sets.synthetic, seen, made)
    table.made["ct"], table.floor["ct"] = _bare(ct_score(seen, made, ref)), _bare(0.0)

    for column, (first, second) in ((table.floor, real_pairs), (table.made, pairs)):
        yield 3
        for name, values in pair_figures(first, second).items():
            column[name] = bootstrap(np.mean, values)
        try:
            column["lpips"] = bootstrap(np.mean, lpips_each(first, second))
        except UserError as error:
            table.missing["lpips"] = error.message.removeprefix("LPIPS is ").rstrip(".")
    gates = {
        "memorisation": memorisation_gate(table.values(), table.floors()),
        "diversity": diversity_gate(table.made["vendi"].estimate, table.floor["vendi"].estimate),
    }
    return {
        **table.plain(),
        "gates": {name: gate._asdict() for name, gate in gates.items()},
        "n": sets.n,
        "extractor": extractor_name(extractor),
        "reference": sets.name,
        "notices": sets.notices,
    }


class _Table:
    """Figures of the synthetic patches and of real ones in their place."""

    def __init__(self) -> None:
        self.made: dict[str, Interval] = {}
        self.floor: dict[str, Interval] = {}
        self.missing: dict[str, str] = {}

    def values(self) -> dict[str, float]:
        return {name: figure.estimate for name, figure in self.made.items()}

    def floors(self) -> dict[str, float]:
        return {name: figure.estimate for name, figure in self.floor.items()}

    def plain(self) -> dict[str, Any]:
        return {
            **self.values(),
            "floor": self.floors(),
            "intervals": _bounds(self.made),
            "floor_intervals": _bounds(self.floor),
            "missing": self.missing,
        }


def _chosen(trained_on: Patches, synthetic: Patches, held_out: Patches | None, rng: np.random.Generator) -> _Sets:
    order = rng.permutation(len(trained_on))
    notices: list[str] = []
    if held_out is not None and len(held_out) > _NEIGHBOURS:
        reference, others, name = held_out, trained_on[order], "held-out real patches"
    else:
        half = len(order) // 2
        reference, others = trained_on[order[:half]], trained_on[order[half:]]
        name = "half of the real patches trained on"
        notices.append("No held-out real patches of this class: the reference was seen in training, which flatters.")
    n = min(len(reference), len(others), len(synthetic))
    if n <= _NEIGHBOURS:
        raise UserError(
            f"The figures need more than {_NEIGHBOURS} real and synthetic patches on every side, but there are {n}.",
            "Generate more patches, or label more crops.",
        )
    return _Sets(reference, others, trained_on, synthetic, n, name, notices)


def _distances(column: dict[str, Interval], real: Floats, other: Floats, bandwidth: float) -> None:
    column["kid"] = kid_interval(real, other)
    # Drawing patches twice makes a set look narrower, so FID and Vendi would lie outside of their own intervals.
    column["fid"] = _bare(fid(real, other))
    column["vendi"] = _bare(vendi(other, bandwidth=bandwidth))
    found = membership(real, other, _NEIGHBOURS)
    names = ("precision", "density", "recall", "coverage")
    for name, values in zip(names, (found.precise, found.dense, found.recalled, found.covered), strict=True):
        column[name] = bootstrap(np.mean, values)


def _copies(
    column: dict[str, Interval], trained_on: Patches, patches: Patches, seen: Floats, described: Floats
) -> tuple[Patches, Patches]:
    """Look for copies, and return each patch, turned to lie like its nearest training patch, with that patch."""
    found = memorisation(trained_on, patches)
    column["copied"] = bootstrap(np.mean, found["ratio"] < COPY_RATIO)
    column["authentic"] = bootstrap(np.mean, is_authentic(seen, described))
    return each_turned(patches, found["view"]), trained_on[found["nearest"]]


def _bare(value: float) -> Interval:
    return Interval(value, math.nan, math.nan)


def _bounds(figures: dict[str, Interval]) -> dict[str, list[float]]:
    return {name: [each.low, each.high] for name, each in figures.items() if math.isfinite(each.low)}
