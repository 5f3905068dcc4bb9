"""Features of objects: outline, moments, intensities, profiles and texture, one row an object.

``table`` measures the objects of an image, ``patches`` those in the middle of patches for classifiers; ``shape``,
``moments``, ``density`` and ``texture`` hold the formulas and their sources, ``objects`` and ``membrane`` what they
share.
"""

from __future__ import annotations

from napari_cellsynth.imaging.features.patches import families, feature_names, patch_features
from napari_cellsynth.imaging.features.table import object_features

__all__ = ["families", "feature_names", "object_features", "patch_features"]
