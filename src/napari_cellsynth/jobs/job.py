"""The description of a piece of work: which kind, on which project, with which parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_cellsynth.errors import UserError

Device = Literal["auto", "cpu", "cuda", "mps"]
Kind = Literal[
    "segment",
    "try-segment",
    "train-gan",
    "time-gan",
    "generate",
    "quality",
    "score",
    "interpolate",
    "train-classifier",
    "predict",
    "explain",
    "label-help",
    "suggest",
    "experiment",
    "draw",
    "merge",
    "over-time",
    "time-experiment",
    "at-once",
]
Explanation = Literal["deconvolution", "guided-backprop", "grad-cam", "occlusion", "kernels", "feature-maps"]
EXPLANATIONS: tuple[Explanation, ...] = get_args(Explanation)


class Parameters(BaseModel):
    """Base of the parameters of every kind of job: unknown names are refused."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)


class Divisible(Parameters):
    """Work of many pieces, which several processes or machines can share."""

    workers: int = Field(1, ge=1, le=256, description="Processes of this machine that share the work.")
    scheduler: str | None = Field(
        None,
        description="Instead: the address of a Dask scheduler, or a TOML file ([scheduler], [slurm], [tls]).",
    )

    @property
    def divides(self) -> bool:
        """Whether others than this process do the work."""
        return self.workers > 1 or self.scheduler is not None


class SegmentParameters(Divisible):
    """Find objects in frames (the stem-cell paper's section 3.1: entropy, Otsu, opening, holes, small objects).

    With another ``method`` (`imaging.segmenters`) only ``options``, ``images`` and ``frames`` count.
    """

    method: str = Field("entropy", description="What finds the objects, by name.")
    options: dict[str, Any] = Field(default_factory=dict, description="Settings of another method than entropy.")
    radius: int = Field(
        9, ge=1, le=50, description="Radius of the disk over which texture (entropy) is measured, in px."
    )
    opening: int = Field(
        5, ge=0, le=100, description="Radius of the disk that opens the mask and cuts thin bridges, in px."
    )
    min_area: int = Field(500, ge=0, description="Objects smaller than this are dropped, in px.")
    flat_field_px: float | None = Field(
        None, gt=0, description="Even out light over this distance in px before segmenting; off when empty."
    )
    split_touching: bool = Field(
        False, description="Part touching objects at their necks (distance-transform watershed)."
    )
    cell_width_px: float | None = Field(
        None, gt=0, description="Width of a typical cell in px: parts confluent cells too; needs split touching."
    )
    enhance: Literal["none", "he", "ahe", "clahe"] = Field(
        "none", description="Contrast enhancement before segmenting."
    )
    images: list[int] | None = Field(None, description="Image ids; all images when empty.")
    frames: list[int] | None = Field(None, description="Frame numbers; all frames when empty.")


class TrySegmentParameters(SegmentParameters):
    """Find the objects of the first of the frames and write nothing, to see what a method does."""


