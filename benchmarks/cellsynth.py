"""Training steps of our `cellsynth` recipe against a StyleGAN2-ADA-style eager loop, in one process, by turns.

Run ``python benchmarks/cellsynth.py``. All train the recipe's own networks (64 pixels, z 64, width 32, batch 32) on the
same patches, and a step is one update of either network. There are two peers, both as a user would write them: eager,
float32, contiguous memory, torch's own layers, a `DataLoader` over patches in memory (no workers: they are slower for a
set that small), every patch of a batch through `affine_grid` and `grid_sample` with the identity where it is not to be
altered, the share of altered patches followed every 4 steps, the losses read at each step, and a running average.

``ada`` is the training of Karras et al. 2020 (StyleGAN2-ADA): the generator makes one batch for its own step and one
for the discriminator's, which sees generated and real patches in separate passes; non-saturating logistic loss, R1 at
real patches every 16 steps. ``same`` is the recipe's own algorithm (pairs, R1 and R2 every 4 steps), so that its ratio
is of the writing alone.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn.functional import affine_grid, grid_sample, softplus
from torch.utils.data import DataLoader, TensorDataset

from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.synthesis.train import training_step
from napari_cellsynth.training.device import autocast_dtype, describe_device, pick_device
from napari_cellsynth.training.differentiable import GAIN, HOLE, OFFSET, SHIFT, ZOOM
from napari_cellsynth.training.loader import CropStore

BATCH, NOISE, WIDTH, SIZE, CROPS = 32, 64, 32, 64, 200
PEERS = {
    "ada": "StyleGAN2-ADA's training (logistic, lazy R1) of the same networks, eager loop with DataLoader, float32",
    "same": "the same training (pairs, lazy R1 + R2) of the same networks, eager loop with DataLoader, float32",
}


def augment(x: torch.Tensor, share: float) -> torch.Tensor:
    """Alter a batch: the identity where a patch is not to be altered, as ADA's pipeline does it."""
    count, device = len(x), x.device

    def chosen(values: torch.Tensor, otherwise: float) -> torch.Tensor:
        return torch.where(torch.rand(count, device=device) < share, values, torch.full_like(values, otherwise))

    moved = torch.rand(count, device=device) < share
    angle = torch.where(moved, (torch.rand(count, device=device) * 2 - 1) * torch.pi, 0.0)
    zoom = torch.where(moved, torch.exp2(torch.randn(count, device=device) * ZOOM), 1.0)
    shift = torch.where(moved, (torch.rand(2, count, device=device) * 2 - 1) * 2 * SHIFT, 0.0)
    matrix = torch.zeros(count, 2, 3, device=device)
    matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 0, 2] = zoom * torch.cos(angle), -zoom * torch.sin(angle), shift[0]
    matrix[:, 1, 0], matrix[:, 1, 1], matrix[:, 1, 2] = zoom * torch.sin(angle), zoom * torch.cos(angle), shift[1]
    grid = affine_grid(matrix, list(x.shape), align_corners=False)
    x = grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    gain = chosen(torch.exp2(torch.randn(count, device=device) * GAIN), 1.0).view(-1, 1, 1, 1)
    offset = chosen(torch.randn(count, device=device) * OFFSET, 0.0).view(-1, 1, 1, 1)
    x = x * gain + offset
    half = chosen(torch.full((count,), HOLE, device=device), 0.0).view(-1, 1, 1)
    middle = torch.rand(2, count, 1, 1, device=device) * 2 - 1
    places = torch.linspace(-1, 1, SIZE, device=device)
    hole = ((places[None, :, None] - middle[0]).abs() < half) & ((places[None, None, :] - middle[1]).abs() < half)
    return x * (~hole)[:, None]


