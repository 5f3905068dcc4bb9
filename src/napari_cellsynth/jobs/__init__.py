"""A job in, events out: the same work here, in a process of its own, or (later) on a cluster.

``job`` describes the work (plain data), ``run`` does it in this process, ``process`` in a spawned worker whose events
come over a ``wire``, and one small file a subject (``segmenting``, ``gans``, ``classifiers``) joins the project on disk
to the pixels and the networks.
Nothing here imports torch until a training or a prediction starts.
"""

from napari_cellsynth.jobs.job import (
    ExplainParameters,
    GenerateParameters,
    InterpolateParameters,
    Job,
    LabelHelpParameters,
    PredictParameters,
    QualityParameters,
    ScoreParameters,
    SegmentParameters,
    TrainClassifierParameters,
    TrainGanParameters,
)
from napari_cellsynth.jobs.process import ProcessRun, run_in_process
from napari_cellsynth.jobs.run import run

__all__ = [
    "ExplainParameters",
    "GenerateParameters",
    "InterpolateParameters",
    "Job",
    "LabelHelpParameters",
    "PredictParameters",
    "ProcessRun",
    "QualityParameters",
    "ScoreParameters",
    "SegmentParameters",
    "TrainClassifierParameters",
    "TrainGanParameters",
    "run",
    "run_in_process",
]
