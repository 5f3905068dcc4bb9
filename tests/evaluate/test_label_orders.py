from __future__ import annotations

import numpy as np
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from napari_cellsynth.evaluate.label_orders import different_first, similar_space


def test_the_space_has_the_distances_of_scikit_learns_principal_components() -> None:
    x = np.random.default_rng(0).normal(size=(60, 20)) * np.arange(1, 21)
    z = similar_space(x, axes=5)
    theirs = PCA(5).fit_transform(StandardScaler().fit_transform(x))
    ours = np.linalg.norm(z[:, None] - z, axis=2)
    assert np.allclose(ours, np.linalg.norm(theirs[:, None] - theirs, axis=2), atol=1e-8)


def test_a_feature_that_never_changes_and_one_odd_value_do_not_decide() -> None:
    x = np.random.default_rng(0).normal(size=(100, 3))
    x[:, 1] = 7
    x[0, 2] = 1e9
    z = similar_space(x)
    assert np.isfinite(z).all() and np.abs(z).max() < 10


def test_the_first_ones_are_of_all_kinds_and_typical_and_of_several_groups() -> None:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(6, 4)) * 20
    kinds = np.repeat(np.arange(6), [300, 200, 100, 50, 20, 20])
    z = centres[kinds] + rng.normal(size=(len(kinds), 4))
    debris = rng.uniform(-70, 70, (5, 4))
    groups = np.array(["a", "b", "c"])[rng.integers(3, size=len(z) + 5)]
    first = different_first(np.concatenate([z, debris]), groups, 24)
    assert len(set(first.tolist())) == 24
    # Farthest-first would begin with all the debris; here the largest kind is first, and all kinds come.
    assert kinds[first[0]] == 0 and set(kinds[first[first < len(z)]]) == set(range(6))
    assert (first[:6] >= len(z)).sum() < 3
    assert set(groups[first[:12]]) == {"a", "b", "c"}


def test_all_are_returned_once_where_there_are_fewer_than_asked_for() -> None:
    for n in (1, 2, 9):
        z = np.random.default_rng(n).normal(size=(n, 3))
        assert sorted(different_first(z, ["g"] * n, 50).tolist()) == list(range(n))
    assert sorted(different_first(np.zeros((40, 3)), ["g"] * 40, 50).tolist()) == list(range(40))
