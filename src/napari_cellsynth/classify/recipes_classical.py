"""Recipes of classical classifiers, which learn from features of the patches and not from their pixels."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal

from pydantic import Field

from napari_cellsynth.classify.recipe_base import ClassifierRecipe


class FeatureRecipe(ClassifierRecipe):
    """What every recipe states that learns from features (see ``imaging.features``).

    Features are scaled by the training patches alone. ``balance`` follows S4: ``weights`` makes errors cost
    inversely to class frequency, ``oversample`` repeats patches of the rarer classes, ``undersample`` leaves patches of
    the commoner ones out, ``smote`` draws new feature vectors between neighbours of a rarer class; each inside the
    training alone, and anew inside every fold of the calibration.
    """

    family: ClassVar[str] = "classifiers: features of the object"
    parameters: ClassVar[int] = 682
    balance: Literal["none", "weights", "oversample", "undersample", "smote"] = Field(
        "weights", description="what is done about rare classes: weights makes errors on them cost more"
    )
    windows: int = Field(
        5, ge=1, le=64, description="windows of an object that exceeds a patch: learned from one by one, then averaged"
    )

    scaling: Literal["standard", "normal"] = Field(
        "standard",
        description="standard: features less their mean, by their deviation; normal: of each feature the order of the "
        "training patches, spread as a normal distribution, so that outliers count no more than others",
    )

    @abstractmethod
    def estimator(self, features: int, classes: int, seed: int) -> Any:
        """Return the untrained scikit-learn classifier for so many features and classes."""

    def scaler(self, patches: int) -> Any:
        """Return the unfitted scikit-learn scaler of the features of so many training patches."""
        from sklearn.preprocessing import QuantileTransformer, StandardScaler

        if self.scaling == "standard":
            return StandardScaler()
        return QuantileTransformer(n_quantiles=min(200, patches), output_distribution="normal", random_state=0)

    def _class_weight(self) -> str | None:
        return "balanced" if self.balance == "weights" else None


class SvmRecipe(FeatureRecipe):
    """Support vector machine with a Gaussian kernel, one against one (S4 sections 4.1 and 8.4)."""

    name: Literal["svm"] = "svm"
    purpose: ClassVar[str] = "few crops, no GPU: seconds; classes of any shape"
    source: str = "S4 sections 4.1 and 8.4: one-against-one SVM on object features; C and the kernel's width are ours"
    c: float = Field(5.0, gt=0, le=1e6, description="cost of an error: more follows the training patches closer")
    gamma: float = Field(0.3, gt=0, le=1e3, description="how narrow the Gaussian is, in units of 1 / features")

    def estimator(self, features: int, classes: int, seed: int) -> Any:
        """Return scikit-learn's SVC (libsvm, as in S4)."""
        from sklearn.svm import SVC

        return SVC(
            C=self.c,
            gamma=self.gamma / features,
            class_weight=self._class_weight(),
            decision_function_shape="ovo",
            cache_size=500,
        )


class LogisticRecipe(FeatureRecipe):
    """Multinomial logistic regression with a ridge penalty (S2's comparison)."""

    name: Literal["logistic"] = "logistic"
    purpose: ClassVar[str] = "few crops, no GPU: seconds; the steadiest of the four"
    source: str = "S2: compared classifiers; the penalty is ours"
    c: float = Field(0.05, gt=0, le=1e6, description="inverse of the penalty: more follows the training patches closer")

    def estimator(self, features: int, classes: int, seed: int) -> Any:
        """Return scikit-learn's LogisticRegression."""
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.c, max_iter=3000, class_weight=self._class_weight())


class NaiveBayesRecipe(FeatureRecipe):
    """Gaussian naive Bayes (S2's comparison): every feature for itself, with a normal distribution a class."""

    name: Literal["naive-bayes"] = "naive-bayes"
    purpose: ClassVar[str] = "a first look: the quickest of all"
    source: str = "S2: compared classifiers; the smoothing is ours"
    smoothing: float = Field(0.01, ge=0, le=10, description="added to every variance, in units of the greatest one")

    def estimator(self, features: int, classes: int, seed: int) -> Any:
        """Return scikit-learn's GaussianNB; its class weights are equal priors."""
        from sklearn.naive_bayes import GaussianNB

        priors = [1 / classes] * classes if self.balance == "weights" else None
        return GaussianNB(priors=priors, var_smoothing=self.smoothing)


class RandomForestRecipe(FeatureRecipe):
    """Random forest (S2's comparison)."""

    name: Literal["random-forest"] = "random-forest"
    purpose: ClassVar[str] = "features of very different kinds; no tuning"
    source: str = "S2: compared classifiers; Breiman's forest, 300 trees"
    trees: int = Field(300, ge=1, le=10_000, description="trees in the forest")
    leaf: int = Field(1, ge=1, le=1000, description="fewest patches in a leaf: more for noisy labels")

    def estimator(self, features: int, classes: int, seed: int) -> Any:
        """Return scikit-learn's RandomForestClassifier."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_estimators=self.trees,
            min_samples_leaf=self.leaf,
            class_weight=self._class_weight(),
            random_state=seed % 2**32,
            n_jobs=-1,
        )
