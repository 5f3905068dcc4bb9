import numpy as np
import pytest

pytest.importorskip("napari")

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox

from napari_cellsynth.events import Finished, Metric, Preview, Progress
from napari_cellsynth.widgets.train_gans import TrainGansDock
from tests.widgets.conftest import followed

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def dock(session, viewer, qtbot):
    made = TrainGansDock(viewer)
    qtbot.addWidget(made)
    made.resize(380, 600)
    made.show()
    return made


@pytest.fixture
def labelled(session, project_path, qtbot):
    """12 Dense and 3 Spread crops."""
    session.open(project_path)
    project = session.project
    ids = [int(i) for i in project.objects().index]
    dense, spread = (record.id for record in project.classes())
    project.label(ids[:12], dense)
    project.label(ids[12:15], spread)
    followed(qtbot)
    return project


def trained(project, name="Dense", status="finished", patches=0):
    record = project.class_named(name)
    parameters = {"recipe": {"name": "cellsynth", "size": 64, "batch": 16}}
    run = project.new_run("gan", "cellsynth", parameters, class_id=record.id, groups=["video"], seed=0)
    (run.folder / "step.safetensors").write_bytes(b"")
    if patches:
        project.add_synthetic(run.id, "step", record.id, 0, 0, np.zeros((patches, 1, 64, 64), np.uint8))
    return project.update_run(run.id, status=status, result={"steps": 100, "seconds": 60})


def test_without_a_project_everything_is_off_and_says_why(dock):
    for button in (dock.train_all, dock.train_selected):
        assert not button.isEnabled()
        assert button.toolTip() == "No project is open."
    assert dock.estimate.text() == "No project is open."


def test_the_table_shows_the_crops_and_warns_of_few(dock, labelled):
    assert dock.classes.item(0, 1).text().startswith("12 → ")
    assert dock.classes.item(1, 3).text() == "few"
    assert "Spread has only 3 crops" in dock.advice.text()
    assert dock.train_all.property("primary") is True


def test_train_all_queues_one_job_a_class(dock, labelled, session, qtbot, fake_runs):
    dock.picker.form.editor("steps").setValue(123)
    qtbot.mouseClick(dock.train_all, LEFT)
    assert [handle.title for handle in session.jobs] == ["GAN · Dense", "GAN · Spread"]
    job = session.jobs[0].job
    assert job.kind == "train-gan"
    assert job.parameters["classes"] == [labelled.class_named("Dense").id]
    assert job.parameters["overrides"] == {"steps": 123}
    assert [handle.state for handle in session.jobs] == ["running", "waiting"]


def test_several_processes_or_a_cluster_train_all_classes_in_one_job(dock, labelled, session, qtbot, fake_runs):
    dock.where.workers.setValue(2)
    qtbot.mouseClick(dock.train_all, LEFT)
    [handle] = session.jobs
    assert (handle.title, handle.job.kind) == ("2 GANs at once", "at-once")
    asked = handle.job.checked()
    assert (asked.workers, asked.scheduler) == (2, None)
    assert [part.parameters["classes"] for part in asked.jobs] == [[each.id] for each in labelled.classes()]
    dock.where.scheduler.setText(" tcp://far:8786 ")
    assert not dock.where.workers.isEnabled()
    assert dock.where.value()["scheduler"] == "tcp://far:8786"


def test_a_class_that_is_renamed_while_its_training_waits_is_still_found(dock, labelled, session, qtbot):
    qtbot.mouseClick(dock.train_all, LEFT)
    spread = labelled.class_named("Spread").id
    labelled.rename_class(spread, "Flat")
    [wanted] = session.jobs[1].job.checked().classes
    assert labelled.class_named(wanted).id == spread


def test_only_the_selected_class_is_trained(dock, labelled, session, qtbot):
    assert "No class" in dock.train_selected.toolTip()
    dock.classes.selectRow(1)
    qtbot.mouseClick(dock.train_selected, LEFT)
    assert [handle.title for handle in session.jobs] == ["GAN · Spread"]


def test_a_training_shows_steps_time_curves_and_samples(dock, labelled, qtbot, fake_runs):
    dock.session.start_run.script = (
        Progress(50, 200, "steps"),
        Metric(50, {"loss_generator": 1.5, "loss_discriminator": 0.5}),
        Preview("Dense", np.zeros((8, 1, 64, 64), np.float32)),
    )
    qtbot.mouseClick(dock.train_all, LEFT)
    panel = dock.progress
    qtbot.waitUntil(lambda: panel.samples.count() == 8, timeout=3000)
    assert panel.step_bar.value() == 50
    assert panel.step_bar.format().startswith("step 50 of 200")
    assert panel.queue_bar.format() == "training 1 of 2"
    assert panel.curves.names() == ["loss_generator", "loss_discriminator"]
    assert panel.title.text() == "GAN · Dense"


def test_stop_ends_the_running_training_and_empties_the_queue(dock, labelled, session, qtbot, fake_runs, said):
    qtbot.mouseClick(dock.train_all, LEFT)
    qtbot.waitUntil(lambda: bool(fake_runs), timeout=3000)
    assert dock.progress.stop.text() == "Stop all 2" and "alone" in dock.progress.stop.toolTip()
    qtbot.mouseClick(dock.progress.stop, LEFT)
    qtbot.waitUntil(lambda: all(handle.done for handle in session.jobs), timeout=3000)
    assert [handle.state for handle in session.jobs] == ["stopped", "stopped"]
    assert len(fake_runs) == 1 and dock.progress.stop.text() == "Stop"
    assert "Taken out of the queue: GAN · Spread." in said[0]
    assert not dock.progress.stop.isEnabled()


