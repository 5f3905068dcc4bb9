"""A project or a model from a stranger is data and never code, and nothing in it reaches out of its folder."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import napari_cellsynth
from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.report import Section, write_report
from napari_cellsynth.project import Project
from napari_cellsynth.project.checking import check
from napari_cellsynth.project.exchange import export_csv, import_folder
from napari_cellsynth.project.export import original_cell, safe_cell, safe_table
from napari_cellsynth.project.patches import Synthetic

SOURCE = Path(napari_cellsynth.__file__).parent
NAMES = ["../x", "/etc", "a/b", "..", "C:\\x", "C:x", "\\\\server\\share", "a\0b", "a\nb", ""]
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
RUNNERS = ("execute", "executemany", "executescript", "read", "write", "write_many")
SQL = re.compile(r"SELECT|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|PRAGMA|WHERE")
SQL_NAMES = {
    # Expressions that may stand in an SQL text: names of our own columns and tables, conditions with ? for every value.
    "', '.join(COLUMNS)", "present",
    "', '.join(_COLUMNS)", "' AND '.join(where)", "_SELECT", "_NEWEST_ENTRY", "APPLICATION_ID", "FIRST_PATCH_ID - 1",
    "_quoted(column)", "_quoted(table)", "allowed", "changes", "column", "columns", "index", "name", "tables",
    "round(1000 * BUSY_SECONDS)",
    "step + 1", "where",
}  # fmt: skip


def trees() -> Iterator[tuple[str, ast.AST]]:
    for file in sorted(SOURCE.rglob("*.py")):
        yield file.relative_to(SOURCE).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_unpickles_evaluates_or_starts_a_shell() -> None:
    found = []
    for file, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
                found += [(file, name) for name in names if name.split(".")[0] in UNPICKLERS]
        for name, call in calls(tree):
            given = {each.arg: ast.unparse(each.value) for each in call.keywords}
            found += [(file, name)] * (name in ("eval", "exec", "compile", "os.system", "os.popen", "__import__"))
            found += [(file, name)] * (given.get("shell") == "True" or given.get("allow_pickle") == "True")
            found += [(file, name)] * (name == "torch.load" and given.get("weights_only") != "True")
            found += [(file, name)] * name.endswith(("read_pickle", "torch.hub.load"))
            found += [(file, name)] * (name.startswith("yaml.") and name != "yaml.safe_dump")
    assert found == []


def test_sql_takes_values_as_parameters_only() -> None:
    found = []
    for file, tree in trees():
        for name, call in calls(tree):
            if name.rpartition(".")[2] not in RUNNERS:
                continue
            for text in call.args[:1]:
                if not SQL.search(ast.unparse(text)):
                    continue  # a file's own read or write
                parts = [part for part in ast.walk(text) if isinstance(part, ast.FormattedValue)]
                found += [(file, ast.unparse(part.value)) for part in parts if ast.unparse(part.value) not in SQL_NAMES]
                found += [(file, ast.unparse(text))] * isinstance(text, ast.BinOp)
    assert found == []


@pytest.mark.parametrize("name", NAMES)
def test_a_run_whose_name_leads_out_of_the_project_is_refused(project: Project, name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        project.run(name)
    with pytest.raises(UserError):
        project.add_synthetic(name, "best", 1, 0, 0, np.zeros((1, 1, 16, 16), np.uint8))


@pytest.mark.parametrize("name", [*NAMES, "1x16x16_uint8/../../../x", "1x16x16_object"])
def test_an_array_whose_name_leads_out_of_the_project_is_refused(project: Project, name: str) -> None:
    run = project.new_run("gan", "cellsynth", {}, groups=["video"], seed=0)
    [patch] = project.add_synthetic(run.id, "best", 1, 0, 0, np.zeros((1, 1, 16, 16), np.uint8))
    project._db.write("UPDATE patches SET array = ?", (name,))
    with pytest.raises(UserError):
        project.read_synthetic([patch])


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_whose_name_leads_out_of_its_run_is_refused(project: Project, name: str) -> None:
    from napari_cellsynth.synthesis.run_folder import checkpoint_path

    run = project.new_run("gan", "cellsynth", {}, groups=["video"], seed=0)
    with pytest.raises(UserError):
        checkpoint_path(run.folder, name)


@pytest.mark.parametrize("part", ["project.db", "masks.zarr", "patches.zarr", "runs", "backups"])
def test_a_link_in_place_of_a_part_of_the_project_is_refused(project: Project, part: str, tmp_path: Path) -> None:
    project.new_run("gan", "cellsynth", {}, groups=["video"], seed=0)
    project.close()
    outside, place = tmp_path / "outside", project.path / part
    if place.exists():
        shutil.move(place, outside)
    else:
        outside.mkdir()
    place.symlink_to(outside)
    for read_only in (True, False):
        with pytest.raises(UserError, match="leads out"):
            Project.open(project.path, read_only=read_only)


def test_a_run_that_is_a_link_out_of_the_project_is_refused_and_not_listed(project: Project, tmp_path: Path) -> None:
    run = project.new_run("gan", "cellsynth", {}, groups=["video"], seed=0)
    shutil.move(run.folder, tmp_path / "outside")
    run.folder.symlink_to(tmp_path / "outside")
    with pytest.raises(UserError, match="leads out"):
        project.update_run(run.id, "finished")
    assert project.runs() == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER gift AFTER INSERT ON actions BEGIN DELETE FROM objects; END",
        "CREATE VIEW gift AS SELECT * FROM objects",
        "CREATE VIRTUAL TABLE gift USING fts5 (a)",
    ],
)
def test_a_database_that_brings_statements_of_its_own_is_refused(project: Project, sql: str) -> None:
    project._db.write(sql)
    project.close()
    for read_only in (True, False):
        with pytest.raises(UserError, match="not ours"):
            Project.open(project.path, read_only=read_only)


def test_names_in_a_report_are_text(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>\"'&{{7*7}}{% raw %}"
    table = pd.DataFrame({name: [name]}, index=[name])
    page = write_report(tmp_path / "r.html", name, [Section(name, [name, table])]).read_text(encoding="utf-8")
    assert "<script>alert" not in page and "49" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 6


@given(st.text(alphabet="=+-@'\t\rab1", max_size=6))
def test_a_cell_is_safe_and_comes_back(text: str) -> None:
    safe = str(safe_cell(text))
    assert safe[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert original_cell(safe) == text


def test_numbers_and_plain_text_are_left_alone() -> None:
    assert [safe_cell(each) for each in (-1, -2.5, "Dense", "a=b", "", "it's")] == [
        -1,
        -2.5,
        "Dense",
        "a=b",
        "",
        "it's",
    ]
    table = pd.DataFrame({"=x": [-1.5, 2], "name": ["@y", "z"]}, index=pd.Index(["+a", "b"], name="arm"))
    assert safe_table(table).splitlines() == ["arm,'=x,name", "'+a,-1.5,'@y", "b,2.0,z"]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-a", "@x", "'=y", "''-z", "'plain"])
def test_a_class_with_the_name_of_a_formula_goes_out_safe_and_comes_back(
    project: Project, tmp_path: Path, name: str
) -> None:
    number = project.add_class(name)
    project.label([1], number)
    out = tmp_path / "out"
    out.mkdir()
    export_csv(project, out / "objects.csv")
    with (out / "objects.csv").open(newline="", encoding="utf-8") as file:
        labels = [row["label"] for row in csv.DictReader(file)]
    assert not any(label.startswith(("=", "+", "-", "@")) for label in labels)
    with Project.create(tmp_path / "back") as back:
        import_folder(back, out)
        assert back.classes()[0].name == name


def test_a_foreign_folder_in_the_project_is_found_by_the_check(project: Project, tmp_path: Path) -> None:
    project.close()
    os.symlink("/etc/hostname", project.path / "masks.zarr" / "1" / "gift")
    assert any("is a link out of the project" in each.message for each in check(project.path))


def test_a_patch_set_never_reads_a_path_from_a_record(project: Project) -> None:
    """What a record says of its folder is not believed: the folder is where the record lies."""
    run = project.new_run("gan", "cellsynth", {}, groups=["video"], seed=0)
    file = run.folder / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"folder": "/etc"}))
    assert project.run(run.id).folder == project.path / "runs" / run.id
    assert issubclass(Project, Synthetic)
