from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.image.inception import InceptionScore

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.quality import diversity_gate, inception_score, vendi
from napari_cellsynth.evaluate.quality_table import quality_table
from tests.evaluate.examples import blobs, with_noise


def test_the_vendi_score_counts_kinds():
    assert vendi(np.ones((7, 3))) == pytest.approx(1)
    assert vendi(np.eye(7)) == pytest.approx(7)
    assert vendi(np.repeat(np.eye(3), 4, axis=0)) == pytest.approx(3)
    assert vendi(np.zeros((5, 3))) == pytest.approx(1)
    assert vendi(np.repeat([[0.0], [100.0]], 5, axis=0), bandwidth=1) == pytest.approx(2)


def test_the_vendi_score_has_its_closed_form_for_two_patches():
    s = 0.3  # the kernel [[1, s], [s, 1]] / 2 has the eigenvalues (1 ± s) / 2
    shares = np.array([1 + s, 1 - s]) / 2
    assert vendi([[1, 0], [s, np.sqrt(1 - s**2)]]) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_the_inception_score_has_its_closed_forms():
    assert inception_score(np.full((10, 4), 0.25)) == pytest.approx(1)
    assert inception_score(np.tile(np.eye(4), (5, 1))) == pytest.approx(4)
    assert inception_score(np.tile([1.0, 0, 0], (5, 1))) == pytest.approx(1)


class _Logits(torch.nn.Module):
    """Takes images for the logits that they carry in their first row."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0, 0, :].float()


def test_the_inception_score_agrees_with_torchmetrics():
    logits = torch.from_numpy(np.random.default_rng(0).integers(0, 6, (40, 1, 1, 5)).astype(np.uint8))
    with pytest.warns(UserWarning, match="memory footprint"):
        theirs = InceptionScore(feature=_Logits(), splits=1)
    theirs.update(logits)
    with pytest.warns(UserWarning, match="degrees of freedom"):  # the spread over its one split
        score = float(theirs.compute()[0])
    p = torch.softmax(logits[:, 0, 0].float(), dim=1).numpy()
    assert inception_score(p) == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize("extractor", ["handmade", "random-conv"])
@pytest.mark.parametrize("noise", [0, 0.01])
def test_a_constant_generator_fails_the_gate_of_diversity(extractor, noise):
    held_out = blobs(60, 2)
    constant = with_noise(np.repeat(held_out[:1], 60, axis=0), noise)
    table = quality_table(blobs(80, 1), constant, held_out, extractor=extractor)
    gate = table["gates"]["diversity"]
    assert not gate["passed"] and "repeats itself" in gate["reason"]
    assert table["vendi"] < 1.5 < 4 < table["floor"]["vendi"]


def test_the_gate_compares_with_real_patches():
    assert diversity_gate(9, 10).passed
    assert not diversity_gate(3, 10).passed
    assert diversity_gate(1.5, 1.2).passed


def test_nothing_has_no_diversity():
    for figure in (vendi, inception_score):
        with pytest.raises(UserError, match="at least one patch"):
            figure(np.zeros((0, 3)))