class TrainGanParameters(Parameters):
    """Train a generator of patches on real training crops: of one class, or of several with a conditional recipe."""

    classes: list[str | int] = Field(
        default_factory=list,
        description="The class to learn, by name or id; a conditional recipe learns several, all when empty.",
    )
    recipe: str = Field("cellsynth", description="The recipe, by name.")
    steps: int | None = Field(None, ge=1, description="Training steps; the recipe's own number when empty.")
    fold: int | None = Field(
        None, ge=0, description="Leave this fold's groups out too, as `Project.set_folds` set them."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of weights, noise and order.")
    overrides: dict[str, Any] = Field(default_factory=dict, description="Recipe fields that differ from its defaults.")
    resume: str | None = Field(None, description="Id of a stopped run to go on with.")
    device: Device = Field("auto", description="Where to compute.")


class TimeGanParameters(Parameters):
    """Time a few steps of a GAN recipe, to tell beforehand how long a training takes."""

    recipe: str = Field("cellsynth", description="The recipe, by name.")
    overrides: dict[str, Any] = Field(default_factory=dict, description="Recipe fields that differ from its defaults.")
    channels: int = Field(1, ge=1, description="Channels of the patches.")
    classes: int = Field(0, ge=0, description="Number of classes, for a conditional recipe.")
    device: Device = Field("auto", description="Where to compute.")


class GenerateParameters(Parameters):
    """Draw synthetic patches from a trained generator into the project."""

    run: str = Field(description="The GAN run.")
    n: int = Field(500, ge=1, le=1_000_000, description="How many patches a class.")
    classes: list[str | int] = Field(
        default_factory=list, description="Of these classes only, by name or id; of all when empty."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of the noise; patch i of a seed is always the same.")
    device: Device = Field("auto", description="Where to compute.")


class QualityParameters(Parameters):
    """Compare a run's synthetic patches with real ones that the generator never saw."""

    run: str = Field(description="The GAN run.")
    classes: list[str | int] = Field(
        default_factory=list, description="Of these classes only, by name or id; of all when empty."
    )
    n: int = Field(500, ge=10, description="How many patches of either kind at most.")
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of the draw.")
    extractor: Literal["auto", "inception", "network", "handmade", "random-conv"] = Field(
        "auto", description="What describes the patches; auto: Inception where its weights are, else the network."
    )
    inception: str | None = Field(None, description="File of Inception's weights; torch's cache is searched otherwise.")


class ScoreParameters(Parameters):
    """Measure every synthetic patch on its own: realism, probability of its class, nearest real object, copy ratio."""

    runs: list[str] = Field(default_factory=list, description="Patches of these GAN runs; of all when empty.")


class InterpolateParameters(Parameters):
    """Walk from one synthetic patch to another through the generator's latent space."""

    first: int = Field(description="Id of the patch to start from.")
    last: int = Field(description="Id of the patch to end at, of the same run and checkpoint.")
    steps: int = Field(9, ge=2, le=100, description="How many patches, the two included.")
    file: str | None = Field(None, description="Image file that the strip is written to; none when empty.")
    device: Device = Field("auto", description="Where to compute.")


class TrainClassifierParameters(Parameters):
    """Train a classifier on real and, if asked, synthetic patches; score it on held-out groups of real ones."""

    recipe: str = Field("fast", description="The recipe, by name.")
    synthetic: int = Field(0, ge=0, description="Synthetic patches a class that are added to the real ones.")
    up_to: int | None = Field(
        None, ge=1, description="Instead: fill rare classes with synthetic patches up to so many in total."
    )
    share: float | None = Field(
        None, gt=0, le=1000, description="Instead: so many synthetic patches for each real crop."
    )
    mode: Literal["mixed", "pretrained"] = Field(
        "mixed", description="Train on real and synthetic together, or on synthetic first and then on real."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of weights and order.")
    overrides: dict[str, Any] = Field(default_factory=dict, description="Recipe fields that differ from its defaults.")
    resume: str | None = Field(None, description="Id of a stopped run to go on with.")
    device: Device = Field("auto", description="Where to compute.")

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if sum(bool(amount) for amount in (self.synthetic, self.up_to, self.share)) > 1:
            raise ValueError("give one of synthetic, up_to and share")
        return self

    @property
    def adds_synthetic(self) -> bool:
        """Whether synthetic patches are asked for."""
        return bool(self.synthetic or self.up_to or self.share)


class PredictParameters(Divisible):
    """Predict the class of every object."""

    run: str | None = Field(None, description="The classifier run; the newest finished one when empty.")
    images: list[int] | None = Field(None, description="Image ids; all images when empty.")
    unsure_below: float | None = Field(
        None, ge=0, lt=1, description="Answer unsure below this confidence; as set before when empty."
    )
    device: Device = Field("auto", description="Where to compute.")


class ExplainParameters(Parameters):
    """Draw what a classifier looks at in one object."""

    object: int = Field(description="The object's id.")
    run: str | None = Field(None, description="The classifier run; the newest finished one when empty.")
    methods: list[Explanation] = Field(default=["grad-cam"], min_length=1, description="What to draw.")
    class_name: str | None = Field(None, description="What speaks for this class; the predicted one when empty.")
    out: str | None = Field(None, description="Folder of the pictures; in the run's folder when empty.")


class LabelHelpParameters(Parameters):
    """Find labels that are probably wrong, copies across groups, and what to label next."""

    n: int = Field(50, ge=1, le=10_000, description="How many objects to propose for labelling; a fifth at random.")
    most: int = Field(20_000, ge=10, description="Objects that are looked at; all labelled ones come first.")
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of folds and random objects.")


class SuggestParameters(Parameters):
    """Suggest classes while somebody labels: a cheap model, fitted again after every few labels."""

    watch: bool = Field(True, description="Go on until stopped; else one fit and the end.")


class DrawParameters(Parameters):
    """Draw artificial patches of a class into the project: no training, but a formula (S4, section 4.8.4)."""

    class_name: str | int = Field(description="The class that they stand for, by name or id.")
    drawing: Literal["circle", "rings", "dense", "spread", "debris", "differentiated"] = Field(
        "circle", description="circle, rings: particles of Perlin noise; the others: simulated colonies."
    )
    n: int = Field(500, ge=1, le=1_000_000, description="How many patches.")
    size: int = Field(64, ge=16, le=512, description="Side of a patch, px.")
    fit: Literal["auto", "window", "whole"] = Field("auto", description="The classifier's fit that they go with.")
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of the drawing.")


class MergeParameters(Parameters):
    """Merge folders and projects into a new project: copies out, types grouped into classes."""

    sources: list[str] = Field(description="Folders with an objects.csv or one folder a class, and projects.")
    types: str | None = Field(
        None, description="CSV of types and their classes, written first if not there; without it a type is a class."
    )


class OverTimeParameters(Parameters):
    """Write how many objects of each class there are in every frame, video and group, and what becomes of them."""

    run: str | None = Field(None, description="The classifier run; the one that predicted last when empty.")
    out: str | None = Field(None, description="Folder of the tables and the page; over_time in the project when empty.")


class ExperimentParameters(Parameters):
    """Run a protocol over folds of the labelled objects, and report what came out."""

    protocol: str = Field("does-synthetic-help", description="The protocol, by name.")
    preset: str = Field("full", description="How thoroughly: smoke (minutes), small or full.")
    changes: dict[str, Any] = Field(default_factory=dict, description="Settings that differ from the preset's.")
    resume: str | None = Field(None, description="Id of an interrupted experiment to go on with.")
    workers: int = Field(1, ge=1, le=256, description="Processes of this machine that share out the trainings.")
    scheduler: str | None = Field(
        None,
        description="Instead: the address of a Dask scheduler, or a TOML file ([scheduler], [slurm], [tls]).",
    )
    device: Device = Field("auto", description="Where to compute.")


class TimeExperimentParameters(Parameters):
    """Time a few steps of every recipe of a protocol, to tell beforehand how long an experiment takes."""

    protocol: str = Field("does-synthetic-help", description="The protocol, by name.")
    preset: str = Field("full", description="How thoroughly: smoke (minutes), small or full.")
    changes: dict[str, Any] = Field(default_factory=dict, description="Settings that differ from the preset's.")
    device: Device = Field("auto", description="Where to compute.")


class Part(Parameters):
    """A job among others of the same project."""

    kind: Literal["train-gan", "train-classifier"] = Field(description="What is done.")
    parameters: dict[str, Any] = Field(description="Of that kind of job.")
    title: str = Field(description="What it is called while one waits.")

    def as_job(self, project: Path) -> Job:
        """Return it as a job of its own."""
        return Job(kind=self.kind, project=project, parameters=self.parameters)


class AtOnceParameters(Parameters):
    """Do several jobs at once, in processes of this machine or on a cluster that sees the project's folder."""

    jobs: list[Part] = Field(min_length=1, description="The jobs.")
    workers: int = Field(1, ge=1, le=256, description="Processes of this machine that share the jobs.")
    scheduler: str | None = Field(
        None,
        description="Instead: the address of a Dask scheduler, or a TOML file ([scheduler], [slurm], [tls]).",
    )


PARAMETERS: dict[str, type[Parameters]] = {
    "segment": SegmentParameters,
    "try-segment": TrySegmentParameters,
    "train-gan": TrainGanParameters,
    "time-gan": TimeGanParameters,
    "generate": GenerateParameters,
    "quality": QualityParameters,
    "score": ScoreParameters,
    "interpolate": InterpolateParameters,
    "train-classifier": TrainClassifierParameters,
    "predict": PredictParameters,
    "explain": ExplainParameters,
    "label-help": LabelHelpParameters,
    "suggest": SuggestParameters,
    "draw": DrawParameters,
    "experiment": ExperimentParameters,
    "merge": MergeParameters,
    "over-time": OverTimeParameters,
    "time-experiment": TimeExperimentParameters,
    "at-once": AtOnceParameters,
}


class Job(BaseModel):
    """A piece of work as plain data: it can be written to a file, queued, or sent to another process.

    Raises
    ------
    UserError
        From `checked`, where the parameters do not fit the kind.
    """

    model_config = ConfigDict(defer_build=True, frozen=True)

    kind: Kind
    project: Path
    parameters: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, project: Path, parameters: Parameters) -> Job:
        """Return the job that does what ``parameters`` ask for, on ``project`` (a path)."""
        kind = next(kind for kind, model in PARAMETERS.items() if type(parameters) is model)
        return cls(kind=kind, project=project, parameters=parameters.model_dump(mode="json"))

    def checked(self) -> Parameters:
        """Return the parameters as the kind's own model, or raise a `UserError` that names the wrong one."""
        return checked(PARAMETERS[self.kind], self.parameters)


def checked(model: type[Parameters], values: dict[str, Any]) -> Parameters:
    """Return ``model(**values)``; a value out of range becomes one line for the user."""
    try:
        return model(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:  # what is wrong is no one value's
            message = str(first["msg"]).removeprefix("Value error, ")
            raise UserError(f"{message[:1].upper()}{message[1:]}.") from None
        name = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{name}: {first['msg'].lower()} (got {first['input']!r}).") from None
