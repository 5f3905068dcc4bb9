"""Moments of a density over an object's pixels: central ones, and Hu's seven that no turn changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.imaging.features.objects import Columns, Objects

_POWERS = ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))


def moments(objects: Objects, density: NDArray[np.float64] | None = None) -> Columns:
    """Return the moments of a density over each object.

    Parameters
    ----------
    objects : Objects
        The objects.
    density : ndarray of float, shape (P,), optional
        Density ρ of every object pixel, 0 or more; 1 (the mask itself) if left out.

    Returns
    -------
    dict of str to ndarray
        ``mu20``, ``mu02``, ``mu30``, ``mu03``: central moments μ_pq = Σ ρ (x - x̄)^p (y - ȳ)^q, x to the right, y down,
        pixels (S4 section 3, after Hu). ``hu1`` … ``hu7``: Hu's invariants of η_pq = μ_pq / μ00^(1 + (p + q) / 2), as
        sign(h) · |h|^(1/degree) where the degree (1, 2, 2, 2, 4, 3, 4) is that of h as a polynomial in the η: this
        brings them to one order of magnitude. An object without density has moments 0.

    References
    ----------
    M.-K. Hu, "Visual pattern recognition by moment invariants", IRE Trans. Inf. Theory 8 (1962) 179-187.
    """
    rho = np.ones(len(objects.of)) if density is None else np.asarray(density, np.float64)
    mass = objects.sum(rho)
    safe = np.where(mass > 0, mass, 1.0)
    dx = objects.x - (objects.sum(rho * objects.x) / safe)[objects.of]
    dy = objects.y - (objects.sum(rho * objects.y) / safe)[objects.of]
    # Products, not powers: a third power by the library's general routine takes ten times as long.
    of_x, of_y = ((1.0, d, d * d, d * d * d) for d in (dx, dy))
    mu = {(p, q): objects.sum(rho * of_x[p] * of_y[q]) for p, q in _POWERS}
    eta = {(p, q): value / safe ** (1 + (p + q) / 2) for (p, q), value in mu.items()}
    columns = {f"mu{p}{q}": mu[p, q] for p, q in ((2, 0), (0, 2), (3, 0), (0, 3))}
    for number, (value, degree) in enumerate(zip(_hu(eta), (1, 2, 2, 2, 4, 3, 4), strict=True), start=1):
        columns[f"hu{number}"] = np.sign(value) * np.abs(value) ** (1 / degree)
    return columns


def _hu(eta: dict[tuple[int, int], NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Return Hu's seven invariants of the normalised moments."""
    n20, n02, n11 = eta[2, 0], eta[0, 2], eta[1, 1]
    n30, n03, n21, n12 = eta[3, 0], eta[0, 3], eta[2, 1], eta[1, 2]
    a, b = n30 + n12, n21 + n03
    c, d = n30 - 3 * n12, 3 * n21 - n03
    return [
        n20 + n02,
        (n20 - n02) ** 2 + 4 * n11**2,
        c**2 + d**2,
        a**2 + b**2,
        c * a * (a**2 - 3 * b**2) + d * b * (3 * a**2 - b**2),
        (n20 - n02) * (a**2 - b**2) + 4 * n11 * a * b,
        d * a * (a**2 - 3 * b**2) - c * b * (3 * a**2 - b**2),
    ]
