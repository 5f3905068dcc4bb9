"""The quality job on runs whose patches the test chooses: fresh ones, copies, and those of several classes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_cellsynth.events import Event, Failed, Finished, Progress, Stopped
from napari_cellsynth.jobs import Job, run
from napari_cellsynth.jobs.job import QualityParameters
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder
from tests.conftest import write_crops

SIZE = 32


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two classes of 24 training and 8 held-out crops."""
    with Project.create(tmp_path / "crops.cellsynth") as made:
        import_folder(made, write_crops(tmp_path / "crops", per_class=8))
        yield made


def crops(project: Project, class_name: str, split: str = "train") -> np.ndarray:
    table = project.training_objects() if split == "train" else project.test_objects()
    ids = table.index[table["class_id"] == project.class_named(class_name).id].tolist()
    return np.stack(project.crops(ids, size=SIZE, fit="whole"))


def gan(project: Project, class_name: str, patches: np.ndarray) -> str:
    """A finished run of a class that has made these patches."""
    record = project.class_named(class_name)
    table = project.training_objects()
    table = table[table["class_id"] == record.id]
    parameters = {
        "recipe": {"size": SIZE, "fit": "whole"},
        "objects": table.index.tolist(),
        "low": [0.0],
        "high": [255.0],
        "dtype": "uint8",
    }
    groups = sorted(set(table["group"]))
    made = project.new_run("gan", "dcgan", parameters, class_id=record.id, groups=groups, seed=0)
    (made.folder / "step.safetensors").touch()
    project.add_synthetic(made.id, "step", record.id, 0, 0, patches)
    project.update_run(made.id, status="finished", result={})
    return made.id


def fresh(project: Project, class_name: str) -> np.ndarray:
    """Patches that nobody has seen: held-out ones with their light changed a little."""
    rng = np.random.default_rng(0)
    seen = crops(project, class_name, "test").astype(float)
    return np.clip(np.concatenate([seen * f + rng.normal(0, 8, seen.shape) for f in (0.9, 1.05)]), 0, 255).astype(
        "uint8"
    )


def events_of(project: Project, stop_at: int | None = None, **parameters: object) -> list[Event]:
    seen: list[Event] = []
    job = Job.of(project.path, QualityParameters(**parameters))
    for event in run(job, lambda: stop_at is not None and len(seen) >= stop_at):
        seen.append(event)
    return seen


def measured(project: Project, run_id: str, **parameters: object) -> dict:
    return figures(events_of(project, run=run_id, **parameters)[-1])


def figures(last: Event) -> dict:
    """The figures of the one class that was measured."""
    assert isinstance(last, Finished), last
    assert json.loads(json.dumps(last.result, allow_nan=False)) == last.result
    [table] = last.result["classes"].values()
    return table


def trainings(events: list[Event]) -> int:
    return sum(isinstance(event, Progress) and event.unit == "steps" for event in events)


def test_the_network_that_scores_learns_from_training_crops_alone_once_for_all_runs(project: Project) -> None:
    blob, stripes = (gan(project, name, fresh(project, name)) for name in ("blob", "stripes"))
    events = events_of(project, run=blob)
    quality = figures(events[-1])
    assert quality["extractor"] == "network trained on 48 training crops of 2 classes"
    assert quality["reference"] == "held-out real patches"
    assert trainings(events) > 100
    assert trainings(events_of(project, run=stripes)) == 0
    assert any("Inception is not available" in line for line in quality["notices"])
    # A class figure for each, since both classes have patches, and held-out crops to compare with.
    assert {"class_precision", "class_recall", "class_f1"} <= set(quality) & set(quality["floor"])
    assert quality["class_recall"] > 0.9 and quality["floor"]["class_recall"] > 0.8
    assert project.run(blob).quality(project.class_named("blob").id) == quality


def test_other_labels_need_another_network(project: Project) -> None:
    blob = gan(project, "blob", fresh(project, "blob"))
    events_of(project, run=blob)
    moved = project.training_objects().index[:1].tolist()
    project.label(moved, project.add_class("third"))
    assert trainings(events_of(project, run=blob)) > 100


def test_patches_made_for_a_class_that_show_another_have_no_recall(project: Project) -> None:
    wrong = gan(project, "blob", fresh(project, "stripes"))
    quality = measured(project, wrong)
    assert quality["class_recall"] < 0.2
    assert "class_precision" in quality["missing"] and "class_precision" not in quality


def test_training_patches_given_back_fail_the_gate_and_held_out_ones_pass(project: Project) -> None:
    copies = gan(project, "blob", crops(project, "blob")[..., ::-1])
    gate = measured(project, copies, extractor="handmade")["gates"]["memorisation"]
    assert not gate["passed"] and "copies of training patches" in gate["reason"]
    honest = gan(project, "blob", fresh(project, "blob"))
    assert measured(project, honest, extractor="handmade")["gates"]["memorisation"]["passed"]


def test_it_stops_while_the_network_is_trained_and_while_it_measures(project: Project) -> None:
    blob = gan(project, "blob", fresh(project, "blob"))
    events = events_of(project, run=blob, stop_at=3)
    assert isinstance(events[-1], Stopped) and trainings(events) <= 4
    events_of(project, run=blob)
    assert isinstance(events_of(project, run=blob, stop_at=2)[-1], Stopped)


def test_one_class_alone_is_measured_by_hand_made_features_and_says_so(project: Project) -> None:
    blob = gan(project, "blob", fresh(project, "blob"))
    table = project.training_objects()
    stripes = table.index[table["class_id"] == project.class_named("stripes").id]
    project.label(stripes.tolist(), 0)
    quality = measured(project, blob)
    assert quality["extractor"] == "hand-made features"
    assert any("two classes" in line for line in quality["notices"])
    assert "two classes" in quality["missing"]["inception_score"]
    last = events_of(project, run=blob, extractor="network")[-1]
    assert isinstance(last, Failed) and "no network" in last.message and not last.traceback


@pytest.mark.slow
def test_inception_scores_where_its_weights_are(project: Project, tmp_path: Path) -> None:
    from torchvision.models import inception_v3

    torch.manual_seed(0)
    weights = tmp_path / "inception.pth"
    torch.save(inception_v3(init_weights=False, aux_logits=True).state_dict(), weights)
    blob = gan(project, "blob", fresh(project, "blob"))
    quality = measured(project, blob, n=10, inception=str(weights))
    assert quality["extractor"] == "Inception v3 (ImageNet)" and np.isfinite(quality["kid"])
    assert not any("Inception" in line for line in quality["notices"])
    last = events_of(project, run=blob, inception=str(tmp_path / "absent.pth"))[-1]
    assert isinstance(last, Failed) and "absent.pth" in last.message and not last.traceback


def test_the_terminal_shows_every_figure_beside_its_floor(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    from napari_cellsynth.console import show_quality

    blob = gan(project, "blob", fresh(project, "blob"))
    show_quality(blob, measured(project, blob, extractor="handmade"))
    told = capsys.readouterr().out
    assert told.startswith(f"{blob} · 8 patches a set · against held-out real patches · features: hand-made features")
    for words in ("KID", "FID", "95 % interval", "copies", "not available: weights absent", "No sign of copying"):
        assert words in told


def test_too_few_patches_are_told_before_a_network_is_trained(project: Project) -> None:
    run_id = gan(project, "blob", fresh(project, "blob")[:4])
    [failed] = events_of(project, run=run_id)
    assert isinstance(failed, Failed) and "has 4 synthetic patches of blob" in failed.message
    assert not list((project.path / "runs").glob("*/quality/network-*"))
