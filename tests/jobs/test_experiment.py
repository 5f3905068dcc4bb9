from __future__ import annotations

import html
import json
import re
import shlex

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Failed, Finished, Progress, Stopped
from napari_cellsynth.experiments.bone_marrow import BoneMarrow
from napari_cellsynth.experiments.dataset import Dataset, thinned
from napari_cellsynth.experiments.protein_augmentation import ProteinAugmentation
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.jobs.job import ExperimentParameters, Job, TimeExperimentParameters
from napari_cellsynth.jobs.run import run
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_objects_csv
from napari_cellsynth.project.export import original_cell
from tests.conftest import dark_and_bright

TINY = {
    "size": 32,
    "classifier_changes": {"epochs": 1, "least_steps": 4, "width": 0.25},
    "gan": "dcgan",
    "gan_changes": {"steps": 3, "batch": 4, "width": 4},
}


@pytest.fixture
def project(tmp_path):
    """Two classes of bright and dark crops in four groups."""
    return dark_and_bright(tmp_path)


def job(path, **parameters) -> Job:
    return Job.of(path, ExperimentParameters(**({"preset": "smoke", "changes": TINY} | parameters)))


def finished(events) -> dict:
    *_, last = events
    assert isinstance(last, Finished), last
    return last.result


def table(path, result) -> pd.DataFrame:
    scores = pd.read_csv(path / "runs" / result["run"] / "scores.csv", index_col=0)
    return scores.assign(arm=scores["arm"].map(original_cell))  # "+ …" is kept from spreadsheets


def test_the_comparison_ends_with_a_verdict_a_report_and_its_tables(project):
    events = list(run(job(project)))
    result = finished(events)
    assert result["verdict"] in ("helps", "no clear effect", "harms")
    folder = project / "runs" / result["run"]
    told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert told["findings"]["verdict"] == result["verdict"]
    assert told["data"]["dark"] == {"crops": 16, "groups": 4}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert result["words"][:40] in page
    assert {"Confusion, ROC and calibration", "Real crops beside synthetic patches"} <= set(
        re.findall("<h2>(.*)</h2>", page)
    )
    nearest = pd.read_csv(folder / "nearest.csv", index_col=0)
    assert set(nearest["class"]) == {"dark", "bright"}
    recall = pd.read_csv(folder / "recall.csv", index_col=0)
    assert original_cell(recall.index[-1]) == "real + augmentation, tested on synthetic"
    scores = table(project, result)
    assert set(scores["fold"]) == {0, 1}
    assert {"real", "real + augmentation", "+ synthetic × 1", "balance only", "synthetic only"} <= set(scores["arm"])
    shown = [event for event in events if isinstance(event, Progress)]
    assert shown[-1].done == shown[-1].total == result["gans"] + result["classifiers"]
    with Project.open(project) as opened:
        assert opened.run(result["run"]).status == "finished"


@pytest.mark.slow
def test_an_experiment_stopped_twice_ends_with_the_table_of_one_left_alone(project):
    alone = finished(run(job(project)))
    asked = {"n": 0}

    def stop_after(limit):
        def stop():
            asked["n"] += 1
            return asked["n"] > limit

        return stop

    *_, last = run(job(project), stop_after(20))
    assert isinstance(last, Stopped)
    with Project.open(project) as opened:
        begun = opened.runs("experiment")[0]
        assert begun.status == "stopped"
    asked["n"] = 0
    *_, last = run(job(project, resume=begun.id), stop_after(25))
    assert isinstance(last, Stopped)
    result = finished(run(job(project, resume=begun.id)))
    assert result["run"] == begun.id
    pd.testing.assert_frame_equal(table(project, result), table(project, alone))


@pytest.mark.slow
def test_the_command_in_the_report_asks_for_the_same_experiment(project):
    from typer.testing import CliRunner

    from napari_cellsynth.cli import app

    tricky = TINY | {"classes": ["dark", "bright"], "leaky": False}
    result = finished(run(job(project, changes=tricky)))
    folder = project / "runs" / result["run"]
    words = shlex.split(json.loads((folder / "report.json").read_text(encoding="utf-8"))["about"]["command"])
    assert words[:2] == ["napari-cellsynth", "experiment"]
    told = CliRunner().invoke(app, [words[1], str(project), *words[3:], "--json"])
    assert told.exit_code == 0, told.output
    again = [path for path in project.glob("runs/*") if path != folder]
    first, second = (
        json.loads((path / "run.json").read_text(encoding="utf-8"))["parameters"] for path in (folder, *again)
    )
    assert first == second


