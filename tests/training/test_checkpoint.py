"""Checkpoints: everything comes back, a crash leaves a whole file, nothing foreign is opened."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from napari_cellsynth.errors import UserError
from napari_cellsynth.training import checkpoint


def test_a_state_with_an_optimiser_comes_back_with_the_same_types(tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3)).to(
        memory_format=torch.channels_last
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1)
    network(torch.rand(2, 2, 5, 5)).sum().backward()
    optimiser.step()
    rng = torch.Generator().manual_seed(5)
    state = {
        "net": network.state_dict(),
        "opt": optimiser.state_dict(),
        "rng": rng.get_state(),
        "list": [1, (2.5, None)],
    }
    checkpoint.save(tmp_path / "a.safetensors", state, {"step": 3, "class": "Dense ü"})
    tensors, meta = checkpoint.load(tmp_path / "a.safetensors")
    assert meta == {"step": 3, "class": "Dense ü"}
    assert tensors["list"] == [1, (2.5, None)]
    assert list(tensors["opt"]["state"]) == [0, 1, 2, 3]
    assert tensors["opt"]["param_groups"][0]["betas"] == (0.9, 0.999)
    for name, value in network.state_dict().items():
        assert torch.equal(tensors["net"][name], value)
        assert tensors["net"][name].dtype == value.dtype
    fresh = torch.optim.AdamW(network.parameters())
    fresh.load_state_dict(tensors["opt"])
    assert torch.equal(fresh.state_dict()["state"][0]["exp_avg"], optimiser.state_dict()["state"][0]["exp_avg"])
    again = torch.Generator()
    again.set_state(tensors["rng"])
    assert torch.equal(torch.rand(3, generator=again), torch.rand(3, generator=rng))


def test_tensors_that_share_memory_are_stored_each(tmp_path: Path) -> None:
    x = torch.arange(6.0)
    checkpoint.save(tmp_path / "a.safetensors", {"x": x, "view": x[2:], "same": x}, {})
    tensors, _ = checkpoint.load(tmp_path / "a.safetensors")
    assert torch.equal(tensors["view"], x[2:])
    assert torch.equal(tensors["same"], x)


def test_a_write_that_fails_leaves_the_old_checkpoint_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, {"x": torch.ones(3)}, {"step": 1})

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(UserError, match="No space left") as caught:
        checkpoint.save(path, {"x": torch.zeros(3)}, {"step": 2})
    assert "Free" in caught.value.hint
    assert checkpoint.load(path)[1] == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
def test_a_checkpoint_may_be_read_by_whoever_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        checkpoint.save(tmp_path / "a.safetensors", {"x": torch.ones(1)}, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.safetensors").stat().st_mode) == 0o644


def test_missing_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        checkpoint.load(tmp_path / "none.safetensors")
    damaged = tmp_path / "damaged.safetensors"
    checkpoint.save(damaged, {"x": torch.ones(100)}, {})
    damaged.write_bytes(damaged.read_bytes()[:-50])
    with pytest.raises(UserError, match="cannot be read"):
        checkpoint.load(damaged)
    save_file({"x": torch.ones(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match="not a checkpoint"):
        checkpoint.load(tmp_path / "foreign.safetensors")


def test_things_that_are_neither_tensors_nor_plain_are_a_bug_and_not_pickled(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="ndarray"):
        checkpoint.save(tmp_path / "a.safetensors", {"x": np.ones(3)}, {})
