"""The part of the Segment dock in which a person corrects a frame by hand, or takes another layer's objects over."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QSpinBox, QVBoxLayout, QWidget

from napari_cellsynth.errors import UserError
from napari_cellsynth.project.by_hand import Correction, take_over
from napari_cellsynth.widgets.dock import allow, button, label, set_property
from napari_cellsynth.widgets.drafting import Place
from napari_cellsynth.widgets.hand_layer import HandLayer
from napari_cellsynth.widgets.rows import row_of
from napari_cellsynth.widgets.session import Session
from napari_cellsynth.widgets.take_layer import TakeLayer
from napari_cellsynth.widgets.waiting_row import WaitingRow

CORRECT_TIP = "Correct this frame's objects by hand, in a copy of them; the frame changes when you take it over."
HOW = (
    "Click objects to choose them, Shift-click for more. napari's brush, eraser and fill work too; Ctrl+Z undoes. "
    "The objects change at Take over; until then the correction is kept as a draft."
)
NOT_KEPT = "This correction is not kept on the disk: {} Closing the window loses it."
TIPS = {
    "merge": "Make the chosen objects one (Shift+M). Its label is the largest labelled one's.",
    "split": "Part each chosen object at its waists. The label goes to the largest part.",
    "cut": "Draw a line across an object: it is cut there. The label goes to the largest part.",
    "delete": "Delete the chosen objects (Delete). Labels of theirs are listed as not placed.",
    "draw_new": "Paint an object that was missed with napari's brush; others are not painted over.",
    "take_over": "Write these objects into the project; labels are carried over by overlap.",
    "discard": "Show the frame's objects as they are in the project again.",
    "go_back": "Bring this frame's objects back as they were before the last Take over, with their labels.",
}
_MOST_KEPT = 50


class ByHandPanel(QWidget):
    """Corrects one frame at a time in a working copy; each frame keeps its own until it is taken over.

    Parameters
    ----------
    session : Session
        The viewer's session.
    """

    taken = Signal(object)
    """A `Correction` was written."""
    toggled = Signal(bool)
    """Correcting has begun or ended."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._copies: dict[Place, HandLayer] = {}
        self._since: dict[Place, list[int]] = {}
        self._before: list[tuple[Place, bytes | None]] = []
        self.correct = button("correct", "Correct this frame", CORRECT_TIP)
        self.correct.setCheckable(True)
        words = {"merge": "Merge", "split": "Split in", "cut": "Cut", "delete": "Delete", "draw_new": "Draw new"}
        self.tools = {name: button(name, text, TIPS[name]) for name, text in words.items()}
        self.tools["cut"].setCheckable(True)
        self.parts = QSpinBox()
        self.parts.setObjectName("parts")
        self.parts.setRange(2, 100)
        self.parts.setToolTip("Into how many parts an object is split.")
        self.parts.setAccessibleName("parts")
        self.take = button("take_over", "Take over", TIPS["take_over"])
        self.discard = button("discard", "Discard", TIPS["discard"])
        self.back = button("go_back", "Go back", TIPS["go_back"])
        self.how = label(HOW, "quiet", name="how_by_hand", wrap=True)
        self.said = label("", name="by_hand_said", wrap=True)
        self.waiting = WaitingRow(session)
        self.layer = TakeLayer(session)
        self._lay_out()
        self._connect()
        self.refresh()

    def _lay_out(self) -> None:
        self.bench = QWidget()
        bench = QVBoxLayout(self.bench)
        bench.setContentsMargins(0, 0, 0, 0)
        bench.setSpacing(4)
        tools = self.tools
        bench.addLayout(row_of(tools["merge"], tools["split"], self.parts, tools["cut"]))
        bench.addLayout(row_of(tools["delete"], tools["draw_new"]))
        bench.addLayout(row_of(self.take, self.discard))
        bench.addWidget(self.how)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row_of(self.correct, self.back))
        for each in (self.bench, self.said, self.waiting, self.layer):
            layout.addWidget(each)

    def _connect(self) -> None:
        session = self._session
        session.project_changed.connect(self._on_project)
        session.frame_changed.connect(lambda _image_id, _frame: self._on_frame())
        session.objects_changed.connect(self.refresh)
        session.jobs_changed.connect(self.refresh)
        session.drafting.saved.connect(self._on_saved)
        self.correct.clicked.connect(lambda on: self.set_correcting(on))
        acts = {
            "merge": lambda copy: copy.merge(),
            "split": lambda copy: copy.part(self.parts.value()),
            "delete": lambda copy: copy.delete(),
            "draw_new": lambda copy: copy.draw_new(),
        }
        for name, act in acts.items():
            self.tools[name].clicked.connect(lambda _on=False, act=act: self._do(act))
        self.tools["cut"].clicked.connect(lambda on: self._do(lambda copy: copy.arm_cut(on)))
        self.take.clicked.connect(lambda: self.take_over())
        self.discard.clicked.connect(lambda: self.drop())
        self.back.clicked.connect(lambda: self.go_back())
        self.waiting.wanted.connect(lambda: self.set_correcting(True))
        self.layer.taken.connect(self._on_taken)
        self.layer.failed.connect(self._say_problem)

    # ------------------------------------------------------------------ correcting
    @property
    def copy(self) -> HandLayer | None:
        """The working copy of the frame on the canvas, or None."""
        return self._copies.get(self._place) if self._place is not None else None

    @property
    def correcting(self) -> bool:
        """Whether working copies are shown."""
        return bool(self.correct.isChecked())

    @property
    def _place(self) -> Place | None:
        image_id = self._session.current_image_id
        return None if image_id is None else (image_id, self._session.current_frame)

    def set_correcting(self, on: bool) -> None:
        """Begin to correct the frame on the canvas, or leave it; unfinished corrections wait."""
        self.correct.setChecked(on)
        self._session.layers.veil(on)
        self.toggled.emit(on)
        self._on_frame()

    def _on_frame(self) -> None:
        """Show the working copy of the frame on the canvas and put the others away."""
        place = self._place
        for other, copy in list(self._copies.items()):
            if other != place or not self.correcting:
                copy.hide()
                if not copy.is_changed():
                    self._forget(other)
        if self.correcting and place is not None and self._session.project is not None:
            with self._session.reporting():
                self._show_copy(place)
        self.said.setText("")
        self.refresh()

    def _show_copy(self, place: Place) -> None:
        project, image_id, frame = self._session.need_project(), *place
        if place not in self._copies:
            mask = project.mask(image_id, frame)
            size = project.images().loc[image_id, ["height", "width"]].astype(int)
            mask = np.zeros(size.tolist(), np.int32) if mask is None else mask
            now, since, file = self._session.drafting.take_up(place) or (None, self._ids(place), None)
            copy = HandLayer(self._session, mask, self, now)
            copy.changed.connect(lambda: self._session.drafting.touch(place))
            copy.changed.connect(self.refresh)
            copy.failed.connect(self._say_problem)
            self._copies[place] = copy
            self._begin(place, since, file)
        self._copies[place].show()

    def _begin(self, place: Place, since: list[int], file: Path | None = None) -> None:
        self._since[place] = since
        self._session.drafting.begin(place, self._copies[place], since, file)

    def _forget(self, place: Place) -> None:
        copy = self._copies.pop(place, None)
        self._since.pop(place, None)
        self._session.drafting.drop(place)
        if copy is not None:
            copy.hide()
            copy.deleteLater()

    def _do(self, act: Any) -> None:
        self.said.setText("")
        if (copy := self.copy) is None:
            return
        if not copy.shown:
            copy.show()
        try:
            act(copy)
        except UserError as error:
            self._say_problem(error)
        self.refresh()

    # ------------------------------------------------------------------ writing
    def take_over(self) -> None:
        """Write the working copy as the frame's objects."""
        place, copy = self._place, self.copy
        if place is None or copy is None or self._why_not():
            return
        if self._write(place, copy.labels, since=self._since[place]):
            copy.settle()
            self._session.drafting.drop(place)
            self._begin(place, self._ids(place))

    def go_back(self) -> None:
        """Bring the frame's objects back as they were before the last taking over."""
        place = self._place
        kept = next((i for i in reversed(range(len(self._before))) if self._before[i][0] == place), None)
        if place is None or kept is None or self._why_not():
            return
        _, packed = self._before.pop(kept)
        size = self._session.need_project().images().loc[place[0], ["height", "width"]].astype(int).tolist()
        mask = None if packed is None else np.frombuffer(zlib.decompress(packed), np.int32).reshape(size)
        if self._write(place, mask, keep=False):
            words = self.said.text()
            self.drop()
            self.said.setText(f"As before: {words}")

    def _write(
        self, place: Place, labels: NDArray[Any] | None, *, since: list[int] | None = None, keep: bool = True
    ) -> bool:
        project = self._session.need_project()
        try:
            before = project.mask(*place)
            done = take_over(project, *place, labels, since=since)
        except UserError as error:
            if since is not None and place in self._since:
                # Told once; who presses again means it.
                self._since[place] = self._ids(place)
            self._say_problem(error)
            return False
        if keep:
            self._before.append((place, None if before is None else zlib.compress(before.tobytes(), 1)))
            del self._before[:-_MOST_KEPT]
        self._on_taken(done)
        return True

    def drop(self) -> None:
        """Forget the working copy; where one is being corrected a fresh one takes its place."""
        if self._place is not None:
            self._forget(self._place)
        self._on_frame()

    def _ids(self, place: Place) -> list[int]:
        found = self._session.need_project().objects(image_id=place[0], frame=place[1])
        return [int(number) for number in found.index]

    def _on_taken(self, done: Correction) -> None:
        set_property(self.said, "role", "")
        self.said.setText(done.words())
        self.taken.emit(done)
        self.refresh()

    # ------------------------------------------------------------------ what is shown
    def _on_project(self) -> None:
        # The session has kept them as drafts of the project that closed.
        for place in list(self._copies):
            self._forget(place)
        self._before.clear()
        self.correct.setChecked(False)
        self._session.layers.veil(False)
        self.said.setText("")
        self.refresh()

    def _why_not(self) -> str:
        project = self._session.project
        if project is None:
            return "No project is open."
        if project.read_only:
            return "The project is open for reading only."
        busy = [*self._session.waiting, *filter(None, [self._session.running])]
        if any(handle.job.kind == "segment" for handle in busy):
            return "A segmentation is running: it would write over this."
        return "" if self._session.current_image_id is not None else "There is no image on the canvas."

    def refresh(self) -> None:
        """Show what can be done now."""
        why_not, copy, place = self._why_not(), self.copy, self._place
        allow(self.correct, "" if self.correcting else why_not, CORRECT_TIP)
        self.correct.setText("Correct this frame" if place is None else f"Correct frame {place[1] + 1}")
        self.bench.setVisible(self.correcting)
        changed = copy is not None and copy.is_changed()
        unchanged = "" if changed else "Nothing was changed."
        allow(self.take, why_not or unchanged, TIPS["take_over"])
        set_property(self.take, "primary", changed and not why_not)
        allow(self.discard, unchanged, TIPS["discard"])
        self.tools["cut"].setChecked(copy is not None and copy.cutting)
        self.back.setVisible(any(each == place for each, _ in self._before))
        allow(self.back, why_not or ("Take over or discard this correction first." if changed else ""), TIPS["go_back"])
        self.layer.set_why_not(why_not)
        hidden = {each: other for each, other in self._copies.items() if not (self.correcting and other is copy)}
        self.waiting.show_places([each for each, other in hidden.items() if other.is_changed()])
        if self.correcting and why_not:
            self._say_problem(UserError(why_not))

    def _on_saved(self, problem: str) -> None:
        self.how.setText(NOT_KEPT.format(problem) if problem else HOW)
        set_property(self.how, "role", "problem" if problem else "quiet")

    def _say_problem(self, error: UserError) -> None:
        set_property(self.said, "role", "problem")
        self.said.setText(str(error))