def test_a_stopped_run_can_be_resumed(dock, labelled, session, qtbot):
    run = trained(labelled, status="stopped")
    assert dock.progress.resume.isEnabled()
    qtbot.mouseClick(dock.progress.resume, LEFT)
    assert session.jobs[-1].job.parameters["resume"] == run.id


def test_patches_are_generated_with_the_newest_run_of_each_class(dock, labelled, session, qtbot):
    assert dock.generate.toolTip() == "No GAN has been trained yet."
    trained(labelled)
    newest = trained(labelled)
    other = trained(labelled, "Spread")
    assert dock.generate.property("primary") is True
    dock.count.setValue(40)
    qtbot.mouseClick(dock.generate, LEFT)
    jobs = [handle.job for handle in session.jobs]
    assert {job.parameters["run"] for job in jobs} == {newest.id, other.id}
    assert {job.parameters["n"] for job in jobs} == {40}


def test_quality_is_measured_where_there_are_patches(dock, labelled, session, qtbot):
    assert "Generate patches first" in dock.quality.toolTip()
    run = trained(labelled, patches=12)
    qtbot.mouseClick(dock.quality, LEFT)
    assert session.jobs[-1].job.kind == "quality"
    assert session.jobs[-1].job.parameters["run"] == run.id


def test_the_time_is_estimated_from_earlier_runs(dock, labelled):
    trained(labelled)
    dock.picker.form.editor("steps").setValue(1000)
    # 0.6 s a step, 1,000 steps, 2 classes.
    assert "1,000 steps a class · 2 classes · about 20 min on this machine" in dock.estimate.text()


def test_a_runs_parameters_are_copied_into_the_form(dock, labelled):
    trained(labelled)
    dock.runs.table.selectRow(0)
    dock.runs.copy.click()
    assert dock.picker.overrides() == {"batch": 16}


def test_the_groups_held_out_are_said(dock, labelled):
    assert dock.held_out.text.text() == "no second group"
    assert not dock.held_out.hold_out.isEnabled()
    labelled.set_split({"video": "test"})
    assert dock.held_out.text.text() == "1 of 1 groups"


def test_an_ended_job_shows_its_end(dock, labelled, session, qtbot, fake_runs):
    dock.session.start_run.last = Finished({"run": "gan-0001"})
    qtbot.mouseClick(dock.train_all, LEFT)
    qtbot.waitUntil(lambda: bool(fake_runs), timeout=3000)
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: session.jobs[0].done, timeout=3000)
    assert session.jobs[0].state == "finished"


def test_closing_the_dock_while_a_job_runs_harms_nothing(session, viewer, labelled, qtbot, fake_runs):
    dock = TrainGansDock(viewer)
    dock.train_all.click()
    qtbot.waitUntil(lambda: bool(fake_runs), timeout=3000)
    with qtbot.waitSignal(dock.destroyed):
        dock.close()
        dock.deleteLater()
    fake_runs[0].gate.set()
    qtbot.waitUntil(lambda: session.jobs[0].done, timeout=3000)


def test_every_control_has_a_name_and_a_tooltip(dock, labelled):
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox)
    mine = [
        w for kind in kinds for w in dock.scroll.widget().findChildren(kind) if not w.objectName().startswith("qt_")
    ]
    bare = [(type(w).__name__, w.objectName()) for w in mine if not (w.objectName() and w.toolTip())]
    own = [each for each in bare if each[0] not in ("QAbstractButton", "QTableCornerButton")]
    assert own == []


def test_the_dock_fits_beside_the_canvas_of_a_laptop(dock, labelled):
    assert dock.scroll.widget().minimumSizeHint().width() <= 380


def test_a_recipe_of_several_classes_is_one_training(dock, labelled, session, qtbot, fake_runs):
    dock.picker.setValue("acgan", {})
    assert "for all classes" in dock.estimate.text()
    dock.classes.selectRow(0)
    assert not dock.train_selected.isEnabled() and "two classes" in dock.train_selected.toolTip()
    qtbot.mouseClick(dock.train_all, LEFT)
    [handle] = session.jobs
    assert handle.title == "GAN · 2 classes"
    assert handle.job.parameters["classes"] == [record.id for record in labelled.classes()]


def test_a_run_of_several_classes_is_the_newest_of_each(dock, labelled, qtbot, fake_runs):
    ids = [record.id for record in labelled.classes()]
    run = labelled.new_run("gan", "acgan", {"class_ids": ids, "recipe": {}}, groups=["video"], seed=0)
    (run.folder / "step.safetensors").write_bytes(b"")
    labelled.update_run(run.id, status="finished", result={})
    dock.refresh()
    assert [state.run for state in dock.classes.states] == ["finished", "finished"]
    qtbot.mouseClick(dock.generate, LEFT)
    assert [handle.title for handle in dock.session.jobs] == ["Generate · Dense, Spread"]


def test_artificial_patches_of_a_class_are_drawn_without_a_gan(dock, session, labelled, qtbot):
    row = dock.drawings
    row.drawing.setCurrentText("rings")
    row.of_class.setCurrentText("Spread")
    row.count.setValue(30)
    qtbot.mouseClick(dock.findChild(QAbstractButton, "show_drawings"), LEFT)
    qtbot.mouseClick(row.draw, LEFT)
    job = session.jobs[-1].job
    assert job.kind == "draw"
    assert {key: job.parameters[key] for key in ("class_name", "drawing", "n", "size")} == {
        "class_name": "Spread",
        "drawing": "rings",
        "n": 30,
        "size": 64,
    }


def test_nothing_is_drawn_before_crops_say_how_bright_patches_are(dock, session, project_path):
    session.open(project_path)
    assert not dock.drawings.draw.isEnabled() and "Label some crops" in dock.drawings.draw.toolTip()
