"""The choice of a recipe, its patch size and, folded away, its other fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ValidationError
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_cellsynth.widgets.form import ModelForm

SIZES = (32, 64, 128, 256, 512)
"""Patch sizes offered, in pixels."""

IDENTITY = ("name", "source")
"""Fields that say which recipe it is and are not edited."""


class RecipePicker(QWidget):
    """Chooses a recipe by name and what of it differs from its defaults.

    Parameters
    ----------
    recipes : mapping of str to type of BaseModel
        The recipes by name.
    plain : collection of str
        Fields that are always seen; all others are folded away.
    hidden : collection of str
        Fields that the dock shows in its own way.
    parent : QWidget, optional
        The widget that owns this one.
    """

    valueChanged = Signal()

    def __init__(
        self,
        recipes: Mapping[str, type[BaseModel]],
        *,
        plain: Collection[str] = (),
        hidden: Collection[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._recipes = dict(recipes)
        self._plain, self._hidden = set(plain), set(hidden)
        self.recipe = QComboBox()
        self.recipe.setObjectName("recipe")
        self.recipe.addItems(list(self._recipes))
        narrow = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.recipe.setSizeAdjustPolicy(narrow)
        self.recipe.setMinimumContentsLength(5)
        self.size_box = QComboBox()
        self.size_box.setObjectName("size")
        self.size_box.setToolTip("Side of a patch in pixels: what the network sees at a time.")
        for size in SIZES:
            self.size_box.addItem(str(size), size)
        self.form: ModelForm
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(QLabel("Recipe"))
        row.addWidget(self.recipe, 1)
        row.addWidget(QLabel("patch"))
        row.addWidget(self.size_box)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addLayout(row)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._make_form()
        self.recipe.currentTextChanged.connect(self._on_recipe)
        self.size_box.currentIndexChanged.connect(lambda _index: self.valueChanged.emit())

    def name(self) -> str:
        """Return the recipe's name."""
        return str(self.recipe.currentText())

    def problem(self) -> str:
        """Return what is wrong with the first invalid field, or an empty string."""
        return str(self.form.problem())

    def value(self) -> BaseModel:
        """Return the recipe as it is chosen.

        Raises
        ------
        UserError
            Where a field is invalid.
        """
        edited = self.form.value().model_dump() | {"size": self.size_box.currentData()}
        return self._recipes[self.name()](**edited)

    def overrides(self) -> dict[str, Any]:
        """Return the fields that differ from the recipe's defaults; of a group, those of its fields that do.

        Raises
        ------
        UserError
            Where a field is invalid.
        """
        chosen = self.value().model_dump(mode="json")
        defaults = self._recipes[self.name()]().model_dump(mode="json")
        return {name: value for name, value in _changes(chosen, defaults).items() if name not in IDENTITY}

    def setValue(self, name: str, values: Mapping[str, Any]) -> None:
        """Show a recipe with these values, such as a run's."""
        if name not in self._recipes:
            return
        self.recipe.setCurrentText(name)
        # A run of an older version may say some things in other fields, which the recipe's model understands.
        with suppress(ValidationError):
            values = self._recipes[name](**values).model_dump()
        if "size" in values:
            self._set_size(int(values["size"]))
        self.form.setValue({key: value for key, value in values.items() if key not in (*IDENTITY, "size")})

    def _on_recipe(self, _name: str) -> None:
        self._make_form()
        self.valueChanged.emit()

    def _make_form(self) -> None:
        kind = self._recipes[self.name()]
        defaults = kind()
        advanced = set(kind.model_fields) - self._plain - set(IDENTITY)
        form = ModelForm(
            kind,
            advanced=advanced,
            hidden={*IDENTITY, "size", *self._hidden},
            advanced_title="advanced: every field of the recipe",
        )
        form.valueChanged.connect(lambda _value: self.valueChanged.emit())
        form.problemChanged.connect(lambda _problem: self.valueChanged.emit())
        if hasattr(self, "form"):
            self._layout.replaceWidget(self.form, form)
            self.form.hide()
            self.form.deleteLater()
        else:
            self._layout.addWidget(form)
        self.form = form
        told = [str(getattr(defaults, field, "")) for field in ("purpose", "source")]
        self.recipe.setToolTip("\n".join(filter(None, told)) or "A complete set of settings with a name.")
        self._set_size(int(getattr(defaults, "size", SIZES[1])))

    def _set_size(self, size: int) -> None:
        if self.size_box.findData(size) < 0:
            self.size_box.addItem(str(size), size)
        self.size_box.setCurrentIndex(self.size_box.findData(size))


def _changes(chosen: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _changes(value, defaults[name]) if isinstance(value, dict) else value
        for name, value in chosen.items()
        if value != defaults[name]
    }
