"""How many objects of each class there really are, from a classifier that is known to take some for others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
REPEATS = 400
"""Draws behind a band; its ends move by about a tenth of its width from one seed to the next."""
LEAST_GROUPS = 5
"""With fewer held-out groups their spread cannot be seen, and every crop is taken for a witness of its own."""

_MOST_STEPS = 200
_SETTLED = 1e-5
_WORST = 1e6
"""Condition of a matrix from which on its inverse is rounding."""
_CHUNK = 4_000_000


@dataclass(frozen=True)
class Confusion:
    """What a classifier took held-out crops for.

    Attributes
    ----------
    counts : ndarray of float64, shape (G, K, K)
        Crops of each witness (a held-out group, or a single crop) by true class (rows) and predicted class.
    """

    counts: Floats

    @classmethod
    def of(cls, true: ArrayLike, predicted: ArrayLike, n_classes: int, groups: ArrayLike | None = None) -> Confusion:
        """Count held-out crops.

        Parameters
        ----------
        true, predicted : array_like of int, shape (N,)
            Classes, 0..K-1.
        n_classes : int
            K.
        groups : array_like of shape (N,), optional
            The group of every crop; from `LEAST_GROUPS` groups on these are the witnesses.
        """
        rows, columns = np.asarray(true, np.int64), np.asarray(predicted, np.int64)
        witness = np.arange(len(rows))
        if groups is not None:
            names, codes = np.unique(np.asarray(groups), return_inverse=True)
            witness = codes if len(names) >= LEAST_GROUPS else witness
        counts = np.zeros((int(witness.max(initial=-1)) + 1, n_classes, n_classes))
        np.add.at(counts, (witness, rows, columns), 1)
        return cls(counts)

    @property
    def crops(self) -> Floats:
        """Held-out crops of each true class, (K,)."""
        return np.asarray(self.counts.sum(axis=(0, 2)))

    def rates(self) -> Floats:
        """Return what share of each true class (rows) is taken for which (K, K).

        A class without a held-out crop is taken to be told right always: nothing is known against it.
        """
        return _rows_of_one(self.counts.sum(axis=0))

    def drawn(self, repeats: int, rng: np.random.Generator) -> Floats:
        """Return rates (repeats, K, K) as they might as well have come out, by a Bayesian bootstrap over witnesses.

        Every witness gets a random weight (Rubin 1981, "The Bayesian bootstrap", Annals of Statistics 9), and every
        class one crop more, spread at random over the answers: that three crops of three were told right does not mean
        that the fourth would be.
        """
        k = self.counts.shape[1]
        weights = rng.exponential(size=(repeats, len(self.counts)))
        sums = np.tensordot(weights, self.counts, axes=1)
        sums += rng.gamma(1 / k, size=sums.shape) * (self.crops > 0)[:, None]
        return _rows_of_one(sums)


def class_shares(counts: ArrayLike, rates: ArrayLike) -> Floats:
    """Return the most likely shares of the true classes, given how often each class was answered.

    Parameters
    ----------
    counts : array_like of shape (..., U, K)
        Answers of U sets of objects; they need not be whole numbers.
    rates : array_like of shape (..., K, K)
        What share of each true class (rows) gets which answer; rows add up to 1.

    Returns
    -------
    ndarray of float64, shape (..., U, K)
        At least 0, adding up to 1; NaN for a set without objects. An answer that the rates hold for impossible says
        nothing.

    Notes
    -----
    Answers are multinomial with probabilities ``shares @ rates``. Inverting the matrix (adjusted counts: Forman 2008,
    "Quantifying counts and costs via classification") gives the likeliest shares where none is negative; where one is,
    the maximum of the likelihood on the simplex is found by expectation maximisation (Dempster, Laird and Rubin 1977;
    for a confusion matrix Vucetic and Obradovic 2001, "Classification on data with biased class distribution"). It
    holds where the classifier errs on these objects as it does on the held-out crops.
    """
    seen, taken = np.asarray(counts, np.float64), np.asarray(rates, np.float64)
    totals = seen.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        observed = seen / totals
    observed = np.where(taken.sum(axis=-2)[..., None, :] > 0, observed, 0.0)
    shares = _inverted(observed, taken)
    left = (shares < 0).any(axis=-1) & (totals[..., 0] > 0)
    if left.any():
        own = np.broadcast_to(taken[..., None, :, :], (*observed.shape, observed.shape[-1]))[left]
        shares[left] = _maximised(observed[left], own)
    return np.where(totals > 0, shares, np.nan)


def _inverted(observed: Floats, taken: Floats) -> Floats:
    """Return shares that give the answers exactly; the likeliest ones where none is negative. -1 without a solution."""
    if (np.linalg.cond(taken) > _WORST).any():
        return np.full(observed.shape, -1.0)
    return np.asarray(np.swapaxes(np.linalg.solve(np.swapaxes(taken, -1, -2), np.swapaxes(observed, -1, -2)), -1, -2))


def _maximised(observed: Floats, taken: Floats) -> Floats:
    """Return the likeliest shares (n, K) of answers (n, K) with rates (n, K, K), by steps of EM that are stretched."""
    found = np.full(observed.shape, 1 / observed.shape[-1])
    todo, shares = np.arange(len(found)), found.copy()
    for _ in range(_MOST_STEPS):
        slope = _slope(shares, observed, taken)
        # The likelihood is concave: its logarithm, an object, lies no farther below its maximum than this.
        done = slope.max(axis=1) - 1 < _SETTLED
        found[todo] = shares
        todo, observed, taken, shares, slope = (each[~done] for each in (todo, observed, taken, shares, slope))
        if not len(todo):
            break
        first = _whole(shares * slope)
        second = _whole(first * _slope(first, observed, taken))
        # Two steps foretell where the many small ones lead to (SQUAREM, Varadhan and Roland 2008, their S3).
        along, bend = first - shares, second - 2 * first + shares
        norms = [np.sqrt((each**2).sum(axis=1, keepdims=True)) for each in (along, bend)]
        stretch = np.maximum(1.0, np.divide(norms[0], norms[1], out=np.ones_like(norms[0]), where=norms[1] > 1e-12))
        ahead = _whole(np.maximum(shares + 2 * stretch * along + stretch**2 * bend, second / 10))
        better = _likelihood(ahead, observed, taken) >= _likelihood(second, observed, taken)
        shares = np.where(better[:, None], ahead, second)
    return found


def _slope(shares: Floats, observed: Floats, taken: Floats) -> Floats:
    """Return by what factor a step of EM changes each share."""
    answered = (shares[:, None] @ taken)[:, 0]
    ratio = np.divide(observed, answered, out=np.zeros(observed.shape), where=answered > 0)
    return np.asarray((taken @ ratio[:, :, None])[:, :, 0])


def _likelihood(shares: Floats, observed: Floats, taken: Floats) -> Floats:
    answered = (shares[:, None] @ taken)[:, 0]
    return np.asarray((observed * np.log(np.maximum(answered, 1e-300))).sum(axis=1))


def _whole(shares: Floats) -> Floats:
    total = shares.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(total > 0, shares / np.where(total > 0, total, 1), 1 / shares.shape[-1]))


class Bands(NamedTuple):
    """Estimates with the ends of their bands, each (U, K)."""

    estimate: Floats
    low: Floats
    high: Floats


class Composition(NamedTuple):
    """Of U sets of objects: how many of each class they hold, and the shares that further objects like them would have.

    The two bands answer different questions. ``counts`` are of these very objects: where all of them are labelled, or
    the classifier never errs, there is no doubt. ``shares`` are of the population that they are a sample of, so that
    few objects make a wide band, and two sets can be compared.
    """

    counts: Bands
    shares: Bands


def composition(
    labelled: ArrayLike,
    predicted: ArrayLike,
    confusion: Confusion,
    *,
    weight: ArrayLike | float = 1.0,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Composition:
    """Correct the classes of objects for the classifier's confusion, with 95 % bands.

    Parameters
    ----------
    labelled : array_like of shape (U, K)
        Objects that a person has labelled; they are no matter of doubt.
    predicted : array_like of shape (U, K)
        The other objects, by predicted class.
    confusion : Confusion
        Of held-out crops.
    weight : array_like of shape (U,), or float
        How many independent witnesses an object of the set counts for, in (0, 1]: 1 / T for objects that are seen in
        T frames.
    repeats, seed : int
        Of the draws.

    Notes
    -----
    A draw takes rates from `Confusion.drawn`, and weighs the objects at random as it does the crops, with one object
    more that is spread over the classes. Sets of the same numbers share their draws. Counts are drawn from what each
    answer may be in truth, by Bayes' rule with the drawn rates and shares.
    """
    told, asked = np.asarray(labelled, np.float64), np.asarray(predicted, np.float64)
    w = np.broadcast_to(np.asarray(weight, np.float64), len(told))[:, None]
    # Thousands of images of one crop each are a handful of different sets: each is drawn for once.
    _, first, place = np.unique(np.hstack([told, asked, w]), axis=0, return_index=True, return_inverse=True)
    told, asked, w, place = told[first], asked[first], w[first], place.reshape(-1)
    rng = np.random.default_rng(seed)
    counts = told + _times(asked, class_shares(asked, confusion.rates()))
    totals = counts.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = counts / totals
    ends: list[tuple[Floats, Floats]] = []
    step = max(1, _CHUNK // (repeats * told.shape[1] ** 2))
    rates = confusion.drawn(repeats, rng)
    for start in range(0, len(told), step):
        part = slice(start, start + step)
        drawn = _draws(told[part], asked[part], w[part], rates, rng)
        tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        ends.append(tuple(np.quantile(each, tails, axis=1) for each in drawn))  # type: ignore[arg-type]
    k = told.shape[1]
    of_counts, of_shares = (
        np.concatenate([each[i] for each in ends], axis=1) if ends else np.zeros((2, 0, k)) for i in range(2)
    )
    empty = totals == 0
    found = _bands(counts, of_counts, empty), _bands(shares, of_shares, empty)
    return Composition(*(Bands(*(values[place] for values in bands)) for bands in found))


def _draws(
    told: Floats, asked: Floats, weight: Floats, rates: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return drawn counts and shares, each (U, R, K)."""
    k, repeats = told.shape[1], len(rates)
    n_told, n_asked = told.sum(axis=1, keepdims=True), asked.sum(axis=1, keepdims=True)
    whole = np.maximum(n_told + n_asked, 1)
    shape = (repeats, *told.shape)
    more_told = rng.gamma(np.broadcast_to(told * weight + n_told / whole / k, shape))
    if not asked.any():  # labels alone: nothing is corrected
        alone = more_told / np.maximum(more_told.sum(axis=2, keepdims=True), 1e-300)
        return np.broadcast_to(told[:, None], alone.swapaxes(0, 1).shape), alone.swapaxes(0, 1)
    more_asked = rng.gamma(np.broadcast_to(asked * weight + n_asked / whole / k, shape))
    of_asked = np.nan_to_num(class_shares(more_asked, rates), nan=1 / k)
    drawn = more_told + more_asked.sum(axis=2, keepdims=True) * of_asked
    shares = drawn / np.maximum(drawn.sum(axis=2, keepdims=True), 1e-300)
    # What an answer j may be in truth: P(a | j) in proportion to shares[a] rates[a, j].
    joint = of_asked[..., :, None] * rates[:, None]
    answers = joint.sum(axis=2, keepdims=True)
    truth = np.where(answers > 0, joint / np.where(answers > 0, answers, 1), np.eye(k)).swapaxes(2, 3)
    witnesses = np.where(asked > 0, np.maximum(1, np.rint(asked * weight)), 0).astype(np.int64)
    found = rng.multinomial(np.broadcast_to(witnesses, shape), truth / truth.sum(axis=3, keepdims=True))
    each = np.divide(asked, witnesses, out=np.zeros(asked.shape), where=witnesses > 0)
    counts = told + np.einsum("ruja,uj->rua", found, each)
    return counts.swapaxes(0, 1), shares.swapaxes(0, 1)