def test_a_planted_copy_in_another_group_stops_it_before_anything_is_trained_and_both_crops_are_named(project):
    with Project.open(project) as opened:
        first = int(opened.objects().index[0])
        pixels = opened.frame(int(opened.objects().loc[first, "image_id"]), 0)[0]
        # Saved again a little brighter: not the same bytes.
        Image.fromarray((pixels.astype(int) * 9 // 10 + 20).astype(np.uint8)).save(project.parent / "again.png")
        (image_id,) = opened.add_images([project.parent / "again.png"])
        opened.set_objects(image_id, 0, boxes_of(np.ones((32, 32), np.int32)), np.ones((32, 32), np.int32))
        planted = int(opened.objects(image_id=image_id).index[0])
        opened.label([planted], int(opened.objects().loc[first, "class_id"]))
    *_, last = run(job(project))
    assert isinstance(last, Failed)
    assert last.message.startswith("Nearly the same crop is in two groups")
    assert f"{first} (movie 0) and {planted} (" in last.message
    (planned,) = run(Job.of(project, TimeExperimentParameters(preset="smoke", changes=TINY)))
    assert planned == last  # a plan does not promise what is refused afterwards
    with Project.open(project) as opened:
        assert opened.runs("experiment") == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"gan": "foo"}, "There is no GAN recipe called 'foo'."),
        ({"classifier": "foo"}, "There is no classifier recipe 'foo'."),
        ({"gan_changes": {"stepz": 3}}, "The recipe dcgan has no field 'stepz'."),
        ({"classifier_changes": {"epochs": 0}}, "epochs = 0 does not suit the recipe 'fast'."),
        ({"shares": [-1]}, "shares.0: input should be greater than 0 (got -1)."),
    ],
)
def test_a_recipe_that_there_is_not_is_refused_before_anything_is_timed_or_begun(project, changes, told):
    for kind in (TimeExperimentParameters, ExperimentParameters):
        (failed,) = run(Job.of(project, kind(preset="smoke", changes=TINY | changes)))
        assert isinstance(failed, Failed) and failed.message == told
    with Project.open(project) as opened:
        assert opened.runs("experiment") == []


@pytest.mark.slow
def test_two_processes_give_the_table_of_one(project):
    alone = finished(run(job(project)))
    shared = finished(run(job(project, workers=2)))
    pd.testing.assert_frame_equal(table(project, shared), table(project, alone))


def test_labels_given_meanwhile_do_not_change_an_experiment(project):
    *_, last = run(job(project), lambda: True)
    assert isinstance(last, Stopped)
    with Project.open(project) as opened:
        begun = opened.runs("experiment")[0]
        opened.label([int(opened.objects().index[0])], 0)
        before = len(opened.training_objects())
    result = finished(run(job(project, resume=begun.id)))
    assert before == 31
    assert json.loads((project / "runs" / result["run"] / "report.json").read_text())["data"]["dark"]["crops"] == 16


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"protocol": "table5"}, "no protocol 'table5'"),
        ({"changes": TINY | {"folds": 9}}, "4 groups cannot be split into 9 folds"),
        ({"changes": TINY | {"classes": ["dark", "grey"]}}, "no class 'grey'"),
        ({"resume": "experiment-0007"}, "no run 'experiment-0007'"),
    ],
)
def test_what_cannot_work_is_told_in_one_line_before_anything_is_trained(project, parameters, words):
    *_, last = run(job(project, **parameters))
    assert isinstance(last, Failed)
    assert words in last.message
    assert not last.traceback


def test_a_finished_experiment_is_not_done_again(project):
    result = finished(run(job(project)))
    *_, last = run(job(project, resume=result["run"]))
    assert isinstance(last, Failed)
    assert "is finished; its report is" in last.message


FEW = {"size": 32, "classifier_changes": {"epochs": 1, "least_steps": 3}}


