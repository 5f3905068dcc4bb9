"""Choosing a device and what it can do."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
import torch

from napari_cellsynth.errors import UserError
from napari_cellsynth.training.device import autocast_dtype, describe_device, pick_device, seed_everything


def test_auto_takes_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto").type == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device().type == "mps"


def test_unknown_and_missing_devices_are_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="tpu"):
        pick_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA"):
        pick_device("cuda")


def test_the_cpu_is_described_by_its_cores() -> None:
    assert re.fullmatch(r"CPU · \d+ cores?", describe_device(torch.device("cpu")))


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx512_f": True}, None)],
)
def test_bfloat16_is_used_only_where_the_cpu_has_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: torch.dtype | None
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert autocast_dtype(torch.device("cpu")) is expected


def test_seeding_makes_all_three_generators_repeat_themselves() -> None:
    drawn = []
    for _ in range(2):
        seed_everything(7)
        drawn.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
    assert drawn[0] == drawn[1]
