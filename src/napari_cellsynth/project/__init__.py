"""The project folder on disk: images linked, objects, labels, synthetic patches, predictions and runs; no torch.

``project`` is the class `Project`, put together from one part a subject: ``images``, ``masks``, ``classes``,
``label_sets`` (several classes an object), ``actions`` (undo), ``journal`` (labels), ``class_edits``, ``opinions``
(answers beside labels), ``objects`` (with ``carry``), ``groups`` (splits), ``crops``, ``patches`` (synthetic ones),
``predictions`` and ``runs``; ``base`` holds what they share.
``schema`` and ``database`` are the SQLite file below, ``backups`` its copies; ``checking`` looks a whole project over.
``exchange``, ``tables`` and ``folders`` read what comes in, ``importing`` writes it; ``export`` and ``exporting`` take
objects out; ``formats`` holds a file for each format of other programs.
"""

from __future__ import annotations

from napari_cellsynth.errors import LeakError
from napari_cellsynth.project.base import BAD_SEGMENTATION, UNLABELLED, UNSURE
from napari_cellsynth.project.classes import PALETTE, ClassRecord
from napari_cellsynth.project.objects import SegmentationChange
from napari_cellsynth.project.patches import assert_real
from napari_cellsynth.project.project import Project
from napari_cellsynth.project.runs import RunRecord

__all__ = [
    "BAD_SEGMENTATION",
    "PALETTE",
    "UNLABELLED",
    "UNSURE",
    "ClassRecord",
    "LeakError",
    "Project",
    "RunRecord",
    "SegmentationChange",
    "assert_real",
]
