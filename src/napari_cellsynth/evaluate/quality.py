"""How far synthetic patches are from real ones, how varied they are, and whether they are copies: all of it by name.

The distances take feature matrices (N, d), the real set first; `features` makes them. None of them means anything
without its floor: the same figure between two sets of real patches of the same size (`quality_table` gives both).
"""

from __future__ import annotations

from napari_cellsynth.evaluate.distances import fid, kid, precision_recall_density_coverage
from napari_cellsynth.evaluate.diversity import diversity_gate, inception_score, vendi
from napari_cellsynth.evaluate.extractors import Extractor, features, standardised
from napari_cellsynth.evaluate.intervals import bootstrap, kid_interval
from napari_cellsynth.evaluate.memorisation import (
    Gate,
    Memorisation,
    authenticity,
    ct_score,
    memorisation,
    memorisation_gate,
)
from napari_cellsynth.evaluate.pairs import l1, l2, psnr, ssim
from napari_cellsynth.evaluate.patch_figures import COPY_RATIO
from napari_cellsynth.evaluate.perceptual import lpips
from napari_cellsynth.evaluate.realism import realism

__all__ = [
    "COPY_RATIO",
    "Extractor",
    "Gate",
    "Memorisation",
    "authenticity",
    "bootstrap",
    "ct_score",
    "diversity_gate",
    "features",
    "fid",
    "inception_score",
    "kid",
    "kid_interval",
    "l1",
    "l2",
    "lpips",
    "memorisation",
    "memorisation_gate",
    "precision_recall_density_coverage",
    "psnr",
    "realism",
    "ssim",
    "standardised",
    "vendi",
]