def plain_networks(channels: int) -> tuple[nn.Module, nn.Module]:
    """Return the recipe's generator and critic, written with torch's own layers."""
    wide = [WIDTH * 8, WIDTH * 4, WIDTH * 2, WIDTH]
    generator: list[nn.Module] = [nn.Unflatten(1, (NOISE, 1, 1)), nn.ConvTranspose2d(NOISE, wide[0], 4, bias=False)]
    for before, after in zip(wide, [*wide[1:], channels], strict=True):
        generator += [nn.BatchNorm2d(before), nn.ReLU(True), nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
    critic: list[nn.Module] = []
    for before, after in zip([channels, *wide[:0:-1]], wide[::-1], strict=True):
        critic += [nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*generator, nn.Tanh()), nn.Sequential(*critic, nn.Conv2d(wide[0], 1, 4, bias=False))


def squared_slope(critic: nn.Module, at: torch.Tensor) -> torch.Tensor:
    at = at.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean()


class Peer:
    """A user's own loop; `step` does one."""

    def __init__(self, kind: str, patches: torch.Tensor, device: torch.device) -> None:
        self.kind, self.device = kind, device
        self.generator, self.critic = (network.to(device) for network in plain_networks(patches.shape[1]))
        self.average = copy.deepcopy(self.generator).eval().requires_grad_(False)
        self.for_g = torch.optim.Adam(self.generator.parameters(), lr=2e-4, betas=(0.0, 0.99))
        self.for_d = torch.optim.Adam(self.critic.parameters(), lr=2e-4, betas=(0.0, 0.99))
        self.loader = DataLoader(TensorDataset(patches), BATCH, shuffle=True, drop_last=True)
        self.batches = self._endless()
        self.share, self.known, self.done = gan_recipe("cellsynth").altered_first, [], 0  # type: ignore[attr-defined]

    def _endless(self) -> Iterator[torch.Tensor]:
        while True:
            for (batch,) in self.loader:
                yield batch.to(self.device)

    def _fake(self) -> torch.Tensor:
        return self.generator(torch.randn(BATCH, NOISE, device=self.device))

    def step(self) -> None:
        real = next(self.batches)
        loss_g, loss_d, score = (self._ada if self.kind == "ada" else self._same)(real)
        self.known.append(score.sign().mean().item())
        loss_g.item(), loss_d.item()  # a usual loop logs them at every step
        with torch.no_grad():
            for ours, theirs in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                ours.copy_(theirs.lerp(ours, 0.999))
            for ours, theirs in zip(self.average.buffers(), self.generator.buffers(), strict=True):
                ours.copy_(theirs)
        self.done += 1
        if self.done % 4 == 0:
            self.share = min(0.8, max(0.0, self.share + np.sign(np.mean(self.known) - 0.6) * BATCH * 4 / 100_000))
            self.known.clear()

    def _ada(self, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        self.for_g.zero_grad()
        self.critic.requires_grad_(False)
        loss_g = softplus(-self.critic(augment(self._fake(), self.share))).mean()
        loss_g.backward()
        self.for_g.step()
        self.critic.requires_grad_(True)
        self.for_d.zero_grad()
        with torch.no_grad():
            fake = self._fake()
        on_fake = softplus(self.critic(augment(fake, self.share))).mean()
        on_fake.backward()
        seen = augment(real, self.share)
        score = self.critic(seen)
        on_real = softplus(-score).mean()
        on_real.backward()
        if self.done % 16 == 0:
            (squared_slope(self.critic, seen) * 0.1 * 16).backward()
        self.for_d.step()
        return loss_g, on_real + on_fake, score.detach()

    def _same(self, real: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        fake = self._fake()
        seen_real, seen_fake = augment(real, self.share), augment(fake.detach(), self.share)
        on_real, on_fake = self.critic(seen_real), self.critic(seen_fake)
        loss_d = softplus(on_fake - on_real).mean()
        if self.done % 4 == 0:
            slope = squared_slope(self.critic, seen_real) + squared_slope(self.critic, seen_fake)
            loss_d = loss_d + 0.1 * 4 * slope
        self.for_d.zero_grad()
        loss_d.backward()
        self.for_d.step()
        self.critic.requires_grad_(False)
        loss_g = softplus(self.critic(seen_real) - self.critic(augment(fake, self.share))).mean()
        self.for_g.zero_grad()
        loss_g.backward()
        self.for_g.step()
        self.critic.requires_grad_(True)
        return loss_g, loss_d, (on_real - on_fake.mean()).detach()


def ours(patches: np.ndarray, device: torch.device) -> Callable[[], None]:
    """Return one step of the recipe's training, with everything that a run does at each step."""
    recipe = gan_recipe("cellsynth")
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


def measure(rounds: int, steps: int, device: torch.device) -> list[dict[str, str]]:
    rng = np.random.default_rng(0)
    patches = rng.uniform(-1, 1, (CROPS, 1, SIZE, SIZE)).astype(np.float32)
    torch.manual_seed(0)
    stepping = {"ours": ours(patches, device)}
    stepping |= {kind: Peer(kind, torch.from_numpy(patches), device).step for kind in PEERS}
    for step in stepping.values():
        seconds(step, 2, device)
    turns = [{name: seconds(step, steps, device) for name, step in stepping.items()} for _ in range(rounds)]
    kind = "bfloat16" if autocast_dtype(device) else "float32"
    rows = []
    for name, words in PEERS.items():
        ratios = sorted(turn[name] / turn["ours"] for turn in turns)
        product, theirs = (statistics.median(turn[each] for turn in turns) for each in ("ours", name))
        rows.append(
            {
                "work": f"cellsynth training step, 1×{SIZE}×{SIZE}, batch {BATCH}, {kind}, {describe_device(device)}",
                "peer": words,
                "ours": f"{1 / product:.2f} steps/s",
                "theirs": f"{1 / theirs:.2f} steps/s",
                "ratio": f"{statistics.median(ratios):.2f}",
                "spread": f"{ratios[0]:.2f}–{ratios[-1]:.2f}",
                "aim": "–",
                "command": "python benchmarks/cellsynth.py",
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=0, help="steps a round; 16 on a CPU and 192 on a GPU if not given")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    device = pick_device(given.device)
    # A multiple of 16, so that every round has as many penalties.
    rows = measure(given.rounds, given.steps or (192 if device.type == "cuda" else 16), device)
    if given.json:
        print(json.dumps({"rows": rows}))
        return
    for row in rows:
        print(
            f"{row['work']}: {row['ours']} against {row['theirs']} ({row['peer']}), {row['ratio']}x ({row['spread']})"
        )


if __name__ == "__main__":
    main()
