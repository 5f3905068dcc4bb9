"""A form over a pydantic model: one editor a field, its description as tooltip, rare fields folded away."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_cellsynth.errors import UserError

MARK = "border: 1px solid #ff6b5a;"


def explained(model: type[BaseModel], name: str) -> str:
    """Return what a field's description says; a model that only changes a default has it from the one it extends."""
    kinds = [kind for kind in model.__mro__ if issubclass(kind, BaseModel) and name in kind.model_fields]
    texts = (kind.model_fields[name].description for kind in kinds)
    return next((text for text in texts if text), name)


class Foldable(QWidget):
    """A heading that unfolds what is below it."""

    def __init__(self, title: str, content: QWidget, name: str = "advanced") -> None:
        super().__init__()
        self.content = content
        self.toggle = QToolButton()
        self.toggle.setObjectName(name)
        self.toggle.setText(title)
        self.toggle.setToolTip("Show or hide these settings.")
        self.toggle.setCheckable(True)
        self.toggle.setAutoRaise(True)
        self.toggle.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.toggle.toggled.connect(self._unfold)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.toggle)
        layout.addWidget(content)
        self._unfold(False)

    def set_content(self, content: QWidget) -> None:
        """Put another content in the place of the one there is."""
        self.layout().replaceWidget(self.content, content)
        self.content.deleteLater()
        self.content = content
        self._unfold(self.toggle.isChecked())

    def _unfold(self, unfolded: bool) -> None:
        self.toggle.setArrowType(Qt.ArrowType.DownArrow if unfolded else Qt.ArrowType.RightArrow)
        self.content.setVisible(unfolded)


