"""The dock that puts the figures there are side by side: classifiers with and without synthetic data, and GANs."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices

from napari_cellsynth.evaluate.quality_words import lines, scorer, verdicts
from napari_cellsynth.evaluate.score_words import headline
from napari_cellsynth.jobs.blind import blind_quality
from napari_cellsynth.jobs.job import Job, QualityParameters
from napari_cellsynth.widgets.class_table import quality_text, run_quality_text
from napari_cellsynth.widgets.dock import allow, button, label, set_property
from napari_cellsynth.widgets.experiment_panel import ExperimentPanel
from napari_cellsynth.widgets.figure_table import FigureTable
from napari_cellsynth.widgets.over_time_panel import OverTimePanel
from napari_cellsynth.widgets.report_pages import Pair, pairs_of, write_project_report
from napari_cellsynth.widgets.score_text import score_text, two
from napari_cellsynth.widgets.seen_dock import SeenDock

MEASURE_TIP = "Compare the patches of every GAN that was not measured yet with real ones it never saw."
REPORT_TIP = "Write these tables and matrices as one HTML page into the project and open it."
CAUTION = "One training each: a hint, not a verdict. The experiment above answers over folds, seeds and groups."


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
        self.experiment = ExperimentPanel(self.session)
        self.over_time = OverTimePanel(self.session)
        self.verdict = label("", "quiet", name="verdict", wrap=True)
        self.caution = label(CAUTION, "quiet", name="caution", wrap=True)
        self.comparison = FigureTable(
            "comparison",
            ["recipe · seed", "real only", "synthetic", "gain"],
            "Held-out balanced accuracy (macro F1 for several classes an object) of classifiers that differ in their "
            "synthetic patches only; gain in points.",
        )
        self.gans = FigureTable(
            "gans",
            ["run", "class", "KID (floor)", "copies"],
            "KID: distance of synthetic from held-out real patches; floor: between two real sets. Smaller is better. "
            "Select a run to see all its figures.",
        )
        self.gan_verdict = label("", "quiet", name="gan_verdict", wrap=True)
        self.figures = FigureTable(
            "figures",
            ["figure", "synthetic", "95 %", "real"],
            "The figures of the selected run; real: the same figure of real patches in the place of synthetic ones.",
            most=10,
        )
        self.no_runs = label("", "problem", name="why_empty", wrap=True)
        self.measure = button("measure", "Measure GANs", MEASURE_TIP)
        self.open_report = button("open_report", "Open report", REPORT_TIP)
        self._lay_out()
        self.follow("project", "runs", "synthetic", "jobs", "classes", "predictions", "objects")
        self.gans.itemSelectionChanged.connect(self._show_figures)
        self.measure.clicked.connect(self._on_measure)
        self.open_report.clicked.connect(self._on_report)
        self._qualities: list[tuple[str, dict[str, Any]]] = []
        self.refresh()

    def _lay_out(self) -> None:
        self.body.addWidget(label("Does synthetic data help my classifier?", "heading", wrap=True))
        self.body.addWidget(self.experiment)
        self.body.addWidget(label("Classifiers trained so far", "heading", wrap=True))
        self.body.addWidget(self.verdict)
        self.body.addWidget(self.comparison)
        self.body.addWidget(self.caution)
        self.body.addWidget(label("How close are the synthetic patches to real ones?", "heading", wrap=True))
        self.body.addWidget(self.gans)
        self.body.addWidget(self.gan_verdict)
        self.body.addWidget(self.figures)
        self.body.addWidget(self.no_runs)
        self.add_row(self.measure, self.open_report)
        self.body.addWidget(label("Classes over time", "heading", wrap=True))
        self.body.addWidget(self.over_time)
        self.body.addStretch(1)

    def went_back(self) -> None:
        """Time nothing while nobody looks."""
        self.experiment.timing.want(None)

    # ------------------------------------------------------------------ what is shown
    def refresh(self) -> None:
        """Read the runs and their figures again."""
        project = self.session.project
        classifiers = [] if project is None else [r for r in project.runs("classifier") if r.status == "finished"]
        gans = [] if project is None else [r for r in project.runs("gan") if r.status in ("finished", "stopped")]
        names = {} if project is None else {record.id: record.name for record in project.classes()}
        self.experiment.refresh()
        self.over_time.refresh()
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
        return [run for run in gans if counts.get(run.id, 0) >= 10 and not run_quality_text(run)]

    def _show_pairs(self, pairs: list[Pair]) -> None:
        rows = []
        for pair in pairs:
            real = score_text(pair.real.result) if pair.real else "–"
            synthetic = score_text(pair.synthetic.result) if pair.synthetic else "–"
            gain = pair.difference()
            rows.append([pair.title, real or "–", synthetic or "–", "–" if gain is None else f"{100 * gain:+.1f}"])
        self.comparison.fill(rows)

    def _show_gans(self, gans: list[Any], names: dict[int, str]) -> None:
        rows = []
        self._qualities = []
        for run, class_id in [(each, class_id) for each in gans for class_id in each.class_ids]:
            name, quality = names.get(class_id, "–"), blind_quality(self.session.need_project(), run, class_id)
            copies = quality.get("copied")
            shown = "–" if copies is None else f"{copies:.0%}"
            rows.append([run.id, name, quality_text(quality) or "not measured", shown])
            self._qualities.append((f"{run.id} · {name}", quality))
        tips = ["\n".join([*verdicts(quality), scorer(quality)]).strip() for _, quality in self._qualities]
        self.gans.fill(rows, tips)
        self._show_figures()

    def _show_figures(self) -> None:
        """Show all figures of the selected GAN, of the first measured one where none is selected."""
        rows = [index.row() for index in self.gans.selectionModel().selectedRows()]
        chosen = rows or [row for row, (_, quality) in enumerate(self._qualities) if quality]
        run, quality = self._qualities[chosen[0]] if chosen and chosen[0] < len(self._qualities) else ("", {})
        found = lines(quality)
        # Why a figure is not available is a long story, told by the tooltip; in the cell it would push the others out.
        told = [(line.value.partition(":"), line) for line in found]
        self.figures.fill(
            [[line.title, value, line.interval, line.floor] for (value, _, _), line in told],
            [f"{line.words}\n{line.value}" if reason else line.words for (_, reason, _), line in told],
        )
        self.figures.setVisible(bool(found))
        notes = [*verdicts(quality), scorer(quality), *quality.get("notices", [])]
        self.gan_verdict.setText("\n".join([f"{run}:", *(note for note in notes if note)]) if found else "")
        self.gan_verdict.setVisible(bool(found))

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
    scored = [(run.result or {})["scores"] for run in (real, synthetic) if run is not None]
    figures = [two(scores[headline(scores)]) for scores in scored]
    return f"{full[0].title}: {figures[0]} → {figures[1]} ({100 * gain:+.1f} points), {words[apart]}."
