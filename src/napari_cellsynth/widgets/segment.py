"""The dock that links images and finds the objects in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from qtpy.QtWidgets import QCheckBox, QComboBox, QSizePolicy

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Finished
from napari_cellsynth.jobs.job import Job, SegmentParameters, TrySegmentParameters
from napari_cellsynth.widgets.by_hand import ByHandPanel
from napari_cellsynth.widgets.dock import Dock, allow, button, label, set_property
from napari_cellsynth.widgets.enhancement_table import EnhancementTable
from napari_cellsynth.widgets.form import Foldable
from napari_cellsynth.widgets.found_objects import FoundObjects
from napari_cellsynth.widgets.group_row import GroupRow
from napari_cellsynth.widgets.image_adding import ImageAdder
from napari_cellsynth.widgets.job_thread import duration_text
from napari_cellsynth.widgets.method import MethodPicker
from napari_cellsynth.widgets.preview import SegmentationPreview
from napari_cellsynth.widgets.segmenter_try import SegmenterTry


class SegmentDock(Dock):
    """Images, method, live preview, and the job that segments every frame."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._seconds: float | None = None
        self._edited = False
        self.images = label("", name="images", wrap=True)
        self.add = ImageAdder(self.session)
        self.shown = QComboBox()
        self.shown.setObjectName("shown_image")
        self.shown.setToolTip("The image on the canvas.")
        self.shown.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.groups = GroupRow()
        self.method = MethodPicker()
        self.form = self.method.form
        self.session.remembering.keep_settings("segmentation", self.method)
        self.enhancements = EnhancementTable(self.session)
        self.microns = label("", "quiet", name="microns", wrap=True)
        self.live = QCheckBox("live preview")
        self.live.setObjectName("live_preview")
        self.live.setToolTip("Draw the outlines that these settings give on the current frame.")
        self.live.setChecked(True)
        self.tried = SegmenterTry(self.session, self)
        self.result = label("", name="preview_result")
        self.segment_all = button("segment_all", "Segment all frames", SEGMENT_TIP, primary=True)
        self.segment_frame = button("segment_frame", "This frame", "Segment only the frame on the canvas.")
        self.estimate = label("", "quiet", name="estimate")
        self.problem = label("", "problem", name="problem", wrap=True)
        self.found = FoundObjects(self.session)
        self.by_hand = ByHandPanel(self.session)
        self.hand = Foldable("correct by hand", self.by_hand, name="show_by_hand")
        self.preview = SegmentationPreview(self.session, self)
        self._lay_out()
        self._connect()
        self._read_project()

    def _lay_out(self) -> None:
        self.add_row(label("Images", "heading"), self.images, self.add, stretch=1)
        self.add_row(self.shown, stretch=0)
        self.body.addWidget(self.groups)
        self.body.addWidget(self.method)
        self.body.addWidget(self.microns)
        self.body.addWidget(Foldable("enhancements compared", self.enhancements, name="show_enhancements"))
        self.add_row(self.live, self.tried.button, self.result)
        row = self.add_row(self.segment_all, self.segment_frame, stretch=0)
        row.setContentsMargins(0, 4, 0, 0)
        self.add_row(self.estimate)
        self.body.addWidget(self.problem)
        self.body.addWidget(self.found)
        self.body.addWidget(self.hand)
        self.body.addStretch(1)

    def _connect(self) -> None:
        session = self.session
        session.project_changed.connect(self._read_project)
        session.images_changed.connect(self._read_images)
        session.objects_changed.connect(self._read_objects)
        session.frame_changed.connect(self._on_frame)
        session.jobs_changed.connect(self._show_buttons)
        self.shown.activated.connect(lambda _index: self._on_shown())
        self.groups.changed.connect(lambda pattern: setattr(self.add, "group_by", pattern))
        self.method.valueChanged.connect(self._on_edited)
        self.method.problemChanged.connect(lambda _text: self._show_buttons())
        self.live.toggled.connect(self._on_live)
        self.preview.begun.connect(lambda: self.result.setText("…"))
        self.preview.computed.connect(self._on_preview)
        self.preview.failed.connect(self._on_preview_failed)
        self.tried.begun.connect(lambda: self.result.setText("…"))
        self.tried.computed.connect(self.preview.draw)
        self.tried.failed.connect(self._on_preview_failed)
        self.tried.left.connect(lambda: self.result.setText(""))
        self.tried.button.clicked.connect(self._on_try)
        self.by_hand.toggled.connect(lambda _on: self._preview_soon())
        self.by_hand.taken.connect(lambda done: self.found.say_orphans(len(done.orphans), done.carried))
        self.segment_all.clicked.connect(lambda: self.submit(whole=True))
        self.segment_frame.clicked.connect(lambda: self.submit(whole=False))

    # ------------------------------------------------------------------ what the person does
    def submit(self, *, whole: bool) -> None:
        """Queue the segmentation of every frame, or of the one on the canvas."""
        with self.session.reporting():
            project, parameters = self.session.need_project(), self.method.value()
            title = "Segment"
            if not whole:
                image_id, frame = self.session.current_image_id, self.session.current_frame
                if image_id is None:
                    raise UserError("There is no image on the canvas.", "Add images first.")
                parameters = parameters.model_copy(update={"images": [image_id], "frames": [frame]})
                title = f"Segment frame {frame + 1}"
            handle = self.session.submit(Job.of(project.path, parameters), title)
            handle.ended.connect(self._on_segmented)

    def _on_shown(self) -> None:
        self.session.show_image(int(self.shown.currentData()))
        # Where it could not be shown the canvas still has the image before.
        self._show_shown()

    # ------------------------------------------------------------------ what the project says
    def _read_project(self) -> None:
        self._edited = False
        self._seconds = None
        self._remove_preview()
        if self.by_hand.waiting.offer():
            self.hand.toggle.setChecked(True)
        self._read_images()
        self._read_objects()

    def _read_images(self) -> None:
        project = self.session.project
        images = project.images() if project is not None else pd.DataFrame()
        self.shown.clear()
        for image_id, row in images.iterrows():
            self.shown.addItem(f"{row['name']}   {row['frames']} × {row['width']}×{row['height']}", int(image_id))
        self.shown.setVisible(len(images) > 0)
        self.groups.setVisible(project is not None)
        self.groups.show_paths(images["path"].tolist() if len(images) else [])
        self.add.button.setEnabled(project is not None)
        self.add.button.setToolTip("Link images to the project." if project is not None else NO_PROJECT)
        if len(images):
            groups = images["group"].nunique()
            text = (
                f"{int(images['frames'].sum()):,} frames · {len(images)} series · {groups} group{'s' * (groups != 1)}"
            )
            missing = int(images["missing"].sum())
            self.images.setText(text + (f" · {missing} missing" if missing else ""))
        else:
            self.images.setText("none yet" if project is not None else "no project is open")
        self._show_shown()
        self._show_buttons()
        self._preview_soon()

    def _read_objects(self) -> None:
        self.found.read()
        self._preview_soon()

    def _on_frame(self, _image_id: int, _frame: int) -> None:
        self._show_shown()
        self._show_buttons()
        self._preview_soon()

    def _show_shown(self) -> None:
        self.shown.setCurrentIndex(self.shown.findData(self.session.current_image_id))
        frame = "" if self.session.current_image_id is None else f" on frame {self.session.current_frame + 1}"
        self.live.setText(f"live preview{frame}")
        self.tried.tell(frame)

    def _show_buttons(self) -> None:
        project = self.session.project
        images = project.images() if project is not None else pd.DataFrame()
        why_not = self.method.problem()
        if project is None:
            why_not = NO_PROJECT
        elif project.read_only:
            why_not = "The project is open for reading only."
        elif not len(images):
            why_not = "There are no images yet: add some first."
        elif any(handle.job.kind == "segment" for handle in [*self.session.waiting, self.session.running] if handle):
            why_not = "A segmentation is running."
        self.live.setVisible(self.method.is_entropy)
        self.tried.button.setVisible(not self.method.is_entropy)
        seen = self.session.current_image_id is not None and not self.by_hand.correcting
        # To try a method writes nothing, so a read-only project and a running segmentation are no hindrance.
        self.tried.allow(self.method.problem() or ("" if seen else "No frame is on the canvas, or it is corrected."))
        allow(self.segment_all, why_not, SEGMENT_TIP)
        allow(self.segment_frame, why_not, "Segment only the frame on the canvas.")
        self.problem.setText(why_not)
        self.problem.setVisible(bool(why_not))
        frames = int(images["frames"].sum()) if len(images) else 0
        # The next step is the brightest button.
        set_property(self.add.button, "primary", project is not None and not len(images))
        set_property(self.segment_all, "primary", project is None or project.amounts()[0] == 0)
        self.segment_all.setText(f"Segment all {frames:,} frames" if frames else "Segment all frames")
        known = self._seconds is not None and frames > 1
        self.estimate.setVisible(known)
        if self._seconds is not None and known:
            self.estimate.setText(f"about {duration_text(self._seconds * frames)} in all, and some to start")
        self._show_microns(images)

    def _show_microns(self, images: pd.DataFrame) -> None:
        """Say what the lengths are in µm, where the pixel size of the image on the canvas is known."""
        sizes = images["pixel_size_um"].to_dict() if len(images) else {}
        size = float(sizes.get(self.session.current_image_id) or "nan")
        known = self.method.is_entropy and not np.isnan(size) and not self.form.problem()
        self.microns.setVisible(known)
        if known:
            values = self.form.value()
            assert isinstance(values, SegmentParameters)
            self.microns.setText(
                f"= radius {values.radius * size:.3g} µm · opening {values.opening * size:.3g} µm · "
                f"smallest {values.min_area * size**2:.3g} µm²"
            )

    # ------------------------------------------------------------------ the preview
    def _on_edited(self, _parameters: SegmentParameters) -> None:
        self._edited = True
        self.tried.leave()
        if not self.method.is_entropy:
            self._remove_preview()  # what was tried with other settings
        self._show_buttons()
        self._preview_soon()

    def _on_try(self) -> None:
        """Try another package's method on the frame on the canvas, or end that."""
        image_id = self.session.current_image_id
        if self.tried.busy or image_id is None:
            self.tried.leave()
            return
        with self.session.reporting():
            value = self.method.value().model_dump() | {"images": [image_id], "frames": [self.session.current_frame]}
            self.tried.start(TrySegmentParameters(**value))

    def _on_live(self, on: bool) -> None:
        self._edited = on
        if on:
            self._preview_soon()
        else:
            self._remove_preview()

    def _remove_preview(self) -> None:
        self.tried.leave()
        self.preview.remove()
        self.result.setText("")

    def _preview_soon(self) -> None:
        """Preview where it tells something new: a frame without objects, or settings that were just changed."""
        segmented = self.session.layers.frame_is_segmented
        if not self.method.is_entropy and self.is_seen() and not self.by_hand.correcting:
            return  # tried at a press
        unwanted = not self.live.isChecked() or self.by_hand.correcting or not self.method.is_entropy
        if unwanted or not self.is_seen() or (segmented and not self._edited):
            self._remove_preview()
            return
        if self.session.current_image_id is not None and not self.form.problem():
            value = self.form.value()
            assert isinstance(value, SegmentParameters)
            self.preview.ask(value)

    def _on_preview(self, objects: int, seconds: float) -> None:
        self._seconds = seconds
        self.result.setText(f"{objects:,} objects · {seconds:.1f} s")
        self._show_buttons()

    def _on_preview_failed(self, message: str) -> None:
        self.result.setText("")
        self.problem.setText(message)
        self.problem.setVisible(True)

    def _on_segmented(self, last: object) -> None:
        self._edited = False
        self.preview.remove()
        if isinstance(last, Finished):
            self.found.say_orphans(len(last.result.get("orphans", [])), last.result.get("carried"))

    def came_forward(self) -> None:
        """Preview as soon as the dock is seen."""
        self._preview_soon()

    def went_back(self) -> None:
        """Leave the canvas to the other docks."""
        self._remove_preview()


SEGMENT_TIP = "Find the objects of every frame; labels are carried over by overlap."
NO_PROJECT = "No project is open: New… or Open… above."