SMALL_GAN = {"gan_changes": {"steps": 3, "batch": 4, "width": 4}, "size": 32, "most": 0}
MARROW = SMALL_GAN | {
    "classifiers": ["sequential", "naive-bayes"],
    "gans": ["dcgan", "cgan", "c-wgan-gp"],
    "classifier_changes": {"epochs": 1, "least_steps": 3, "width": 0.25},
}
PROTEIN = SMALL_GAN | {
    "backbones": ["timm"],
    "gan": "dcgan",
    "synthetic": 4,
    "classifier_changes": {"epochs": 1, "least_steps": 2, "pretrained": False, "model": "resnet10t"},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes", "rows"),
    [
        ("hescnet-table4", FEW | {"classifier_changes": {"width": 0.05, "epochs": 1}}, ["a", "b", "c", "d"]),
        ("cell-cycle", FEW, ["original", "WGAN-GP + undersampling", "WGAN-div + mixup"]),
        ("liposome", FEW | {"networks": ["lipnet-1"]}, ["lipnet-4 none", "lipnet-1", "svm"]),
        ("bone-marrow", MARROW, ["sequential, original", "sequential, balanced", "naive-bayes, balanced"]),
        ("protein-augmentation", PROTEIN, ["timm, classical", "timm, + GAN"]),
        ("protein-augmentation", PROTEIN | {"mode": "28-class"}, ["timm, classical"]),
    ],
)
def test_a_papers_protocol_ends_with_its_table_and_the_papers_beside_it(project, name, changes, rows):
    result = finished(run(job(project, protocol=name, changes=changes)))
    assert set(rows) <= set(result["table"])
    page = (project / "runs" / result["run"] / "report.html").read_text(encoding="utf-8")
    assert "s, of liposomes:" in page or ", paper</th>" in page
    assert re.findall("<h2>(.*)</h2>", page)[0] == "Question and answer"
    assert html.escape(result["words"]).replace("&quot;", "&#34;")[:60] in page
    folder = project / "runs" / result["run"]
    assert (folder / "differences.csv").is_file() == ("Differences were tested over folds" in page)
    assert "No group is on both sides of a fold" in page


@pytest.fixture
def several(tmp_path):
    """Crops whose left half is bright, or whose right half is, or both, in four groups; each bright half is a class."""
    folder = tmp_path / "halves"
    folder.mkdir()
    rng, rows = np.random.default_rng(0), []
    for number in range(48):
        has = number % 3
        pixels = rng.integers(0, 60, (32, 32))
        pixels[:, :16] += 150 * (has != 1)
        pixels[:, 16:] += 150 * (has != 0)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        label = ("left", "right", "left|right")[has]
        rows.append((f"{number}.png", 0, 0, 32, 32, label, "train", f"plate {number // 12}"))
    columns = ["image", "x0", "y0", "x1", "y1", "label", "split", "group"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "objects.csv", index=False)
    with Project.create(tmp_path / "several.cellsynth") as made:
        import_objects_csv(made, folder)
        yield made.path


def test_objects_of_several_classes_are_learned_and_told_class_by_class(several):
    result = finished(run(job(several, protocol="protein-augmentation", changes=PROTEIN)))
    folder = several / "runs" / result["run"]
    told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert {name: row["crops"] for name, row in told["data"].items()} == {"left": 32, "right": 32}
    scores = pd.read_csv(folder / "scores.csv", index_col=0)
    for column in ("macro F1, test", "micro F1, test", "accuracy, test"):
        assert scores[column].between(0, 1).all()
    answers = sorted(folder.glob("tasks/*-classifier-*/probabilities.npy"))
    p = np.concatenate([np.load(file) for file in answers])
    assert p.shape[1] == 2
    assert not np.allclose(p.sum(axis=1), 1), "classes do not exclude each other"
    assert all((file.parent / "thresholds.npy").is_file() for file in answers)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Class by class, ROC" in page
    assert "A synthetic patch is taught as having the class that it was made for and no other" in page
    *_, last = run(job(several))
    assert isinstance(last, Failed)
    assert "needs a single-label project" in last.message


def test_what_is_done_as_published_says_what_leaks_and_ours_cannot_leak(project):
    changes = {"size": 32, "as_published": True, "networks": ["lipnet-1"], "classifier_changes": {"epochs": 1}}
    result = finished(run(job(project, protocol="liposome", changes=changes)))
    page = (project / "runs" / result["run"] / "report.html").read_text(encoding="utf-8")
    first = page.split("<h2>")[1]
    assert first.startswith("Question and answer")
    assert "which leaks: folds by crop" in first
    assert "No group is on both sides" not in page
    *_, last = run(job(project, changes=TINY | {"as_published": True}))
    assert isinstance(last, Failed)
    assert "was not published with a leak" in last.message


@pytest.mark.slow
def test_compared_gans_are_measured_against_held_out_crops_beside_real_ones(project):
    result = finished(run(job(project, protocol="bone-marrow", changes=MARROW)))
    assert set(result["gans"]) == {"dcgan", "cgan", "c-wgan-gp", "(real crops in their place)"}
    assert result["gans"]["cgan"]["FID, paper"] == 71.02
    folder = project / "runs" / result["run"]
    gans = pd.read_csv(folder / "gans.csv", index_col=0)
    assert len(gans) == 6  # three GANs in two folds
    # Bright and dark crops are told apart by their mean alone, so real ones are taken for what they are.
    assert (gans["floor.class_recall"] > 0.9).all()
    assert (gans["inception_score"] <= 2).all()
    assert (gans["fid"] > gans["floor.fid"]).all()
    classes = pd.read_csv(folder / "classes.csv", index_col=0)
    assert set(classes["class"]) == {"dark", "bright"}
    assert {"accuracy", "TPR", "TNR"} <= set(classes)


