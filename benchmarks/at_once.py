"""K classes' GANs at once against one after the other, which is what the job queue does.

Run ``python benchmarks/at_once.py``. One after the other: a process with all cores' threads. Against it, by turns:

- ``processes``: a process a core, each with one thread, every one training a class of its own;
- ``conditional``: one training of all classes together (cgan beside dcgan), per patch that a step learns from;
- ``vmapped``: K critics forward and backward through `torch.func` over stacked weights (no batch norm is in their way),
  beside the same K critics in turn.

A ratio above 1 says that the other way is faster. Speeds are sums over the processes of patches a second.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from napari_cellsynth.jobs.process import be_patient
from napari_cellsynth.training.device import describe_device

CLASSES, SIZE, PATCHES = 4, 64, 256
TRAININGS = (("cellsynth", {"width": 32, "batch": 32}), ("dcgan", {"width": 32, "batch": 32}))
WIDE = (("dcgan", {"width": 64, "batch": 64}),)


def training(name: str, overrides: dict[str, int]) -> tuple[Callable[[], None], int]:
    """Return one step of a recipe's training and how many patches it learns from."""
    import torch

    from napari_cellsynth.synthesis.recipes import gan_recipe
    from napari_cellsynth.synthesis.train import training_step
    from napari_cellsynth.training.loader import CropStore

    device = torch.device("cpu")
    recipe = gan_recipe(name, **overrides)
    classes = np.arange(PATCHES) % CLASSES if recipe.conditional else None
    patches = np.random.default_rng(0).uniform(-1, 1, (PATCHES, 1, SIZE, SIZE)).astype(np.float32)
    store = CropStore.from_patches(patches, device, classes=classes)
    gan = recipe.build(1, device, 0, store.n_classes)
    rng = torch.Generator(device).manual_seed(0)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        training_step(gan, recipe, store, rng, done)

    return step, recipe.batch


def critics(name: str, overrides: dict[str, int]) -> tuple[Callable[[], None], int]:
    """Return a forward and backward pass of K critics, ``vmapped`` or in ``turn``, and its patches."""
    import torch
    from torch.func import functional_call, grad, stack_module_state, vmap
    from torch.nn.functional import softplus

    from napari_cellsynth.synthesis.norm_free import HalvingCritic

    batch = overrides["batch"]
    networks = [HalvingCritic(SIZE, 1, overrides["width"]) for _ in range(CLASSES)]
    for network in networks:
        network.to(memory_format=torch.channels_last)
    x = torch.rand(CLASSES, batch, 1, SIZE, SIZE)
    parameters, _ = stack_module_state(networks)
    parameters = {name: value.detach() for name, value in parameters.items()}
    meta = HalvingCritic(SIZE, 1, overrides["width"]).to("meta")

    def loss(weights: dict[str, torch.Tensor], seen: torch.Tensor) -> torch.Tensor:
        return softplus(functional_call(meta, weights, (seen,))).mean()

    of_all = vmap(grad(loss))

    def in_turn() -> None:
        for network, seen in zip(networks, x, strict=True):
            network.zero_grad(set_to_none=True)
            softplus(network(seen)).mean().backward()

    return (lambda: of_all(parameters, x)) if name == "vmapped" else in_turn, CLASSES * batch


def work(told: str) -> None:
    """Be a worker: for every line of seconds on stdin, train so long and answer with patches a second."""
    name, threads, overrides = json.loads(told)
    be_patient()
    import torch

    torch.set_num_threads(threads)
    step, batch = (critics if name in ("vmapped", "turn") else training)(name, overrides)
    for _ in range(2):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < float(line):
            step()
            count += 1
        print(count * batch / (time.perf_counter() - started), flush=True)


class Workers:
    """Some processes that train the same recipe at once, with so many threads each."""

    def __init__(self, name: str, overrides: dict[str, int], count: int, threads: int) -> None:
        command = [sys.executable, __file__, "--work", json.dumps([name, threads, overrides])]
        pipe = subprocess.PIPE
        self._all = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(count)]
        for each in self._all:
            assert each.stdout is not None and each.stdout.readline().strip() == "ready"

    def speed(self, seconds: float) -> float:
        """Return the patches a second of all together."""
        for each in self._all:
            assert each.stdin is not None
            each.stdin.write(f"{seconds}\n")
            each.stdin.flush()
        return sum(float(each.stdout.readline()) for each in self._all if each.stdout is not None)

    def end(self) -> None:
        for each in self._all:
            each.communicate()


def compare(work: str, queue: Workers, other: Workers, peer: str, rounds: int, seconds: float) -> dict[str, str]:
    pairs = [(queue.speed(seconds), other.speed(seconds)) for _ in range(rounds)]
    other.end()
    product, theirs = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratios = sorted(after / before for before, after in pairs)
    return {
        "work": work,
        "peer": peer,
        "ours": f"{product:.1f} patches/s",
        "theirs": f"{theirs:.1f} patches/s",
        "ratio": f"{statistics.median(ratios):.2f}",
        "spread": f"{ratios[0]:.2f}–{ratios[-1]:.2f}",
        "aim": "peer/product: built from 1.15",
        "command": "python benchmarks/at_once.py",
    }


def measure(rounds: int, seconds: float, wide: bool) -> list[dict[str, str]]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    number = min(cores, CLASSES)
    rows = []
    for name, overrides in TRAININGS + (WIDE if wide else ()):
        what = f"{CLASSES} classes' {name}, width {overrides['width']}, batch {overrides['batch']}, {describe_device()}"
        what += ": one after the other"
        queue = Workers(name, overrides, 1, cores)
        others = {f"{number} processes at once, {cores // number} thread(s) each": (name, number, cores // number)}
        if name == "dcgan":
            others["all together in one conditional GAN (cgan)"] = ("cgan", 1, cores)
        for peer, (recipe, count, threads) in others.items():
            rows.append(compare(what, queue, Workers(recipe, overrides, count, threads), peer, rounds, seconds))
        queue.end()
    overrides = TRAININGS[0][1]
    what = f"{CLASSES} critics of cellsynth forward and backward, batch {overrides['batch']}: one after the other"
    queue, other = (Workers(name, overrides, 1, cores) for name in ("turn", "vmapped"))
    rows.append(compare(what, queue, other, "vmapped over stacked weights", rounds, seconds))
    queue.end()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds a turn")
    parser.add_argument("--wide", action="store_true", help="dcgan of width 64 and batch 64 too")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.work)
        return
    rows = measure(given.rounds, given.seconds, given.wide)
    if given.json:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        print(f"{row['work']}: {row['ours']}; {row['peer']}: {row['theirs']}, {row['ratio']}x ({row['spread']})")


if __name__ == "__main__":
    main()
