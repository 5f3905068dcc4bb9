"""A round of the blind test: real crops and synthetic patches, cut and scaled alike, in random order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.evaluate.blind import BlindScore, blind_score, with_blind
from napari_cellsynth.imaging.crop import to_unit
from napari_cellsynth.jobs.gan_patches import real_patches, unit_range
from napari_cellsynth.jobs.runs import intact
from napari_cellsynth.project import Project
from napari_cellsynth.project.blind import BlindAnswer
from napari_cellsynth.project.runs import RunRecord

SHOWN = 20


class Shown(NamedTuple):
    """One patch of a round; ``pixels`` is float32 (C, S, S) in [-1, 1]."""

    id: int
    class_id: int
    pixels: NDArray[np.float32]

    def answered(self, said_synthetic: bool) -> BlindAnswer:
        """Return what a person has said of it."""
        return BlindAnswer(self.id, self.class_id, said_synthetic)


def blind_round(project: Project, patch_ids: Sequence[int], n: int = SHOWN, *, seed: int | None = None) -> list[Shown]:
    """Choose the patches of a round: half of them synthetic, half real training crops.

    For every synthetic patch there is a real one of the same class out of the crops that its run has learned from, in
    the run's own cut and intensity range, so that neither class nor size nor contrast gives a hint.

    Parameters
    ----------
    project : Project
        The project.
    patch_ids : sequence of int
        The synthetic patches to choose from.
    n : int
        How many patches to show; fewer where there are not as many.
    seed : int, optional
        Fixes choice and order; another round each time without it.

    Raises
    ------
    UserError
        When there are no patches to choose from, or their run has no crops left.
    """
    generator = np.random.default_rng(seed)
    table = project.synthetic()
    wanted = generator.permutation(np.intersect1d(np.asarray(patch_ids, np.int64), table.index.to_numpy()))
    chosen = table.loc[wanted[: max(1, n // 2)]]
    shown: list[Shown] = []
    for (run_id, class_id), patches in chosen.groupby(["run", "class_id"], sort=True):
        run = intact(project, str(run_id), "gan")
        objects = generator.permutation(np.asarray(run.objects_of(int(class_id)), np.int64))[: len(patches)]
        if not len(objects):
            continue
        ids = patches.index[: len(objects)].tolist()
        made = to_unit(project.read_synthetic(ids), *unit_range(run))
        real = real_patches(project, run, objects, generator)
        for numbers, pixels in ((ids, made), (objects.tolist(), real)):
            shown += [Shown(number, int(class_id), each) for number, each in zip(numbers, pixels, strict=True)]
    if not shown:
        raise UserError("There are no patches for a blind test.", "Generate patches, and show them in the gallery.")
    return [shown[place] for place in generator.permutation(len(shown))]


def blind_quality(project: Project, run: RunRecord, class_id: int) -> dict[str, Any]:
    """Return the figures of a run's patches of a class, with the score of the newest blind test among them."""
    return with_blind(run.quality(class_id), _score(project.blind_answers(run.id, class_id)))


def _score(answers: Sequence[BlindAnswer]) -> BlindScore | None:
    if not answers:
        return None
    return blind_score([each.synthetic for each in answers], [each.said_synthetic for each in answers])
