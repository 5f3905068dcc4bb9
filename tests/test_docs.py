"""What the documentation shows runs, and it tells of all there is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellsynth.cli import app
from napari_cellsynth.jobs.recipes import recipes

DOCS = Path(__file__).parents[1] / "docs"


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


def test_the_page_of_recipes_has_a_row_for_every_one_as_the_list_tells_it():
    rows = [f"| `{r['name']}` | {r['purpose']} | {r['source']} |" for r in recipes()]
    assert [line for line in (DOCS / "recipes.md").read_text("utf-8").splitlines() if line.startswith("| `")] == rows


@pytest.mark.parametrize("command", [command.name for command in app.registered_commands])
def test_the_page_of_the_command_line_names_every_verb(command):
    assert f"`{command}`" in (DOCS / "command-line.md").read_text("utf-8")
