"""Training steps of our DCGAN recipe against the loop of PyTorch's DCGAN example, in one process, by turns.

Run ``python benchmarks/dcgan.py --json``. Both train the networks of the recipe's defaults (64 pixels, z 100,
width 64, batch 64) on the same patches in memory, in float32 unless the hardware computes in bfloat16. The peer is
written after the published example's facts: contiguous memory, sigmoid and binary cross entropy, two backward
passes for the discriminator, Adam(2e-4, 0.5, 0.999), no running average. Ours includes what a real training has on
top: cutting the windows, flips and quarter turns, and the running average of the generator.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.synthesis.train import training_step
from napari_cellsynth.training.device import autocast_dtype, describe_device, pick_device
from napari_cellsynth.training.loader import CropStore

BATCH, NOISE, WIDTH, SIZE = 64, 100, 64, 64


def weights_init(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def example_networks(channels: int) -> tuple[nn.Sequential, nn.Sequential]:
    up = [NOISE, WIDTH * 8, WIDTH * 4, WIDTH * 2, WIDTH]
    generator: list[nn.Module] = []
    for depth, (before, after) in enumerate(pairwise(up)):
        stride, padding = (1, 0) if depth == 0 else (2, 1)
        generator += [nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False)]
        generator += [nn.BatchNorm2d(after), nn.ReLU(True)]
    generator += [nn.ConvTranspose2d(WIDTH, channels, 4, 2, 1, bias=False), nn.Tanh()]
    down = [channels, WIDTH, WIDTH * 2, WIDTH * 4, WIDTH * 8]
    discriminator: list[nn.Module] = []
    for depth, (before, after) in enumerate(pairwise(down)):
        discriminator.append(nn.Conv2d(before, after, 4, 2, 1, bias=False))
        if depth:
            discriminator.append(nn.BatchNorm2d(after))
        discriminator.append(nn.LeakyReLU(0.2, inplace=True))
    discriminator += [nn.Conv2d(WIDTH * 8, 1, 4, 1, 0, bias=False), nn.Sigmoid()]
    return nn.Sequential(*generator), nn.Sequential(*discriminator)


def example(patches: torch.Tensor, device: torch.device) -> Callable[[], None]:
    """Return one step of the example's loop."""
    generator, discriminator = (
        network.apply(weights_init).to(device) for network in example_networks(patches.shape[1])
    )
    criterion = nn.BCELoss()
    for_d = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for_g = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    patches = patches.to(device)

    def step() -> None:
        real = patches[torch.randint(len(patches), (BATCH,), device=device)]
        discriminator.zero_grad()
        label = torch.full((BATCH,), 1.0, device=device)
        output = discriminator(real).view(-1)
        loss_real = criterion(output, label)
        loss_real.backward()
        output.mean().item()
        fake = generator(torch.randn(BATCH, NOISE, 1, 1, device=device))
        label.fill_(0.0)
        output = discriminator(fake.detach()).view(-1)
        loss_fake = criterion(output, label)
        loss_fake.backward()
        output.mean().item()
        for_d.step()
        generator.zero_grad()
        label.fill_(1.0)
        output = discriminator(fake).view(-1)
        loss_g = criterion(output, label)
        loss_g.backward()
        output.mean().item()
        for_g.step()
        (loss_real + loss_fake).item(), loss_g.item()  # the example prints them at every step

    return step


def ours(patches: np.ndarray, device: torch.device) -> Callable[[], None]:
    """Return one step of the recipe's training, with everything that a run does at each step."""
    recipe = gan_recipe("dcgan")
    store = CropStore.from_patches(patches, device)
    gan = recipe.build(patches.shape[1], device, seed=0)
    rng = torch.Generator(device).manual_seed(0)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        figures = training_step(gan, recipe, store, rng, done)
        torch.stack(list(figures.values())).tolist()

    return step


def seconds(step: Callable[[], None], count: int, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(count):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / count


def measure(channels: int, rounds: int, steps: int, device: torch.device) -> dict[str, str]:
    rng = np.random.default_rng(0)
    patches = rng.uniform(-1, 1, (512, channels, SIZE, SIZE)).astype(np.float32)
    torch.manual_seed(0)
    theirs_step, ours_step = example(torch.from_numpy(patches), device), ours(patches, device)
    for step in (theirs_step, ours_step):
        seconds(step, 3 if device.type == "cuda" else 1, device)
    pairs = [(seconds(theirs_step, steps, device), seconds(ours_step, steps, device)) for _ in range(rounds)]
    theirs, product = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratios = sorted(before / after for before, after in pairs)
    kind = "bfloat16" if autocast_dtype(device) else "float32"
    return {
        "work": f"DCGAN-64 training step, {channels}×64×64, {kind}, {describe_device(device)}",
        "peer": "networks and loop of PyTorch's DCGAN example, float32",
        "ours": f"{BATCH / product:.0f} images/s",
        "theirs": f"{BATCH / theirs:.0f} images/s",
        "ratio": f"{statistics.median(ratios):.2f}",
        "spread": f"{ratios[0]:.2f}–{ratios[-1]:.2f}",
        "aim": "≥ 3" if device.type == "cuda" else "≥ 1.6",
        "command": "python benchmarks/dcgan.py",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=0, help="steps a round; 3 on a CPU and 100 on a GPU if not given")
    parser.add_argument("--channels", type=int, nargs="+", default=[3, 1])
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    device = pick_device(given.device)
    steps = given.steps or (100 if device.type == "cuda" else 3)
    rows = [measure(channels, given.rounds, steps, device) for channels in given.channels]
    if given.json:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        print(f"{row['work']}: {row['ours']} against {row['theirs']}, {row['ratio']}x ({row['spread']})")


if __name__ == "__main__":
    main()
