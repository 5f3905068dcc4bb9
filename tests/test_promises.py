"""What a dock can do, the command line can: read off the source, so that a dock's new button without a verb fails."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import napari_cellsynth

SOURCE = Path(napari_cellsynth.__file__).parent
FOR_THE_EYE = {
    "SuggestParameters": "suggestions for the crop that is on the screen",
    "TrySegmentParameters": "what a segmentation would find, drawn before its button is pressed",
    "TimeGanParameters": "how long a training will take, before its button is pressed",
}
LOOKING = {
    "write_view": "where the window was left",
    "paint": "a widget's own, of Qt",
}
OTHERWISE = {
    "answer": "answers",
    "label_each": "relabel",
    "toggle_class": "relabel",
    "merge": "MergeParameters",
    "take_over": "take_masks",
    "set_unsure_below": "unsure_below",
}
"""A dock's way of writing, and the same thing on the command line."""


def nodes(folder: str) -> Iterator[ast.AST]:
    for file in sorted((SOURCE / folder).rglob("*.py")):
        yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def names(folder: str) -> set[str]:
    found = set()
    for node in nodes(folder):
        if isinstance(node, ast.Name):
            found.add(node.id)
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        if isinstance(node, ast.arg | ast.keyword) and node.arg:
            found.add(node.arg)
    return found


def verbs() -> set[str]:
    """The names on the command line; functions that it has of its own do nothing by themselves."""
    own = {node.name for node in nodes("cli") if isinstance(node, ast.FunctionDef)}
    called = {ast.unparse(node.func).rpartition(".")[2] for node in nodes("cli") if isinstance(node, ast.Call)}
    return (names("cli") - own) | called


def writers() -> set[str]:
    """The project's functions that write: in a transaction, through another one that does, or by moving files."""
    marks = ("transaction()", "_db.write", "self._edit(", "self._change(", "self._move(", "carry_out(")
    functions = [node for node in nodes("project") if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
    return {node.name for node in functions if any(mark in ast.unparse(node) for mark in marks)}


def test_every_job_that_a_dock_starts_has_a_verb() -> None:
    in_docks = {name for name in names("widgets") if name.endswith("Parameters")}
    assert len(in_docks) > 15
    assert in_docks - names("cli") - {"Parameters"} == set(FOR_THE_EYE)


def test_everything_that_a_dock_writes_into_a_project_has_a_verb() -> None:
    in_docks, on_line = writers() & names("widgets"), verbs()
    assert {"label_each", "merge_class", "relink", "delete_run", "review"} <= in_docks
    assert in_docks - on_line == set(LOOKING) | set(OTHERWISE)
    assert set(OTHERWISE.values()) <= on_line