class ModelForm(QWidget):
    """Edits the values of a pydantic model.

    A field that is a model itself is a group of its own fields, folded under the field's name. Fields whose type has no
    simple editor (lists, dictionaries) are not shown and keep their value.

    Parameters
    ----------
    model : type of BaseModel
        Field descriptions become tooltips, bounds become the editors' ranges.
    advanced : collection of str
        Fields that are folded away.
    hidden : collection of str
        Fields that are not shown.
    labels : mapping, optional
        Field name to the words on the screen; else the name with spaces.
    advanced_title : str
        What the fold says.
    group : str
        Of which field this form edits the fields, with a dot behind it; goes before their object names.

    Signals
    -------
    valueChanged : model
        The new value, when every field is valid.
    problemChanged : str
        What is wrong with the first invalid field, ``""`` when all is well.
    """

    valueChanged = Signal(object)
    problemChanged = Signal(str)

    def __init__(
        self,
        model: type[BaseModel],
        *,
        advanced: Collection[str] = (),
        hidden: Collection[str] = (),
        labels: Mapping[str, str] | None = None,
        advanced_title: str = "advanced",
        group: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._kept: dict[str, Any] = {}
        self._editors: dict[str, _Editor] = {}
        self._problem = ""
        self._loading = False
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        plain, folded_content = _form_layout(), QWidget()
        folded = _form_layout(folded_content)
        outer.addLayout(plain)
        for name, field in model.model_fields.items():
            self._kept[name] = field.get_default(call_default_factory=True)
            editor = None if name in hidden else _editor_for(field, self._on_edited, group + name)
            if editor is None:
                continue
            self._editors[name] = editor
            rows = folded if name in advanced else plain
            words = (labels or {}).get(name, name.replace("_", " "))
            if editor.fields is not None:
                rows.addRow(Foldable(words, editor.fields, name=f"{group}{name}"))
                continue
            editor.widget.setObjectName(group + name)
            editor.widget.setAccessibleName(words)
            text = QLabel(words)
            for widget in (editor.widget, text):
                widget.setToolTip(explained(self._model, name))
            rows.addRow(text, editor.widget)
        self.fold = Foldable(advanced_title, folded_content)
        self.fold.setVisible(bool(set(advanced) & set(self._editors)))
        outer.addWidget(self.fold)
        self._load({name: self._kept[name] for name in self._editors})

    # ------------------------------------------------------------------ the protocol of every settings panel
    def value(self) -> BaseModel:
        """Return the model as it is in the form.

        Raises
        ------
        UserError
            Where a field is invalid; it names the field.
        """
        made, problem, _ = self._validated()
        if made is None:
            raise UserError(problem)
        return made

    def setValue(self, value: BaseModel | Mapping[str, Any]) -> None:
        """Show these values (of a mapping, the ones it names)."""
        values = value.model_dump() if isinstance(value, BaseModel) else dict(value)
        self._kept.update(values)
        self._load({name: values[name] for name in self._editors if name in values})
        self._on_edited()

    def problem(self) -> str:
        """Return what is wrong with the first invalid field, or ``""``."""
        return self._validated()[1]

    def editor(self, name: str) -> QWidget:
        """Return the editing widget of a field; that of a group's field by its dotted name."""
        group, _, field = name.partition(".")
        fields = self._editors[group].fields
        return fields.editor(field) if field and fields is not None else self._editors[group].widget

    # ------------------------------------------------------------------ inside
    def _load(self, values: Mapping[str, Any]) -> None:
        self._loading = True
        for name, value in values.items():
            self._editors[name].write(value)
        self._loading = False

    def _validated(self) -> tuple[BaseModel | None, str, set[str]]:
        values = dict(self._kept)
        problems: dict[str, str] = {}
        for name, editor in self._editors.items():
            try:
                values[name] = editor.read()
            except ValueError as error:
                problems[name] = str(error)
        if not problems:
            try:
                return self._model(**values), "", set()
            except ValidationError as error:
                for each in error.errors():
                    where = str(each["loc"][0]) if each["loc"] else ""
                    problems[where] = each["msg"][:1].lower() + each["msg"][1:]
        name, text = next(iter(problems.items()))
        return None, f"{name.replace('_', ' ')}: {text}" if name else text, set(problems)

    def _on_edited(self) -> None:
        if self._loading:
            return
        made, problem, wrong = self._validated()
        for name, editor in self._editors.items():
            if editor.fields is not None:
                continue  # a group marks its fields itself
            editor.widget.setProperty("invalid", name in wrong)
            editor.widget.setStyleSheet(MARK if name in wrong else "")
            editor.widget.setToolTip(problem if name in wrong else explained(self._model, name))
        if problem != self._problem:
            self._problem = problem
            self.problemChanged.emit(problem)
        if made is not None:
            self.valueChanged.emit(made)


class _Editor:
    """A widget with its way of reading (ValueError where there is no value in it) and of writing.

    ``fields`` is the form of a group, None for a single field.
    """

    fields: ModelForm | None = None

    def __init__(self, widget: QWidget, read: Callable[[], Any], write: Callable[[Any], None]) -> None:
        self.widget, self.read, self.write = widget, read, write


def _form_layout(parent: QWidget | None = None) -> QFormLayout:
    layout = QFormLayout(parent) if parent is not None else QFormLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setVerticalSpacing(4)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return layout


def _editor_for(field: FieldInfo, edited: Callable[[], None], name: str) -> _Editor | None:
    """Return the editor that suits a field's type, or None."""
    kind, optional = _without_none(field.annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and not optional:
        return _group(kind, edited, name)
    if typing.get_origin(kind) is Literal:
        return _choice(list(typing.get_args(kind)), edited)
    if kind is bool:
        return _check(edited)
    if kind is int and not optional and isinstance(field.default, int) and abs(field.default) < 2**30:
        return _whole_number(field, edited)
    if kind in (int, float, str):
        return _text(kind, optional, edited)
    return None


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        if len(kinds) == 1:
            return kinds[0], True
        return None, True
    return annotation, False


def _group(kind: type[BaseModel], edited: Callable[[], None], name: str) -> _Editor:
    form = ModelForm(kind, group=f"{name}.")
    form.valueChanged.connect(lambda _value: edited())
    form.problemChanged.connect(lambda _problem: edited())

    def read() -> BaseModel:
        if problem := form.problem():
            raise ValueError(problem)
        return form.value()

    editor = _Editor(form, read, form.setValue)
    editor.fields = form
    return editor


def _choice(choices: list[Any], edited: Callable[[], None]) -> _Editor:
    box = QComboBox()
    for choice in choices:
        box.addItem(str(choice), choice)
    box.currentIndexChanged.connect(lambda _index: edited())
    return _Editor(box, box.currentData, lambda value: box.setCurrentIndex(max(0, box.findData(value))))


def _check(edited: Callable[[], None]) -> _Editor:
    box = QCheckBox()
    box.toggled.connect(lambda _on: edited())
    return _Editor(box, box.isChecked, lambda value: box.setChecked(bool(value)))


def _whole_number(field: FieldInfo, edited: Callable[[], None]) -> _Editor:
    low, high = -(2**31), 2**31 - 1
    for bound in field.metadata:
        low = max(low, int(getattr(bound, "ge", low)), int(getattr(bound, "gt", low - 1)) + 1)
        high = min(high, int(getattr(bound, "le", high)), int(getattr(bound, "lt", high + 1)) - 1)
    box = QSpinBox()
    box.setRange(low, high)
    box.setKeyboardTracking(False)
    if high - low > 10_000 or field.default >= 100:
        box.setSingleStep(max(1, abs(field.default) // 10))
    box.valueChanged.connect(lambda _value: edited())
    return _Editor(box, box.value, lambda value: box.setValue(int(value)))


def _text(kind: type, optional: bool, edited: Callable[[], None]) -> _Editor:
    line = QLineEdit()
    line.setPlaceholderText("off" if optional and kind is float else "automatic" if optional else "")
    line.textChanged.connect(lambda _text: edited())

    def read() -> Any:
        text = line.text().strip()
        if optional and not text:
            return None
        if kind is str:
            return text
        try:
            return kind(text)
        except ValueError:
            raise ValueError(f"“{text}” is not a {'whole ' if kind is int else ''}number") from None

    def write(value: Any) -> None:
        line.setText("" if value is None else f"{value:g}" if kind is float else str(value))

    return _Editor(line, read, write)
