from __future__ import annotations

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.fold_network import FoldNetwork, steps
from napari_cellsynth.evaluate.quality_table import quality_table
from tests.evaluate.examples import blobs, stripes, with_noise

CLASSES = ("blobs", "stripes")


def trained(seed: int = 0, n: int = 40) -> FoldNetwork:
    network = FoldNetwork(1, CLASSES, seed=seed, low=np.array([10.0]), high=np.array([210.0]))
    assert list(network.learn(np.concatenate([blobs(n, 1), stripes(n, 2)]), np.repeat([0, 1], n))) == list(
        range(1, steps(2 * n) + 1)
    )
    return network


@pytest.fixture(scope="module")
def network() -> FoldNetwork:
    return trained()


def test_it_learns_the_classes_and_says_what_it_learned_from(network):
    unseen = np.concatenate([blobs(30, 3), stripes(30, 4)])
    p = network.probabilities(unseen)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    assert np.mean(p.argmax(axis=1) == np.repeat([0, 1], 30)) > 0.9
    assert network.name == "network trained on 80 training crops of 2 classes"


def test_features_are_few_finite_and_do_not_depend_on_the_batch(network):
    x = blobs(70, 5)
    whole = network(x)
    assert whole.shape == (70, 64) and np.isfinite(whole).all()
    np.testing.assert_allclose(whole[3:4], network(x[3:4]), atol=1e-5)
    assert network(x[:0]).shape == (0, 64)


@pytest.mark.slow
def test_the_same_seed_makes_the_same_network_and_another_seed_another(network):
    x = blobs(5, 6)
    np.testing.assert_allclose(trained()(x), network(x), atol=1e-5)
    assert np.abs(trained(seed=1)(x) - network(x)).max() > 0.01


def test_a_saved_network_is_the_same_when_it_is_loaded(network, tmp_path):
    path = tmp_path / "run" / "network.safetensors"
    network.save(path)
    again = FoldNetwork.load(path)
    x = stripes(5, 7)
    np.testing.assert_array_equal(again(x), network(x))
    assert (again.name, again.classes, again.low.tolist()) == (network.name, CLASSES, [10.0])
    path.write_bytes(b"no network")
    with pytest.raises(UserError, match="no feature network"):
        FoldNetwork.load(path)


def test_it_sees_patches_of_another_intensity_range_as_it_learned_them(network):
    x = blobs(6, 8) * 0.4
    # The same raw intensities: its own range is 10..210, theirs 60..160.
    raw = (x + 1) / 2 * 200 + 10
    theirs = ((raw - 60) / 100 * 2 - 1).astype(np.float32)
    other = network.seen_in(np.array([60.0]), np.array([160.0]))
    np.testing.assert_allclose(other(theirs), network(x), atol=1e-4)
    np.testing.assert_allclose(other.probabilities(theirs), network.probabilities(x), atol=1e-4)
    assert other.name == network.name


def test_kid_by_the_network_ranks_generators_and_its_floor_is_near_zero(network):
    real, held_out = blobs(60, 1), blobs(60, 2)
    makers = {
        "fresh": blobs(60, 3),
        "noisy": with_noise(blobs(60, 3), 0.15),
        "noise": np.random.default_rng(0).uniform(-1, 1, real.shape).astype(np.float32),
    }
    tables = {
        name: quality_table(real, made, held_out, extractor=network, probabilities=network.probabilities)
        for name, made in makers.items()
    }
    kids = [tables[name]["kid"] for name in ("fresh", "noisy", "noise")]
    assert kids == sorted(kids) and kids[0] < 0.5 < 1 < kids[2] < 250
    assert abs(tables["fresh"]["floor"]["kid"]) < 0.6
    assert tables["fresh"]["extractor"] == network.name
    assert 1 <= tables["fresh"]["inception_score"] <= 2


def test_patches_larger_than_it_needs_are_made_smaller(network):
    assert network(blobs(2, 9, size=96)).shape == (2, 64)


def test_one_class_is_not_enough():
    with pytest.raises(UserError, match="two classes"):
        FoldNetwork(1, ["only"])
    with pytest.raises(UserError, match="no crops"):
        next(FoldNetwork(1, CLASSES).learn(blobs(0, 0), np.zeros(0, np.int64)))
