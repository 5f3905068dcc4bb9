"""The recipe `best`: a network and a classifier on features of the object, which answer together."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from napari_cellsynth.classify.recipes_classical import LogisticRecipe
from napari_cellsynth.classify.recipes_networks import FastRecipe


class BestRecipe(FastRecipe):
    """`fast`, and a logistic regression on features of the object beside it; the answer is the mean of the two.

    They err on different objects, since one sees textures and the other sizes, outlines and statistics. Both learn from
    the same crops. The mixture and its penalty were chosen on movies of the training part of `mitocheck_crops` (see
    ``docs/classifiers.md``). The curves of the training show the network alone; scores, calibration and predictions are
    of both.
    """

    name: Literal["best"] = "best"  # type: ignore[assignment]
    purpose: ClassVar[str] = "the surest answers on a CPU: `fast` and features of the object together"
    parameters: ClassVar[int] = 249_380
    several: ClassVar[bool] = False
    source: str = "ours: the mean of `fast` and of logistic regression on object features (S2, S4)"
    penalty: float = Field(
        0.02, gt=0, le=1e6, description="inverse of the regression's penalty: more follows the training patches closer"
    )

    def beside(self) -> LogisticRecipe:
        """Return the recipe that learns from features, with the same look at the crops."""
        # A pass of the network leaves out another fifth of the commonest class each time; a single fit cannot.
        balance = "none" if self.balance == "majority-dropout" else self.balance
        shared = {name: getattr(self, name) for name in ("size", "fit", "channels", "with_size", "masked")}
        return LogisticRecipe(**shared, balance=balance, c=self.penalty)
