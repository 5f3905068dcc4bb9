"""The training loop: events, stopping, resuming bit for bit, and failing without losing what there was."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Metric, Preview, Progress, Saved, Stopped
from napari_cellsynth.synthesis import failures, run_folder, sample
from napari_cellsynth.synthesis import train as loop
from napari_cellsynth.synthesis.dcgan import Dcgan
from napari_cellsynth.synthesis.recipes import GanRecipe, gan_recipe
from napari_cellsynth.synthesis.wgan import Wgan
from napari_cellsynth.training import checkpoint
from napari_cellsynth.training.loader import CropStore

CPU = torch.device("cpu")


def tiny(**changes: object) -> GanRecipe:
    return gan_recipe("dcgan", **({"size": 32, "width": 4, "z": 8, "batch": 4, "steps": 6} | changes))


def store(count: int = 5, channels: int = 1, dtype: str = "uint8") -> CropStore:
    rng = np.random.default_rng(0)
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    crops = [(rng.random((channels, 32 + 7 * i, 40 + 3 * i)) * top).astype(dtype) for i in range(count)]
    return CropStore(crops, 0, top, 32)


def train(folder: Path, recipe: GanRecipe, crops: CropStore | None = None, **given: object) -> list[Event]:
    return list(loop.train(crops or store(), recipe, folder, device=CPU, **given))  # type: ignore[arg-type]


def figures_on_disk(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def stop_after(steps: int) -> object:
    asked = iter(range(10**9))
    return lambda: next(asked) >= steps


def state(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, object]]:
    tensors, meta = checkpoint.load(folder / run_folder.STATE)
    flat: dict[str, torch.Tensor] = {}
    checkpoint._pack(tensors, "", flat)
    return flat, meta


@pytest.mark.parametrize(("channels", "dtype"), [(1, "uint8"), (3, "uint16"), (4, "float32")])
def test_a_run_tells_its_steps_figures_previews_and_end(tmp_path: Path, channels: int, dtype: str) -> None:
    events = train(tmp_path / "run", tiny(), store(2, channels, dtype), seed=3)
    assert isinstance(events[0], Progress)
    assert "only 2 crops" in events[0].note
    steps = [event.done for event in events if isinstance(event, Progress)]
    assert steps == sorted(steps)
    assert steps[-1] == 6
    figures = [event for event in events if isinstance(event, Metric)]
    assert set(figures[0].values) == {"loss_generator", "loss_discriminator", "score_real", "score_fake"}
    previews = [event.images for event in events if isinstance(event, Preview)]
    assert previews[-1].shape == (16, channels, 32, 32)
    assert previews[-1].dtype == np.float32
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.result["checkpoint"] == run_folder.newest_checkpoint(tmp_path / "run") == "step-0000006"
    assert last.result["steps"] == 6
    rows = figures_on_disk(tmp_path / "run")
    assert int(rows[-1]["step"]) == 6
    assert float(rows[-1]["loss_generator"]) == pytest.approx(figures[-1].values["loss_generator"], rel=1e-5)


def test_there_are_at_least_twenty_previews_from_the_same_noise_and_few_kept_generators(tmp_path: Path) -> None:
    events = train(tmp_path, tiny(steps=40), seed=1)
    previews = [event.images for event in events if isinstance(event, Preview)]
    assert len(previews) >= 20
    assert len(list((tmp_path / "samples").glob("*.png"))) == 20
    assert run_folder.checkpoints(tmp_path) == [f"step-00000{step:02d}" for step in (8, 16, 24, 32, 40)]
    drawn = sample.generate(tmp_path, 16, 1, device=CPU)
    np.testing.assert_allclose(drawn, previews[-1], atol=1e-5)


def test_a_stopped_and_resumed_run_ends_bit_for_bit_like_an_unbroken_one(tmp_path: Path) -> None:
    train(tmp_path / "whole", tiny(), seed=2)
    events = train(tmp_path / "broken", tiny(), seed=2, stop=stop_after(3))
    assert isinstance(events[-1], Stopped)
    assert isinstance(events[-2], Saved)
    assert state(tmp_path / "broken")[1]["step"] == 3
    torch.rand(5)  # what happens between to the global generator must not matter
    events = train(tmp_path / "broken", tiny(), seed=2, resume=True)
    assert isinstance(events[-1], Finished)
    whole, broken = state(tmp_path / "whole")[0], state(tmp_path / "broken")[0]
    assert whole.keys() == broken.keys()
    assert any("exp_avg" in name for name in whole)
    assert [name for name in whole if not torch.equal(whole[name], broken[name])] == []
    one, other = (sample.generate(tmp_path / name, 3, 0, device=CPU) for name in ("whole", "broken"))
    np.testing.assert_array_equal(one, other)


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    for seed in (1, 2):
        train(tmp_path / str(seed), tiny(steps=1), seed=seed)
    one, two = state(tmp_path / "1")[0], state(tmp_path / "2")[0]
    name = "gan/networks/generator/layers.0.weight"
    assert not torch.equal(one[name], two[name])


def test_stopping_takes_effect_before_the_next_step(tmp_path: Path) -> None:
    wanted = {"stop": False}
    for event in loop.train(store(), tiny(steps=1000), tmp_path, device=CPU, stop=lambda: wanted["stop"]):
        if isinstance(event, Progress) and event.done >= 2:
            wanted["stop"] = True
            at = event.done
    assert isinstance(event, Stopped)
    assert event.run == tmp_path.name
    assert state(tmp_path)[1]["step"] == at


def test_a_run_can_be_resumed_for_more_steps_but_not_as_another_run(tmp_path: Path) -> None:
    train(tmp_path, tiny(steps=2))
    with pytest.raises(UserError, match="holds a run already"):
        train(tmp_path, tiny(steps=2))
    with pytest.raises(UserError, match=r"lr = 0\.0002, not 0\.001"):
        train(tmp_path, tiny(steps=4, lr=0.001), resume=True)
    with pytest.raises(UserError, match="seed"):
        train(tmp_path, tiny(steps=4), seed=9, resume=True)
    with pytest.raises(UserError, match="channels"):
        train(tmp_path, tiny(steps=4), store(channels=3), resume=True)
    with pytest.raises(UserError, match="at step 2 already and cannot end at 1"):
        train(tmp_path, tiny(steps=1), resume=True)
    last = train(tmp_path, tiny(steps=4), resume=True)[-1]
    assert isinstance(last, Finished)
    assert last.result["steps"] == 4


def test_figures_of_steps_that_a_crash_undid_are_dropped_on_resuming(tmp_path: Path) -> None:
    train(tmp_path, tiny(steps=6), stop=stop_after(3))
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("4,9,9,9,9\n5,9,9")
    train(tmp_path, tiny(steps=6), resume=True)
    rows = figures_on_disk(tmp_path)
    steps = [int(row["step"]) for row in rows]
    assert steps == sorted(set(steps))
    assert all(row["loss_generator"] != "9" for row in rows)


def test_losses_that_stop_being_numbers_end_the_run_and_leave_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Dcgan.step
    calls = iter(range(100))

    def poisoned(
        self: Dcgan, real: torch.Tensor, classes: torch.Tensor, rng: torch.Generator
    ) -> dict[str, torch.Tensor]:
        if next(calls) == 3:
            real = real * float("nan")
        return honest(self, real, classes, rng)

    monkeypatch.setattr(Dcgan, "step", poisoned)
    with pytest.raises(UserError, match="step 4") as caught:
        train(tmp_path, tiny(steps=50))
    assert "lr" in caught.value.hint
    assert 1 <= int(state(tmp_path)[1]["step"]) <= 3  # type: ignore[call-overload]
    assert np.isfinite(sample.generate(tmp_path, 2, device=CPU)).all()


def test_a_generator_that_draws_one_image_only_ends_the_run_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "TRUSTED_FROM", 0)
    monkeypatch.setattr(loop, "draw", lambda *given: np.zeros((16, 1, 32, 32), np.float32))
    with pytest.raises(UserError, match="collapsed") as caught:
        train(tmp_path, tiny(steps=20))
    assert "label_smoothing" in caught.value.hint


def test_a_critic_that_scores_all_alike_ends_the_run_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = gan_recipe("wgan-gp", size=32, width=4, z=8, batch=4, steps=20)
    monkeypatch.setattr(failures, "TRUSTED_FROM", 12)
    monkeypatch.setattr(failures, "COLLAPSED", 0.0)
    assert isinstance(
        train(tmp_path / "alive", gan_recipe("wgan-gp", **recipe.model_dump() | {"lr": 1e-3}))[-1], Finished
    )
    honest = Wgan.step

    def dead(self: Wgan, *given: torch.Tensor | torch.Generator) -> dict[str, torch.Tensor]:
        return honest(self, *given) | {"wasserstein": torch.tensor(-8e-10)}  # type: ignore[arg-type]

    monkeypatch.setattr(Wgan, "step", dead)
    with pytest.raises(UserError, match="critic is dead: by step 5") as caught:
        train(tmp_path / "dead", recipe)
    assert "lr" in caught.value.hint
    assert "label_smoothing" not in caught.value.hint


def test_advice_names_only_fields_that_the_recipe_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "TRUSTED_FROM", 0)
    monkeypatch.setattr(loop, "draw", lambda *given: np.zeros((16, 1, 32, 32), np.float32))
    with pytest.raises(UserError, match="collapsed") as caught:
        train(tmp_path, gan_recipe("wgan-div", size=32, width=4, z=8, batch=4, steps=20))
    assert "label_smoothing" not in caught.value.hint


def test_too_few_crops_and_the_wrong_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 crop"):
        train(tmp_path, tiny(), store(1))
    with pytest.raises(UserError, match="32 pixels"):
        train(tmp_path, tiny(size=64))


def test_the_callers_description_travels_with_every_checkpoint(tmp_path: Path) -> None:
    train(tmp_path, tiny(steps=1), meta={"low": [0.0], "high": [255.0]})
    for path in tmp_path.glob("*.safetensors"):
        meta = checkpoint.load(path)[1]
        assert (meta["low"], meta["high"]) == ([0.0], [255.0])


CHILD = """
import sys, numpy as np, torch
from pathlib import Path
from napari_cellsynth.events import Saved
from napari_cellsynth.synthesis import train
from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.training.loader import CropStore
train.SAVE_SECONDS = 0.0
patches = np.random.default_rng(0).uniform(-1, 1, (4, 1, 32, 32)).astype(np.float32)
recipe = gan_recipe("dcgan", size=32, width=4, z=8, batch=4, steps=100000)
for event in train.train(CropStore.from_patches(patches), recipe, Path(sys.argv[1]), device=torch.device("cpu")):
    if isinstance(event, Saved):
        print("saved", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_killing_a_training_leaves_a_checkpoint_that_loads_and_resumes(tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout is not None
    with child.stdout as said:
        for _ in range(5):
            assert said.readline() == "saved\n"
        child.send_signal(signal.SIGKILL)
    child.wait()
    assert sample.generate(tmp_path, 2, device=CPU).shape == (2, 1, 32, 32)
    reached = int(state(tmp_path)[1]["step"])  # type: ignore[call-overload]
    patches = np.random.default_rng(0).uniform(-1, 1, (4, 1, 32, 32)).astype(np.float32)
    steps = reached + 2
    last = train(tmp_path, tiny(steps=steps), CropStore.from_patches(patches), resume=True)[-1]
    assert isinstance(last, Finished)
    assert last.result["steps"] == steps
