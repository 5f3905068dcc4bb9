"""The verbs `classes`, `agreement`, `undo` and `redo`."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from napari_cellsynth.cli import app
from napari_cellsynth.errors import UserError
from napari_cellsynth.project import Project


def told(verb: str, project: Project, *arguments: object) -> dict:
    done = CliRunner().invoke(app, [verb, str(project.path), *map(str, arguments), "--json"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_classes_are_listed_changed_and_changed_back(crops_project: Project) -> None:
    first, second = (record.name for record in crops_project.classes())
    before = told("classes", crops_project)["classes"]
    assert list(before) == [first, second] and before[first]["objects"] > 0
    changed = told("classes", crops_project, "--add", "debris", "--rename", first, "round", "--key", "round", 9)
    assert list(changed["classes"]) == ["round", second, "debris"] and changed["classes"]["round"]["key"] == "9"
    merged = told("classes", crops_project, "--merge", "round", second)
    assert merged["moved"] == before[first]["objects"]
    assert told("undo", crops_project) == {"kind": "class", "changed": merged["moved"], "classes": 1}
    for _ in range(3):
        told("undo", crops_project)
    assert told("classes", crops_project)["classes"] == before
    assert told("redo", crops_project)["kind"] == "class"
    with pytest.raises(UserError, match="objects"):
        told("classes", crops_project, "--delete", second)
    with pytest.raises(UserError, match="no class"):
        told("classes", crops_project, "--rename", "nothing", "x")


def test_every_change_of_classes_may_be_repeated_and_is_made_in_the_order_given(crops_project: Project) -> None:
    first, second = (record.name for record in crops_project.classes())
    before = told("classes", crops_project)["classes"]
    everything = [*("--add", "a b", "--add", "c", "--add", "d"), *("--rename", "c", "e", "--rename=e", "f")]
    everything += [*("--color", "a b", "#010203", "--color", "f", "#040506"), *("--key", "a b", 8, "--key", "f", 9)]
    everything += ["--merge", first, second, "--merge", second, "d", "--delete", "a b"]
    done = told("classes", crops_project, *everything, "--delete", "f")
    sizes = [before[name]["objects"] for name in (first, second)]
    assert list(done["classes"]) == ["d"] and done["classes"]["d"]["objects"] == sum(sizes)
    assert done["moved"] == sizes[0] + sum(sizes)
    told("undo", crops_project)
    assert told("classes", crops_project)["classes"]["f"] == {"key": "9", "color": "#040506", "objects": 0}
    for _ in range(12):
        told("undo", crops_project)
    assert told("classes", crops_project)["classes"] == before


@pytest.mark.parametrize(
    "wrong", [["--delete", "nothing"], ["--merge", "new", "nothing"], ["--key", "new", "x"], ["--merge", "new"]]
)
def test_where_a_part_of_a_change_of_classes_fails_nothing_is_changed(crops_project: Project, wrong: list[str]) -> None:
    first, second = (record.name for record in crops_project.classes())
    before = told("classes", crops_project)["classes"]
    with pytest.raises(UserError):
        told("classes", crops_project, "--add", "new", "--merge", first, second, *wrong)
    assert told("classes", crops_project)["classes"] == before
    with pytest.raises(UserError, match="--merge takes two words"):
        app(["classes", str(crops_project.path), "--add", "new", "--merge", first], standalone_mode=False)
    with pytest.raises(UserError, match="nothing to undo"):
        while True:
            assert told("undo", crops_project)["kind"] != "class"


def test_agreement_of_two_people_and_with_oneself(crops_project: Project, tmp_path: Path) -> None:
    ids = crops_project.objects().index[:4].tolist()
    crops_project.label(ids, 1, user="ann")
    for number, label in zip(ids, (1, 1, 2, -1), strict=True):
        crops_project.answer([number], label, "independent", user="bob")
    crops_project.answer(ids[:2], 1, "repeat", user="ann")
    both = told("agreement", crops_project, "--first", "ann", "--second", "bob", "--out", tmp_path / "d.csv")
    assert (both["objects"], both["agreed"], both["disagreements"], both["decided"]) == (4, 2, ids[2:], 0)
    table = pd.read_csv(tmp_path / "d.csv")
    assert table["object"].tolist() == ids[2:] and table["bob"].tolist()[1] == "unsure"
    everybody = told("agreement", crops_project)
    assert {"ann", "bob"} <= set(everybody["labellers"]) and everybody["asked_again"]["ann"]["share"] == 1
    assert everybody["asked_again"]["ann"]["kappa"] is None
    assert told("agreement", crops_project, "--user", "ann")["objects"] == 2
    for wrong in (["--first", "ann"], ["--out", "x.csv"], ["--first", "ann", "--second", "eve"], ["--user", "eve"]):
        with pytest.raises(UserError):
            told("agreement", crops_project, *wrong)


def test_undo_with_nothing_to_undo_is_one_sentence(crops_project: Project) -> None:
    with pytest.raises(UserError, match="nothing to redo"):
        told("redo", crops_project)
