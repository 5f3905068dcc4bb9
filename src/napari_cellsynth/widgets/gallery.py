"""The dock that shows real and synthetic patches side by side and lets a person accept or reject the synthetic ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
from qtpy.QtCore import QCoreApplication, QItemSelection, QItemSelectionModel, QSize

from napari_cellsynth.widgets.dock import allow, button, label
from napari_cellsynth.widgets.gallery_choose import ThresholdChoice
from napari_cellsynth.widgets.gallery_groups import SIDE_BY_SIDE, grouped
from napari_cellsynth.widgets.gallery_labelling import EVERY, HIDDEN, OTHERS, GalleryLabelling
from napari_cellsynth.widgets.gallery_model import (
    ACCEPTED,
    COLUMNS,
    REAL,
    REJECTED,
    SYNTHETIC,
    GalleryModel,
    PatchKey,
)
from napari_cellsynth.widgets.gallery_more import MorePanel
from napari_cellsynth.widgets.gallery_reading import GalleryReading
from napari_cellsynth.widgets.gallery_search import SearchBox
from napari_cellsynth.widgets.gallery_sheet import ContactSheet
from napari_cellsynth.widgets.gallery_source import GallerySource
from napari_cellsynth.widgets.gallery_table import NEWEST, ORDERS, Choice, beyond, gallery_table, order_by, table_words
from napari_cellsynth.widgets.gallery_tools import GalleryTools
from napari_cellsynth.widgets.gallery_verdicts import GalleryVerdicts
from napari_cellsynth.widgets.patch_delegate import PatchDelegate
from napari_cellsynth.widgets.patch_facts import PatchFacts, WithFacts
from napari_cellsynth.widgets.patch_list import PatchList, choice_box, flow_row, refill, zoom_slider
from napari_cellsynth.widgets.project_patches import ProjectPatches
from napari_cellsynth.widgets.seen_dock import SeenDock

ALL_CLASSES = (("all classes", None),)
ALL_RUNS = (("newest runs", NEWEST), ("all runs", None))
UNDO_TIP = "Take back the last verdict or label (Ctrl+Z)."
MORE_TIP = "Group patches, set the contrast, select them by a figure, score them, compare two, or test yourself."
SHOW_TIP = "Show the object (of a synthetic patch: the nearest real one) in its image."


class GalleryDock(SeenDock):
    """Browses patches by kind, class and run.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose session this dock joins.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("gallery")
        self._only: tuple[str, list[int]] | None = None
        self._told: set[str] = set()
        self.show_box = choice_box("show", "Which patches to show.", ("synthetic", "real", "both"))
        self.class_box = choice_box("class", "Show one class only.", ())
        self.class_box.setMaximumWidth(200)  # a class may have 80 letters; all of them are in the list that opens
        self.run_box = choice_box("run", "Show the patches of one run only.", ())
        self.review_box = choice_box("review", "Show by verdict.", ("all", "not reviewed", ACCEPTED, REJECTED))
        self.order_box = choice_box("sort", "\n".join(f"{k}: {v}" for k, v in ORDERS.items()), tuple(ORDERS))
        self.zoom = zoom_slider()
        self.summary = label("", "quiet", name="summary")
        self.clear_only = button("show_all", "✕ show all", "Leave the chosen crops and show all patches again.")
        self.model = GalleryModel(self)
        self.model.on_failure = self._tell_once
        self.delegate = PatchDelegate(self)
        self.patches = PatchList()
        self.patches.setModel(self.model)
        self.patches.setItemDelegate(self.delegate)
        self.source = GallerySource()
        self.verdicts = GalleryVerdicts(self.session, self.patches, self.model, self.source)
        self.undo = button("undo", "Undo", UNDO_TIP)
        self.show_in_image = button("show_in_image", "In image", SHOW_TIP)
        self.selected = label("", name="selected")
        self.facts = PatchFacts()
        self.choose = ThresholdChoice(self)
        self.tools = GalleryTools(self.session, self)
        self.labelling = GalleryLabelling(self)
        self.more = button("more", "More ▾", MORE_TIP)
        self.more.setCheckable(True)
        self.sheet = ContactSheet(self.session, self)
        self.panel = MorePanel(self.choose.widgets, (*self.tools.buttons, self.sheet.button))
        self.search = SearchBox(self.refresh)
        self.reading = GalleryReading(self.session, self.source, self, self.refresh_if_seen)
        self._lay_out()
        self._connect()
        self._on_zoom(self.zoom.value())
        self._on_project()

    def _lay_out(self) -> None:
        self.body.setSpacing(3)
        boxes = (self.show_box, self.class_box, *self.labelling.filters, self.run_box, self.review_box, self.order_box)
        self.body.addWidget(flow_row(*boxes, self.search, self.zoom, self.more, self.summary, self.clear_only))
        # Above the patches: in a low dock whatever is below them is out of sight.
        acts = (*self.verdicts.buttons, *self.labelling.buttons, self.undo)
        self.body.addWidget(flow_row(self.selected, *acts, self.show_in_image))
        self.body.addWidget(WithFacts(self.patches, self.facts, self.panel), 1)

    def _connect(self) -> None:
        session = self.session
        session.project_changed.connect(self._on_project)
        session.synthetic_changed.connect(self._forget_synthetic)
        for signal in (session.objects_changed, session.labels_changed, session.images_changed):
            signal.connect(lambda *_: self.source.forget_real())
        self.follow("synthetic", "objects", "classes")
        session.hiding_changed.connect(self._on_hiding)
        self.show_box.activated.connect(self._leave_chosen)
        for box in (self.show_box, self.class_box, self.run_box, self.review_box, self.order_box):
            box.activated.connect(lambda _index: self.refresh())
        self.zoom.valueChanged.connect(self._on_zoom)
        self.more.toggled.connect(self.panel.setVisible)
        self.panel.changed.connect(self.refresh)
        for follow in (self.model.set_contrast, self.sheet.follow_contrast):
            self.panel.contrast_wanted.connect(follow)
        self.patches.doubleClicked.connect(lambda _index: self._on_show())
        self.clear_only.clicked.connect(lambda: self.show_objects([], ""))
        self.verdicts.judged.connect(self._summarise)
        self.patches.selectionModel().selectionChanged.connect(lambda *_: self._show_selection())
        self.model.dataChanged.connect(lambda *_: self._show_nearest())
        self.model.modelReset.connect(self._show_selection)
        self.undo.clicked.connect(lambda: self.labelling.travel(back=True))
        self.show_in_image.clicked.connect(self._on_show)
        self.choose.wanted.connect(self.select_beyond)
        self.destroyed.connect(self.model.close)
        if application := QCoreApplication.instance():
            application.aboutToQuit.connect(self.model.close)

    # ------------------------------------------------------------------ what is shown
    def show_objects(self, object_ids: Sequence[int], title: str) -> None:
        """Show these real crops only (a cell of the confusion matrix); none of them shows all patches again."""
        if len(object_ids) and self.session.labels_hidden:
            self.session.report(HIDDEN)
            return
        self._only = (title, list(object_ids)) if len(object_ids) else None
        if self._only is not None:
            self.show_box.setCurrentText("real")
            self.class_box.setCurrentIndex(0)
        self.refresh()

    def refresh(self) -> None:
        """Read the table of patches again; the patches themselves are read when they are seen."""
        if self.verdicts.under_way:
            return
        project = self.session.project
        if project is None:
            self.model.set_table(pd.DataFrame(columns=COLUMNS))
            self.summary.setText("No project is open.")
            refill(self.class_box, ALL_CLASSES)
            refill(self.run_box, ALL_RUNS)
            self.labelling.follow()
            self.tools.follow(self.model.table)
            self.sheet.follow((), ())
            self.clear_only.hide()
            self._show_selection()
            return
        self.source.hidden, self.source.concealed = self.session.labels_hidden, self.session.concealed
        with self.session.reporting():
            classes = project.classes()
            self.model.set_classes({r.id: r.name for r in classes}, {r.id: r.color for r in classes})
            refill(self.class_box, [*ALL_CLASSES, *((r.name, r.id) for r in classes), *OTHERS])
            self.labelling.follow()
            source = self.reading.source(project, self._choice())
            if not self.reading.under_way:
                runs = source.synthetic(project)["run"].iloc[::-1].unique().tolist()
                refill(self.run_box, [*ALL_RUNS, *((run, run) for run in runs)])
                self.panel.set_runs(runs)
            table = gallery_table(project, source, self._choice())
            table, sections = grouped(table, self.panel.group(), {r.id: r.name for r in classes})
            self.model.set_table(table)
            self.patches.set_sections(sections, beside=self.panel.group() == SIDE_BY_SIDE)
            self.tools.follow(self.model.table)
            self.sheet.follow(self.model.table["id"].tolist(), sections)
            self._summarise()
        self.clear_only.setVisible(self._only is not None)
        self._show_selection()

    def refresh_after_labels(self) -> None:
        """Read the table again in a moment where labels can change it: synthetic patches have none."""
        if self.show_box.currentText() != SYNTHETIC:
            super().refresh_after_labels()

    def _summarise(self) -> None:
        table = self.model.table
        words, unscored = table_words(table, self.order_box.currentText())
        if unscored:
            self.more.setChecked(True)
        words = words if self._only is None else f"{self._only[0]} · {len(table):,} crops"
        self.summary.setText(f"{words} · reading …" if self.reading.under_way else words)

    def _on_hiding(self) -> None:
        if self.session.labels_hidden:
            self._leave_chosen()  # what was chosen elsewhere tells labels by its name
        self.refresh_if_seen()

    def _leave_chosen(self) -> None:
        self._only = None

    def _choice(self) -> Choice:
        return Choice(
            show=self.show_box.currentText(),
            class_id=self.labelling.class_id(),
            run=self.run_box.currentData(),
            review=self.review_box.currentText(),
            order=self.order_box.currentText(),
            objects=self.labelling.only(None if self._only is None else self._only[1]),
            certainty=self.labelling.certainty(),
            text=self.search.text(),
            beside=self.panel.beside(self.run_box.currentData()),
            every=self.show_box.currentText() == REAL and self.class_box.currentData() == EVERY,
        )

    def _forget_synthetic(self) -> None:
        if not self.verdicts.under_way:
            self.source.forget_synthetic()

    def _on_project(self) -> None:
        self._only = None
        self.source.forget()
        self._told.clear()
        project = self.session.project
        self.model.open_patches(None if project is None else partial(ProjectPatches, project.path))
        self.refresh()

    def _on_zoom(self, side: int) -> None:
        self.delegate.side = side
        self.patches.setGridSize(QSize(side + 6, side + 9))

    def _tell_once(self, sentence: str) -> None:
        if sentence not in self._told:
            self._told.add(sentence)
            self.session.report(sentence)

    # ------------------------------------------------------------------ the selection
    def selected_keys(self) -> list[PatchKey]:
        """Return what is selected, in the order on the screen."""
        return [self.model.key(row) for row in self.patches.selected_rows()]

    def _show_selection(self) -> None:
        keys = self.selected_keys()
        synthetic = [key for key in keys if key.kind == SYNTHETIC]
        self.tools.follow_selection(synthetic)
        self.sheet.follow_selection([key.id for key in keys])
        self.labelling.follow_selection()
        self.selected.setText(f"selected: {len(keys):,}")
        self.verdicts.allow(bool(synthetic))
        allow(self.undo, "" if self.session.project is not None else "No project is open.", UNDO_TIP)
        allow(self.show_in_image, "" if self._object_of_selection() is not None else "Select one patch.", SHOW_TIP)
        self._show_nearest()

    def _current_row(self) -> pd.Series | None:
        index = self.patches.selectionModel().currentIndex()
        if not index.isValid() or not self.patches.selectionModel().isSelected(index):
            return None
        return self.model.table.iloc[index.row()]

    def _object_of_selection(self) -> int | None:
        row = self._current_row()
        if row is None:
            return None
        if row["kind"] == REAL:
            return int(row["id"])
        return int(row["nearest_object"]) or None

    def _show_nearest(self) -> None:
        row = self._current_row()
        if row is None or row["kind"] != SYNTHETIC:
            self.facts.tell(None)
            return
        neighbour = int(row["nearest_object"])
        pixmap = self.model.pixmap(PatchKey(REAL, neighbour)) if neighbour else None
        self.facts.tell(row, self.model.name_of(int(str(row.name))), pixmap)

    def select_beyond(self, name: str, below: bool, threshold: float) -> None:
        """Select all synthetic patches in view whose figure is below (or above) a threshold, worst first."""
        self.order_box.setCurrentText(order_by(name, ascending=below))
        if self.session.project is not None:
            self.reading.finish(self.session.project)
        self.refresh()
        # In that order they are one range at the top, which is selected at once however many they are.
        count = int(beyond(self.model.table, name, below=below, threshold=threshold).sum())
        chosen = QItemSelection(self.model.index(0), self.model.index(count - 1)) if count else QItemSelection()
        self.patches.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.patches.scrollToTop()
        self.patches.setFocus()

    # ------------------------------------------------------------------ what is done
    def _on_show(self) -> None:
        object_id = self._object_of_selection()
        if object_id is not None:
            self.session.select_object(object_id)