@pytest.mark.slow
def test_tests_of_balanced_data_hold_synthetic_patches_as_published_and_never_otherwise(project):
    rare = MARROW | {"gans": ["cgan"], "gan": "cgan", "classifiers": ["sequential"]}
    with Project.open(project) as opened:
        bright = {record.name: record.id for record in opened.classes()}["bright"]
        objects = opened.objects()
        spared = objects[objects["class_id"] == bright].groupby("group").head(1)
        opened.label(objects.index[(objects["class_id"] == bright) & ~objects.index.isin(spared.index)].tolist(), 0)
    for published in (False, True):
        result = finished(run(job(project, protocol="bone-marrow", changes=rare | {"as_published": published})))
        folder = project / "runs" / result["run"]
        made = [np.load(file)["of"] for file in sorted(folder.glob("tasks/*/made.npz"))]
        told = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        assert told["data"]["bright"]["crops"] == 4
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert ("the tests of balanced data hold synthetic patches" in page) == published
        assert ("Groups (videos, slides, wells or animals) were kept whole" in page) != published
        if published:  # of 16 dark and 4 bright crops each fold tests half
            assert [np.bincount(of, minlength=2).tolist() for of in made] == [[0, 6], [0, 6]]
        else:
            assert not made


def test_the_five_largest_classes_are_taken_and_a_data_set_is_thinned_out_in_proportion(tmp_path):
    labels = np.repeat(np.arange(7), [40, 5, 30, 60, 20, 50, 8])
    data = Dataset([], labels, np.arange(213).astype(str), np.arange(213), tuple("abcdefg"), 0)
    five = ProteinAugmentation()
    narrowed = five.narrowed(five.checked("smoke", {}), data)
    assert narrowed.class_names == ("a", "c", "d", "e", "f")
    assert np.bincount(narrowed.labels).tolist() == [40, 30, 60, 20, 50]
    assert five.narrowed(five.checked("smoke", {"mode": "28-class"}), data) is data
    few = thinned(data, 100, seed=0)
    assert np.bincount(few.labels).tolist() == [19, 5, 14, 28, 10, 23, 8]
    assert (labels[few.ids] == few.labels).all()


def test_a_setting_that_no_compared_recipe_has_is_told_and_one_that_some_have_goes_to_them():
    marrow = BoneMarrow()
    data = Dataset([], np.arange(8) % 2, np.arange(8).astype(str), np.arange(8), ("a", "b"), 0)
    changes = {"classifiers": ["svm", "sequential"], "classifier_changes": {"epochs": 3}}
    arms = {arm.recipe: arm.changes for arm in marrow.design(marrow.checked("full", changes), data).arms}
    assert arms == {"svm": {}, "sequential": {"epochs": 3}}
    with pytest.raises(UserError, match="None of these recipes has a setting 'epoch'"):
        marrow.design(marrow.checked("full", {"classifier_changes": {"epoch": 3}}), data)
    with pytest.raises(UserError, match="no recipe 'vgg'"):
        marrow.design(marrow.checked("full", {"classifiers": ["vgg"]}), data)


@pytest.mark.slow
def test_two_shares_are_chosen_among_inside_of_the_folds_and_the_report_says_which(project):
    result = finished(run(job(project, changes=TINY | {"shares": [0.5, 1.0], "learn_from": 0.8})))
    scores = table(project, result)
    assert {"+ synthetic, share chosen inside", "+ synthetic × 1, filtered"} <= set(scores["arm"])
    choices = pd.read_csv(project / "runs" / result["run"] / "choices.csv", index_col=0)
    assert list(choices.index) == ["r0-f0", "r0-f1"]
    for fold, row in choices.iterrows():
        here = scores[scores["fold"] == int(fold[-1])].set_index("arm")["balanced_accuracy"]
        assert here["+ synthetic, share chosen inside"] == here[original_cell(row["chosen"])]
    page = (project / "runs" / result["run"] / "report.html").read_text(encoding="utf-8")
    assert "Shares chosen inside of the folds" in page


def test_an_experiment_is_timed_before_it_starts_and_nothing_is_written(project):
    *_, last = run(Job.of(project, TimeExperimentParameters(preset="smoke", changes=TINY)))
    assert isinstance(last, Finished), last
    assert last.result["seconds"] > 0
    with Project.open(project) as opened:
        assert opened.runs("experiment") == []