def changes_by_error(shares: ArrayLike, rates: ArrayLike) -> float:
    """Return the share of objects whose answer would change between two looks though none of them changes.

    Parameters
    ----------
    shares : array_like of shape (K,)
        True classes.
    rates : array_like of shape (K, K)
        As in `class_shares`.

    Returns
    -------
    float
        In [0, 1], for errors that are independent from one look to the next; where the same object is misjudged again
        and again it is less.
    """
    p, taken = np.asarray(shares, np.float64), np.asarray(rates, np.float64)
    return float(1 - p @ (taken**2).sum(axis=1))


def _bands(estimate: Floats, ends: Floats, empty: NDArray[np.bool_]) -> Bands:
    """Return bands that hold their estimate, also at the edge where draws never reach it; NaN without objects."""
    low, high = np.minimum(ends[0], estimate), np.maximum(ends[1], estimate)
    return Bands(*(np.where(empty, np.nan, each) for each in (estimate, low, high)))


def _times(asked: Floats, shares: Floats) -> Floats:
    total = asked.sum(axis=1, keepdims=True)
    return np.where(total > 0, total * np.nan_to_num(shares), 0.0)


def _rows_of_one(counts: Floats) -> Floats:
    """Return counts (..., K, K) as shares of their rows; empty rows are told right."""
    sums = counts.sum(axis=-1, keepdims=True)
    right = np.broadcast_to(np.eye(counts.shape[-1]), counts.shape)
    return np.asarray(np.where(sums > 0, counts / np.where(sums > 0, sums, 1), right))
