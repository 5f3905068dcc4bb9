"""The dock that puts the figures there are side by side: classifiers with and without synthetic data, and GANs."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_cellsynth.jobs.job import Job, QualityParameters
from napari_cellsynth.widgets.class_table import quality_text
from napari_cellsynth.widgets.dock import allow, button, label, set_property
from napari_cellsynth.widgets.report_pages import Pair, pairs_of, quality_row, write_project_report
from napari_cellsynth.widgets.score_text import score_text, two
from napari_cellsynth.widgets.seen_dock import SeenDock

MEASURE_TIP = "Compare the patches of every GAN that was not measured yet with real ones it never saw."
REPORT_TIP = "Write these tables and matrices as one HTML page into the project and open it."
CAUTION = (
    "One training each: a hint, not a verdict. Differences within the intervals say nothing yet; hold out more "
    "groups or train with more seeds."
)


class EvaluateDock(SeenDock):
    """Shows what is known about the classifiers and the synthetic patches of the project.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer whose session this dock joins.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.setObjectName("evaluate")
        self.verdict = label("", "heading", name="verdict", wrap=True)
        self.caution = label(CAUTION, "quiet", name="caution", wrap=True)
        self.comparison = _table(
            "comparison",
            ["recipe · seed", "real only", "synthetic", "gain"],
            "Held-out balanced accuracy of classifiers that differ in their synthetic patches only; gain in points.",
        )
        self.gans = _table(
            "gans",
            ["run", "class", "KID (floor)", "copies"],
            "KID: distance of synthetic from held-out real patches; floor: between two real sets. Smaller is better.",
        )
        self.no_runs = label("", "problem", name="why_empty", wrap=True)
        self.measure = button("measure", "Measure GANs", MEASURE_TIP)
        self.open_report = button("open_report", "Open report", REPORT_TIP)
        self._lay_out()
        session = self.session
        for signal in (
            session.project_changed,
            session.runs_changed,
            session.synthetic_changed,
            session.jobs_changed,
            session.classes_changed,
        ):
            signal.connect(self.refresh_if_seen)
        self.measure.clicked.connect(self._on_measure)
        self.open_report.clicked.connect(self._on_report)
        self.refresh()

    def _lay_out(self) -> None:
        self.body.addWidget(label("Does synthetic data help my classifier?", "heading", wrap=True))
        self.body.addWidget(self.verdict)
        self.body.addWidget(self.comparison)
        self.body.addWidget(self.caution)
        self.body.addWidget(label("How close are the synthetic patches to real ones?", "heading", wrap=True))
        self.body.addWidget(self.gans)
        self.body.addWidget(self.no_runs)
        self.add_row(self.measure, self.open_report)
        self.body.addStretch(1)

    # ------------------------------------------------------------------ what is shown
    def refresh(self) -> None:
        """Read the runs and their figures again."""
        project = self.session.project
        classifiers = [] if project is None else [r for r in project.runs("classifier") if r.status == "finished"]
        gans = [] if project is None else [r for r in project.runs("gan") if r.status in ("finished", "stopped")]
        names = {} if project is None else {record.id: record.name for record in project.classes()}
        pairs = pairs_of(classifiers)
        self._show_pairs(pairs)
        self._show_gans(gans, names)
        self.verdict.setText(_verdict(pairs))
        self.caution.setVisible(bool(pairs))
        self._unmeasured = [] if project is None else self._to_measure(gans)
        nothing = project is None or not (classifiers or gans)
        reason = "No project is open." if project is None else "Nothing has been trained yet."
        why_not = reason if nothing else "" if self._unmeasured else "Every GAN with 10 patches or more is measured."
        allow(self.measure, why_not, MEASURE_TIP)
        allow(self.open_report, reason if nothing else "", REPORT_TIP)
        self.no_runs.setText(reason if nothing else "")
        self.no_runs.setVisible(nothing)
        busy = self.session.running is not None
        set_property(self.measure, "primary", bool(self._unmeasured) and not busy)
        set_property(self.open_report, "primary", not self._unmeasured and not nothing)

    def _to_measure(self, gans: list[Any]) -> list[Any]:
        counts = self.session.need_project().synthetic()["run"].value_counts()
        return [run for run in gans if counts.get(run.id, 0) >= 10 and not quality_text(run.result)]

    def _show_pairs(self, pairs: list[Pair]) -> None:
        rows = []
        for pair in pairs:
            real = score_text(pair.real.result) if pair.real else "–"
            synthetic = score_text(pair.synthetic.result) if pair.synthetic else "–"
            gain = pair.difference()
            rows.append([pair.title, real or "–", synthetic or "–", "–" if gain is None else f"{100 * gain:+.1f}"])
        _fill(self.comparison, rows)

    def _show_gans(self, gans: list[Any], names: dict[int, str]) -> None:
        rows = []
        for run in gans:
            quality = (run.result or {}).get("quality") or {}
            copies = quality.get("copied")
            rows.append(
                [
                    run.id,
                    names.get(run.class_id, "–"),
                    quality_text(run.result) or "not measured",
                    "–" if copies is None else f"{copies:.0%}",
                ]
            )
        _fill(self.gans, rows)
        for row, run in enumerate(gans):
            quality = (run.result or {}).get("quality") or {}
            if quality:
                self.gans.item(row, 2).setToolTip("\n".join(f"{k}: {v}" for k, v in quality_row(quality).items()))

    # ------------------------------------------------------------------ what is done
    def _on_measure(self) -> None:
        with self.session.reporting():
            for run in self._unmeasured:
                job = Job.of(self.session.need_project().path, QualityParameters(run=run.id))
                self.session.submit(job, f"Quality · {run.id}")

    def _on_report(self) -> None:
        with self.session.reporting():
            path = write_project_report(self.session.need_project())
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


def _verdict(pairs: list[Pair]) -> str:
    full = [pair for pair in pairs if pair.difference() is not None]
    if not full:
        return "Train the same recipe with and without synthetic patches to compare them."
    gain = full[0].difference() or 0.0
    real, synthetic = full[0].real, full[0].synthetic
    apart = full[0].intervals_apart()
    words = {None: "no interval yet", True: "the intervals are apart", False: "the intervals overlap: no clear effect"}
    figures = [two((run.result or {})["scores"]["balanced_accuracy"]) for run in (real, synthetic) if run is not None]
    return f"{full[0].title}: {figures[0]} → {figures[1]} ({100 * gain:+.1f} points), {words[apart]}."


def _table(name: str, headings: list[str], tooltip: str) -> QTableWidget:
    table = QTableWidget(0, len(headings))
    table.setObjectName(name)
    table.setToolTip(tooltip)
    table.setHorizontalHeaderLabels(headings)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(24)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    return table


def _fill(table: QTableWidget, rows: list[list[str]]) -> None:
    table.setRowCount(len(rows))
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft)
            item.setToolTip(text)
            table.setItem(row, column, item)
    table.setFixedHeight(30 + 24 * max(1, min(8, len(rows))))
