"""The choice of what finds the objects: the built-in method with its form, or an installed segmenter with its own."""

from __future__ import annotations

from pydantic import ValidationError
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QSpinBox, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.segmenters import ENTROPY, not_installed, segmenter, segmenter_names
from napari_cellsynth.jobs.job import SegmentParameters
from napari_cellsynth.widgets.dock import label
from napari_cellsynth.widgets.form import ModelForm
from napari_cellsynth.widgets.rows import row_of

LABELS = {
    "radius": "texture radius",
    "opening": "opening",
    "min_area": "smallest object",
    "flat_field_px": "uneven light over",
    "split_touching": "split touching objects",
    "cell_width_px": "width of a cell",
    "enhance": "enhancement",
}
TITLES = {ENTROPY: "entropy + Otsu", "cellpose": "Cellpose", "stardist": "StarDist"}
NO_PREVIEW = "This method may be slow: it is tried at a press of Try, not while you type, and writes nothing then."


class MethodPicker(QWidget):
    """Chooses a method and its settings.

    Attributes
    ----------
    form : ModelForm
        The built-in method's settings.
    """

    valueChanged = Signal(object)
    problemChanged = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._problem = ""
        self._other: ModelForm | None = None
        self.method = QComboBox()
        self.method.setObjectName("method")
        self.method.setAccessibleName("Method")
        for name in segmenter_names():
            self.method.addItem(TITLES.get(name, name), name)
        self.method.setToolTip("\n".join(["What finds the objects.", *not_installed()]))
        self.form = ModelForm(
            SegmentParameters,
            advanced=("flat_field_px", "split_touching", "cell_width_px", "enhance"),
            hidden=("method", "options", "images", "frames", "workers", "scheduler"),
            labels=LABELS,
            advanced_title="uneven light · touching objects · enhancement",
        )
        for field in ("radius", "opening", "min_area"):
            editor = self.form.editor(field)
            if isinstance(editor, QSpinBox):
                editor.setSuffix(" px")
        self.no_preview = label(NO_PREVIEW, "quiet", name="no_preview", wrap=True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addLayout(row_of(label("Method", "heading"), self.method, stretch=1))
        self._layout.addWidget(self.form)
        self._layout.addWidget(self.no_preview)
        self.method.currentIndexChanged.connect(lambda _index: self._on_method())
        self.form.valueChanged.connect(lambda _value: self._tell())
        self.form.problemChanged.connect(lambda _text: self._tell())
        self._show()

    @property
    def is_entropy(self) -> bool:
        """Whether the built-in method is chosen; the others may load anything and run in a worker process only."""
        return bool(self.method.currentData() == ENTROPY)

    def value(self) -> SegmentParameters:
        """Return the parameters as they are in the form.

        Raises
        ------
        UserError
            Where a field is invalid.
        """
        if problem := self.problem():
            raise UserError(problem)
        if self.is_entropy or self._other is None:
            value = self.form.value()
            assert isinstance(value, SegmentParameters)
            return value
        return SegmentParameters(method=str(self.method.currentData()), options=self._other.value().model_dump())

    def problem(self) -> str:
        """Return what is wrong, or ``""``."""
        return self._problem or (self.form if self._other is None else self._other).problem()

    def settings(self) -> str:
        """Return method and settings, to be remembered."""
        return "" if self.problem() else self.value().model_dump_json(exclude={"images", "frames"})

    def set_settings(self, told: str) -> None:
        """Take method and settings over; the usual ones where they cannot be read or the method is not installed."""
        try:
            value = SegmentParameters.model_validate_json(told)
        except ValidationError:
            value = SegmentParameters()
        row = self.method.findData(value.method)
        value = value if row >= 0 else SegmentParameters()
        with QSignalBlocker(self):  # nobody has edited anything
            self.method.setCurrentIndex(max(row, 0))
            if self._other is None:
                self.form.setValue(value)
            else:
                self._other.setValue(value.options)

    # ------------------------------------------------------------------ inside
    def _on_method(self) -> None:
        if self._other is not None:
            self._layout.removeWidget(self._other)
            self._other.hide()
            self._other.deleteLater()
        self._other, self._problem = None, ""
        if not self.is_entropy:
            try:
                self._other = ModelForm(segmenter(str(self.method.currentData())).form)
            except UserError as error:
                self._problem = str(error)
            else:
                self._layout.insertWidget(2, self._other)
                self._other.valueChanged.connect(lambda _value: self._tell())
                self._other.problemChanged.connect(lambda _text: self._tell())
        self._show()
        self._tell()

    def _show(self) -> None:
        self.form.setVisible(self.is_entropy)
        self.no_preview.setVisible(not self.is_entropy)

    def _tell(self) -> None:
        problem = self.problem()
        self.problemChanged.emit(problem)
        if not problem:
            self.valueChanged.emit(self.value())
