"""The training loop of every GAN recipe: batches, events, checkpoints, stopping, resuming, failing well."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.events import Event, Finished, Metric, Preview, Progress, Saved, Stop, Stopped, never
from napari_cellsynth.synthesis import run_folder
from napari_cellsynth.synthesis.failures import Watch
from napari_cellsynth.synthesis.gan import Gan
from napari_cellsynth.synthesis.recipe_base import GanRecipe
from napari_cellsynth.synthesis.recipes import gan_recipe
from napari_cellsynth.synthesis.run_folder import STATE, Figures, generator_name, save_sheet
from napari_cellsynth.synthesis.sample import draw, latents, with_class
from napari_cellsynth.training import checkpoint
from napari_cellsynth.training.augment import flips_quarter_turns
from napari_cellsynth.training.device import ran_out_of_memory
from napari_cellsynth.training.loader import CropStore

Judge = Callable[[Gan], float]

FEW_CROPS = 60
"""Below this many crops a GAN mostly learns them by heart, and the user is told."""

SAVE_SECONDS, PREVIEW_SECONDS, FIGURE_SECONDS = 10.0, 2.0, 0.1
PREVIEWS, KEPT, JUDGED = 20, 5, 20
SHOWN, SHOWN_A_CLASS = 16, 4


def train(
    store: CropStore,
    recipe: GanRecipe,
    folder: Path,
    *,
    seed: int = 0,
    device: torch.device,
    stop: Stop = never,
    resume: bool = False,
    meta: Mapping[str, Any] | None = None,
    judge: Judge | None = None,
) -> Iterator[Event]:
    """Train a GAN on real crops.

    The run can be stopped at every step and resumed; on a CPU a resumed run ends with the same weights, bit for
    bit, as one that was never stopped. A crash loses the seconds since the last checkpoint.

    Where the device's memory is too small for a batch, its patches go through in parts (`players.PlayersGan`), each
    step learning from as many as before; `Progress` notes it, and `Finished` says in how many ``parts``. A resumed run
    finds out anew, for it may have got more memory.

    Parameters
    ----------
    store : CropStore
        The real crops, on `device`.
    recipe : GanRecipe
        What to train and how.
    folder : Path
        Where the run's files go; made if need be.
    seed : int
        Seed of the first weights, of everything drawn, and of the sample patches.
    device : torch.device
        Where to train.
    stop : callable
        Asked before every step.
    resume : bool
        Go on from the folder's state; from the beginning if it has none yet.
    meta : mapping, optional
        Plain JSON values that every checkpoint of the run shall carry, such as the crops' intensity range.
    judge : callable, optional
        From the GAN to a score of its averaged generator, lower being better (see `selection.Judge`). In the second
        half of the run it is asked at ten steps, and patches are drawn from the generator it liked best; without it,
        from the last one.

    Yields
    ------
    Event
        `Progress` in steps, `Metric` (mean figures since the last one), `Preview` (patches of the averaged
        generator from fixed noise), `Saved`; last `Finished` (``checkpoint``, ``steps``, ``seconds``,
        ``images_per_second`` and the last figures) or `Stopped`.

    Raises
    ------
    UserError
        If there are fewer than 2 crops, the folder holds another run, the losses stop being numbers, the
        generator collapses, the critic dies, the disk is full or the device's memory is too small.
    """
    if len(store) < 2:
        raise UserError(f"A GAN cannot learn from {len(store)} crop.", "Label more crops of this class.")
    if store.size != recipe.size:
        raise UserError(f"The crops are cut to {store.size} pixels, the recipe makes {recipe.size}.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        run = _Run(store, recipe, folder, seed, device, dict(meta or {}), resume, judge)
        yield from run.events(stop)
    except (RuntimeError, MemoryError) as error:  # beside the networks' updates, which go on in parts
        if not ran_out_of_memory(error):
            raise
        raise UserError("The device has too little memory for this recipe.", "Lower batch, width or size.") from error


def training_step(
    gan: Gan, recipe: GanRecipe, store: CropStore, rng: torch.Generator, step: int
) -> dict[str, torch.Tensor]:
    """Do the `step`-th training step of a run: batch, symmetries, networks, running average."""
    index = store.draw(recipe.batch, rng)
    real = store.windows(index, rng)
    if recipe.symmetries:
        real = flips_quarter_turns(real, rng)
    with torch.backends.cudnn.flags(enabled=True, benchmark=True):
        figures = gan.step(real, store.classes[index.to(store.device)], rng)
    gan.update_average(recipe.batch, step * recipe.batch, recipe.ema_half_life)
    return figures


@dataclass
class _Clock:
    """When each kind of event was last due."""

    figures: float = 0.0
    preview: float = 0.0
    saved: float = field(default_factory=time.monotonic)
    saving: float = 0.0

    def save_due(self, now: float) -> bool:
        # Big networks on slow disks: saving never takes more than a twentieth of the time.
        return now - self.saved >= max(SAVE_SECONDS, 20 * self.saving)


class _Run:
    """One training run in progress."""

    def __init__(
        self,
        store: CropStore,
        recipe: GanRecipe,
        folder: Path,
        seed: int,
        device: torch.device,
        meta: dict[str, Any],
        resume: bool,
        judge: Judge | None,
    ) -> None:
        self.store, self.recipe, self.folder, self.device = store, recipe, folder, device
        self.meta = meta | {
            "recipe": recipe.model_dump(mode="json"),
            "channels": store.channels,
            "classes": store.n_classes,
            "seed": seed,
        }
        self.gan = recipe.build(store.channels, device, seed, store.n_classes)
        self.rng = torch.Generator(device).manual_seed(seed)
        self.noise = self._shown_inputs(seed)
        self.step = 0
        self.seconds = 0.0
        self.last: dict[str, float] = {}
        self._pending: list[torch.Tensor] = []
        self._names: list[str] = []
        self._passing: Path | None = None
        self._judge = judge
        self._watch = Watch(store, recipe)
        state = folder / STATE
        if state.exists():
            if not resume:
                raise UserError(f"The folder {folder} holds a run already.", "Resume it, or choose another folder.")
            self._restore(state)
        self.figures = Figures(folder, self.step)

    def events(self, stop: Stop) -> Iterator[Event]:
        """Train to the end, or until stopped."""
        recipe, clock = self.recipe, _Clock()
        yield self._progress()
        while self.step < recipe.steps:
            if stop():
                yield from self._take_figures(clock)
                yield self._save(clock)
                yield Stopped(self.folder.name)
                return
            started = time.monotonic()
            self._train_step()
            now = time.monotonic()
            self.seconds += now - started
            preview, keep = self._milestone(PREVIEWS), self._milestone(KEPT)
            liked = self._judged()
            save = keep or liked is not None or self.step == 1 or clock.save_due(now)
            if save or preview or now - clock.figures >= FIGURE_SECONDS:
                yield from self._take_figures(clock)
                yield self._progress()
            if preview or now - clock.preview >= PREVIEW_SECONDS:
                yield self._preview(clock, kept=preview)
            if save:
                yield self._save(clock, keep=keep or liked is not None)
            if liked is not None:
                self._choose(liked)
        if clock.saving == 0.0:  # resumed at its end: nothing was left to do
            yield self._save(clock)
        yield Finished(self._result())

    def _progress(self) -> Progress:
        notes = []
        if len(self.store) < FEW_CROPS:
            notes.append(f"only {len(self.store)} crops: the patches may be near-copies of them")
        if self.gan.parts > 1:
            notes.append(
                f"little memory: the {self.recipe.batch} patches of a step go through in {self.gan.parts} parts"
            )
        return Progress(self.step, self.recipe.steps, "steps", "; ".join(notes))

    def _judged(self) -> float | None:
        """Return the score of the generator where it is due and better than all before it."""
        if self._judge is None or 2 * self.step <= self.recipe.steps or not self._milestone(JUDGED):
            return None
        score = self._judge(self.gan)
        before = run_folder.chosen(self.folder)
        return score if math.isfinite(score) and (before is None or score < before[1]) else None

    def _choose(self, score: float) -> None:
        """Draw patches from this step's generator from now on; the one chosen before need not be kept."""
        before = run_folder.chosen(self.folder)
        run_folder.choose(self.folder, generator_name(self.step), score)
        if before is not None and not self._is_kept(before[0]):
            (self.folder / f"{before[0]}.safetensors").unlink(missing_ok=True)

    def _is_kept(self, name: str) -> bool:
        """Return whether a generator is of one of the steps that are kept in every run."""
        step = int(name.removeprefix("step-"))
        return step * KEPT // self.recipe.steps > (step - 1) * KEPT // self.recipe.steps

    def _shown_inputs(self, seed: int) -> NDArray[np.float32]:
        """Return the generator's inputs for the sample patches: fixed noise, for every class in turn."""
        classes = self.store.n_classes
        if not classes:
            return latents(seed, 0, SHOWN, self.gan.latent)
        return np.concatenate(
            [with_class(latents(seed, 0, SHOWN_A_CLASS, self.gan.latent), each, classes) for each in range(classes)]
        )

    def _train_step(self) -> None:
        figures = training_step(self.gan, self.recipe, self.store, self.rng, self.step + 1)
        self.step += 1
        # Read back later and together: on a GPU every reading waits for the device.
        self._names = list(figures)
        self._pending.append(torch.stack([value.float() for value in figures.values()]))

    def _take_figures(self, clock: _Clock) -> Iterator[Metric]:
        """Yield the mean figures since the last time, if any; raise if they are not numbers."""
        if not self._pending:
            return
        rows = torch.stack(self._pending).tolist()
        first = self.step - len(rows) + 1
        for step, row in enumerate(rows, start=first):
            if not all(map(math.isfinite, row)):
                raise self._watch.diverged(step)
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        self.last = dict(zip(self._names, means, strict=True))
        self._pending.clear()
        clock.figures = time.monotonic()
        self.figures.append(self.step, self.last)
        yield Metric(self.step, self.last)

    def _preview(self, clock: _Clock, *, kept: bool) -> Preview:
        images = draw(self.gan.averaged, self.noise, self.device)
        if kept:
            save_sheet(self.folder, self.step, images)
            self._watch.look(self.step, self.last, images)
        clock.preview = time.monotonic()
        return Preview("", images)

    def _save(self, clock: _Clock, *, keep: bool = True) -> Saved:
        """Write the state and the averaged generator; a generator not to keep gives way to the next one."""
        if not all(bool(torch.isfinite(p).all()) for net in self.gan.networks().values() for p in net.parameters()):
            raise self._watch.diverged(self.step)
        started = time.monotonic()
        meta = self.meta | {"step": self.step, "seconds": self.seconds, "figures": self.last}
        checkpoint.save(self.folder / STATE, {"gan": self.gan.state(), "rng": self.rng.get_state()}, meta)
        path = self.folder / f"{generator_name(self.step)}.safetensors"
        checkpoint.save(path, {"generator": self.gan.averaged.state_dict()}, meta)
        if self._passing is not None and self._passing != path:
            self._passing.unlink(missing_ok=True)
        self._passing = None if keep else path
        clock.saved = time.monotonic()
        clock.saving = clock.saved - started
        return Saved(self.folder.name, str(path))

    def _restore(self, path: Path) -> None:
        """Take over a saved state, if it is of the same run."""
        tensors, meta = checkpoint.load(path, "cpu")
        for name in ("channels", "classes", "seed"):
            if meta.get(name, 0) != self.meta[name]:
                raise UserError(f"The run was started with {name} {meta.get(name, 0)}, not {self.meta[name]}.")
        started_with = gan_recipe(meta["recipe"]["name"], **meta["recipe"])  # which knows what older runs called fields
        before, now = started_with.model_dump(mode="json"), self.meta["recipe"]
        changed = [name for name in now if name != "steps" and before.get(name) != now[name]]
        if changed:
            raise UserError(
                f"The run was started with {changed[0]} = {before.get(changed[0])!r}, not {now[changed[0]]!r}.",
                "Resume it with its own recipe (steps alone may change), or start a new run.",
            )
        if int(meta["step"]) > self.recipe.steps:
            raise UserError(
                f"The run is at step {meta['step']:,} already and cannot end at {self.recipe.steps:,}.",
                "Ask for more steps, or leave them out.",
            )
        self.gan.restore(tensors["gan"])
        self.rng.set_state(tensors["rng"])
        self.step, self.seconds, self.last = int(meta["step"]), float(meta["seconds"]), dict(meta["figures"])

    def _milestone(self, parts: int) -> bool:
        """Return whether this step ends one of so many equal parts of the run; in a shorter run each does."""
        steps = self.recipe.steps
        return self.step * parts // steps > (self.step - 1) * parts // steps

    def _result(self) -> dict[str, Any]:
        rate = self.step * self.recipe.batch / self.seconds if self.seconds > 0 else 0.0
        return {
            "checkpoint": run_folder.best_checkpoint(self.folder),
            "steps": self.step,
            **({} if (best := run_folder.chosen(self.folder)) is None else {"chosen_kid": best[1]}),
            "seconds": round(self.seconds, 3),
            "images_per_second": round(rate, 1),
            **({"parts": self.gan.parts} if self.gan.parts > 1 else {}),
            **self.last,
        }
