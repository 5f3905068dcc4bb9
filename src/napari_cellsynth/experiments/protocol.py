"""What every protocol says: its settings, the arms it compares, and what it makes of their predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.report import Section
from napari_cellsynth.experiments.analysis import Predictions
from napari_cellsynth.experiments.dataset import Dataset
from napari_cellsynth.experiments.design import Design
from napari_cellsynth.project import Project

Preset = Literal["smoke", "small", "full"]


class Settings(BaseModel):
    """What a user may set of every protocol."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    folds: int = Field(5, ge=2, le=50, description="Outer folds, by whole groups.")
    repeats: int = Field(1, ge=1, le=50, description="How often the folds are drawn anew.")
    gan_seeds: int = Field(2, ge=1, le=50, description="GANs trained for each fold.")
    seeds: int = Field(2, ge=1, le=50, description="Classifiers trained for each fold (and GAN).")
    gan: str = Field("cellsynth", description="The GAN recipe, by name.")
    gan_changes: dict[str, Any] = Field(default_factory=dict, description="GAN fields that differ from its defaults.")
    classifier: str = Field("fast", description="The classifier recipe, by name.")
    classifier_changes: dict[str, Any] = Field(
        default_factory=dict, description="Classifier fields that differ from its defaults."
    )
    classes: list[str] = Field(default_factory=list, description="Classes by name; all with labels when empty.")
    size: Literal[32, 64, 128, 256, 512] = Field(64, description="Side of the patches in pixels.")
    most: int = Field(
        0, ge=0, description="Crops at most, drawn at random in the classes' proportions (10 a class stay); 0: all."
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of the folds.")
    as_published: bool = Field(False, description="Leak as the paper does, for comparison; the report says what leaks.")

    @property
    def chooses(self) -> bool:
        """Whether something is chosen inside of the folds, so that they need inner splits."""
        return False


class Findings(BaseModel):
    """What an experiment found: plain JSON values, the tables as they go into CSV files, and the report's sections."""

    model_config = ConfigDict(defer_build=True, arbitrary_types_allowed=True)

    result: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    sections: list[Section]


@dataclass(frozen=True)
class Outcome:
    """What came out of an experiment's trainings, for its protocol to conclude from.

    Attributes
    ----------
    predictions : sequence of Predictions
        One a trained classifier.
    qualities : sequence of dict
        The figures of each compared GAN, one a fold and seed: ``gan``, ``repeat``, ``fold`` and those of
        `quality.compare`.
    looked : dict
        What `Protocol.look` saw before anything was trained.
    """

    predictions: Sequence[Predictions]
    qualities: Sequence[dict[str, Any]] = ()
    looked: Mapping[str, Any] = field(default_factory=dict)


class Protocol(ABC):
    """An experiment by name."""

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    settings: ClassVar[type[Settings]] = Settings
    leaks: ClassVar[str] = ""
    """What leaks when it is done as published; empty where nothing was published."""
    several: ClassVar[bool] = False
    """Whether objects may have several classes."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """What each preset changes of the settings."""

    @abstractmethod
    def design(self, settings: Any, dataset: Dataset) -> Design:
        """Return the arms to compare."""

    @abstractmethod
    def analyse(self, settings: Any, dataset: Dataset, predictions: Sequence[Predictions]) -> Findings:
        """Return what the predictions say."""

    def conclude(self, settings: Any, dataset: Dataset, outcome: Outcome) -> Findings:
        """Return what the experiment found; most go by the predictions alone."""
        return self.analyse(settings, dataset, outcome.predictions)

    def narrowed(self, settings: Any, dataset: Dataset) -> Dataset:
        """Return the part of the labelled crops that the experiment is about; most take all."""
        return dataset

    def cutting(self, settings: Any) -> dict[str, Any]:
        """Return how crops are cut, as keywords of `Project.crops`; most take them as they are."""
        return {}

    def look(self, settings: Any, project: Project, object_ids: Sequence[int]) -> dict[str, Any]:
        """Return what is to be told of the images themselves, as plain values; most tell nothing."""
        return {}

    def checked(self, preset: str, changes: Mapping[str, Any]) -> Settings:
        """Return a preset's settings with some of them changed.

        Raises
        ------
        UserError
            If there is no such preset or setting, or a value is out of range.
        """
        if preset not in self.presets:
            raise UserError(f"There is no preset {preset!r}.", f"Choose one of {', '.join(self.presets)}.")
        if changes.get("as_published") and not self.leaks:
            raise UserError(f"{self.name} was not published with a leak.", "Leave --as-published out.")
        try:
            return self.settings(**{**self.presets[preset], **changes})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                names = ", ".join(self.settings.model_fields)
                raise UserError(f"{self.name} has no setting {where!r}.", f"Its settings are {names}.") from None
            raise UserError(f"{where}: {first['msg'].lower()} (got {first['input']!r}).") from None


def known_changes(
    recipes: Sequence[str], kinds: Mapping[str, type[BaseModel]], changes: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return for every recipe those of the changed fields that it has.

    Parameters
    ----------
    recipes : sequence of str
        Recipes that are compared; one may lack a field that another has.
    kinds : mapping
        Every recipe's model by name.
    changes : mapping
        Fields and their values.

    Raises
    ------
    UserError
        If there is no such recipe, or no recipe has one of the fields.
    """
    if strange := [name for name in recipes if name not in kinds]:
        raise UserError(f"There is no recipe {strange[0]!r}.", f"There are: {', '.join(kinds)}.")
    found = {name: {k: v for k, v in changes.items() if k in kinds[name].model_fields} for name in recipes}
    if unknown := sorted(set(changes) - {field for given in found.values() for field in given}):
        raise UserError(f"None of these recipes has a setting {unknown[0]!r}.", f"They are {', '.join(recipes)}.")
    return found
