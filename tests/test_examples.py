"""What other packages add through entry points: the example package, and packages that are wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PLUGIN = Path(__file__).parents[1] / "examples" / "plugin"


def installed(place: Path, name: str, groups: dict[str, dict[str, str]]) -> None:
    """Write what an installation leaves for Python to find entry points by."""
    about = place / f"{name.replace('-', '_')}-0.1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    lines = [
        line for group, points in groups.items() for line in (f"[{group}]", *(f"{k} = {v}" for k, v in points.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def example(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine on which the example package is installed."""
    told = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    installed(tmp_path / "site", told["name"], told["entry-points"])
    paths = [str(tmp_path / "site"), str(PLUGIN / "src"), *(path for path in sys.path if path)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def cellsynth(environment: dict[str, str], *arguments: object) -> dict[str, object]:
    command = [sys.executable, "-m", "napari_cellsynth", *map(str, arguments), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_the_example_package_adds_a_recipe_and_a_way_to_balance_that_train(
    example: dict[str, str], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for number in range(36):
        label = "rare" if number < 8 else "common"
        folder = tmp_path / "crops" / label
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 80, (32, 32)) + 120 * (label == "rare")
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    project = tmp_path / "p.cellsynth"
    cellsynth(example, "init", project)
    cellsynth(example, "import", project, tmp_path / "crops")
    known = {each["name"]: each for each in cellsynth(example, "recipes")}  # type: ignore[union-attr, index]
    assert known["lsgan"]["kind"] == "gan" and known["lsgan"]["source"] == "Mao et al. 2017"
    few = ["--set", "size=32", "--set", "width=4", "--set", "batch=4"]
    trained = cellsynth(example, "train-gan", project, "--recipe", "lsgan", "--class", "common", "--steps", 3, *few)
    run = json.loads((project / "runs" / trained["runs"][0]["run"] / "run.json").read_text())  # type: ignore[index]
    assert run["recipe"] == "lsgan" and run["status"] == "finished"
    changes = ["balance=square-root", "size=32", "epochs=1", "least_steps=3", "width=0.25"]
    sets = [word for change in changes for word in ("--set", change)]
    told = cellsynth(example, "train-classifier", project, "--recipe", "fast", *sets)
    record = json.loads((project / "runs" / str(told["run"]) / "run.json").read_text())
    assert record["parameters"]["recipe"]["balance"] == "square-root"


def test_a_recipe_of_another_package_is_known_whichever_module_is_imported_first(example: dict[str, str]) -> None:
    known = "assert 'lsgan' in GAN_RECIPES and list(GAN_RECIPES)[0] == 'cellsynth' and len(GAN_RECIPES) == 14"
    first, second = "import cellsynth_example.recipe", "from napari_cellsynth.synthesis.recipes import GAN_RECIPES"
    for lines in ([first, second, known], [second, first, known]):
        command = [sys.executable, "-W", "error::UserWarning", "-c", "; ".join(lines)]
        done = subprocess.run(command, env=example, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


CODE = """
import warnings
warnings.simplefilter("always")
from napari_cellsynth.classify.balance import BALANCES, counts_in_pass
from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis.recipes import GAN_RECIPES
assert "dcgan" in GAN_RECIPES and GAN_RECIPES["dcgan"].__name__ == "DcganRecipe"
assert {"gone", "text"} & GAN_RECIPES.keys() == set()
try:
    counts_in_pass([0, 0, 1], "negative")
except UserError as error:
    print(error.message)
"""


def test_a_package_that_is_wrong_is_left_out_by_name_and_keeps_nothing_from_starting(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("text = 'no recipe'\ndef negative(counts):\n    return -counts\n")
    groups = {
        "napari_cellsynth.gan_recipes": {"gone": "nowhere:Recipe", "text": "wrong:text", "dcgan": "wrong:negative"},
        "napari_cellsynth.balances": {"negative": "wrong:negative"},
    }
    installed(tmp_path, "wrong-one", groups)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *(path for path in sys.path if path)])}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True)
    assert "gone (nowhere:Recipe) is left out: ModuleNotFoundError" in done.stderr
    assert "text (wrong:text) is left out: it is not a subclass of GanRecipe" in done.stderr
    assert "dcgan (wrong:negative) is left out: the name is taken" in done.stderr
    assert "balance = negative returned [-2.0, -1.0]" in done.stdout
