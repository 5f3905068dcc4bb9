"""What the documentation shows runs, and it tells of all there is."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click import Command
from typer.main import get_command

import napari_cellsynth as cs
from napari_cellsynth.classify.recipes import CLASSIFIER_RECIPES
from napari_cellsynth.cli import app
from napari_cellsynth.jobs.recipes import recipes
from napari_cellsynth.synthesis.recipes import GAN_RECIPES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = (*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
VERBS: Command = get_command(app)


def ellipses(generator: np.random.Generator) -> np.ndarray:
    """Return a frame of rough ellipses, half of them long, on a smooth ground."""
    yy, xx = np.mgrid[:240, :320]
    frame = np.full(yy.shape, 100.0)
    for row in range(3):
        for column in range(4):
            cy, cx = 40 + 80 * row, 40 + 80 * column
            ry, rx = (10, 24) if (row + column) % 2 else (15, 15)
            inside = ((yy - cy) / ry) ** 2 + ((xx - cx) / rx) ** 2 < 1
            frame[inside] = generator.normal(140, 30, inside.sum())
    return frame.clip(0, 255).astype(np.uint8)


def test_the_main_job_in_python_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    [code] = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text("utf-8"), re.DOTALL)
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
    for number in range(4):
        tifffile.imwrite(tmp_path / f"{number}.tif", ellipses(np.random.default_rng(number)))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "python.md", "exec"), {"FOLDER": tmp_path, "STEPS": 2})
    score, counts = capsys.readouterr().out.strip().splitlines()[-1].split(" ", 1)
    assert float(score) > 0.9
    assert counts == "{1: 24, 2: 24}"
    assert len(list((tmp_path / "outlines").glob("*.geojson"))) == 4


def installed_by_others(name: str) -> bool:
    kind = {**GAN_RECIPES, **CLASSIFIER_RECIPES}[name]
    return not kind.__module__.startswith("napari_cellsynth.")


def test_the_page_of_recipes_has_a_row_for_every_one_as_the_list_tells_it():
    ours = [r for r in recipes() if not installed_by_others(r["name"])]
    rows = [f"| `{r['name']}` | {r['purpose']} | {r['source']} |" for r in ours]
    assert [line for line in (DOCS / "recipes.md").read_text("utf-8").splitlines() if line.startswith("| `")] == rows


@pytest.mark.parametrize("command", [command.name for command in app.registered_commands])
def test_the_page_of_the_command_line_names_every_verb(command):
    assert f"`{command}`" in (DOCS / "command-line.md").read_text("utf-8")


def commands() -> dict[str, str]:
    """Return every call of the command line in a block of shell lines, and the page that it stands on."""
    found = {}
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if match := re.match(r"(?:\S+/)?napari-cellsynth (.*)", line.strip()):
                    found[match[1]] = page.name
    return found


@pytest.mark.parametrize("command", commands())
def test_a_command_that_a_page_shows_is_one_that_there_is(command):
    words = shlex.split(command, comments=True)
    if ">" in words:
        words = words[: words.index(">")]
    # The words are taken apart as at a call; what they ask for is not done.
    name, verb, rest = VERBS.resolve_command(VERBS.make_context("napari-cellsynth", [], resilient_parsing=True), words)  # type: ignore[attr-defined]
    verb.make_context(name, rest)


def on_the_page_of_names():
    return re.findall(r"^::: napari_cellsynth\.(\w+)$", (DOCS / "python.md").read_text("utf-8"), re.MULTILINE)


def test_the_page_of_names_has_every_public_one():
    assert sorted(on_the_page_of_names()) == sorted(cs.__all__)


@pytest.mark.parametrize("name", cs.__all__)
def test_the_example_of_a_public_name_runs_as_it_stands(name, tmp_path, monkeypatch, capsys):
    frame = np.full((120, 160), 100, np.uint8)
    frame[30:90, 40:110] += np.random.default_rng(0).integers(0, 99, (60, 70), np.uint8)
    tifffile.imwrite(tmp_path / "plate.tif", frame, tile=(64, 64))
    (tmp_path / "objects.csv").write_text("image,frame,x0,y0,x1,y1,label\nplate.tif,0,40,30,110,90,round\n")
    monkeypatch.chdir(tmp_path)
    [example] = doctest.DocTestFinder(recurse=False).find(getattr(cs, name), name, globs={})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0, capsys.readouterr().out


def test_the_python_of_the_readme_runs_as_it_stands(tmp_path, monkeypatch):
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    patches = np.random.default_rng(0).uniform(-1, 1, (12, 1, 32, 32)).astype(np.float32)
    given = {"frame": ellipses(np.random.default_rng(0)), "patches": patches}
    exec(compile(code.replace("steps=2000", "steps=2, width=4"), "README.md", "exec"), given)
    assert given["labels"].shape == given["frame"].shape and given["synthetic"].shape == (500, 1, 32, 32)
