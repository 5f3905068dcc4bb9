"""Drawing patches: patch i of a seed does not depend on how many are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import napari_cellsynth.synthesis as public
from napari_cellsynth.errors import UserError
from napari_cellsynth.synthesis import run_folder, sample
from napari_cellsynth.synthesis.recipes import gan_recipe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> public.GanRun:
    rng = np.random.default_rng(0)
    patches = rng.uniform(-1, 1, (6, 2, 40, 50)).astype(np.float32)
    recipe = gan_recipe("dcgan", size=32, width=6, z=9, batch=4, steps=10)
    return public.train_gan(patches, recipe, device="cpu", seed=4, out=tmp_path_factory.mktemp("gan"))


def test_the_same_patch_comes_out_whatever_is_drawn_around_it(run: public.GanRun) -> None:
    ten = public.generate(run, 10, seed=7)
    assert ten.shape == (10, 2, 32, 32)
    assert ten.dtype == np.float32
    assert np.abs(ten).max() <= 1
    np.testing.assert_array_equal(ten[3], public.generate(run, 4, seed=7)[3])
    many = sample.generate(run.folder, 150, 7, device=CPU)
    np.testing.assert_array_equal(many[:10], ten)
    np.testing.assert_array_equal(many[60:75], sample.generate(run.folder, 15, 7, first_index=60, device=CPU))
    np.testing.assert_array_equal(many[149:], sample.generate(run.folder, 1, 7, first_index=149, device=CPU))


def test_other_indices_seeds_and_checkpoints_give_other_patches(run: public.GanRun) -> None:
    patches = public.generate(run.folder, 70, seed=0)
    assert len(np.unique(patches.reshape(70, -1), axis=0)) == 70
    assert not np.array_equal(patches[0], public.generate(run, 1, seed=1)[0])
    assert run.checkpoints == [f"step-00000{step:02d}" for step in (2, 4, 6, 8, 10)]
    earlier = sample.generate(run.folder, 1, 0, checkpoint="step-0000004", device=CPU)
    assert not np.array_equal(patches[0], earlier[0])


def test_the_noise_is_gaussian_and_its_own_for_each_index() -> None:
    noise = sample.latents(3, 0, 200, 100)
    assert abs(float(noise.mean())) < 0.03
    assert float(noise.std()) == pytest.approx(1, abs=0.02)
    np.testing.assert_array_equal(sample.latents(3, 17, 2, 100), noise[17:19])


def test_blocks_grow_smaller_as_patches_grow() -> None:
    assert [sample.block_size(size) for size in (32, 64, 128, 256, 512)] == [64, 64, 16, 4, 4]


def test_the_run_tells_its_figures_and_says_where_it_is(run: public.GanRun) -> None:
    assert run.result["steps"] == 10
    assert run.metrics[-1][0] == 10
    assert run_folder.newest_checkpoint(run.folder) == run.result["checkpoint"]


def test_what_cannot_be_drawn_is_said_in_words(run: public.GanRun, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        public.generate(tmp_path, 3)
    with pytest.raises(UserError, match="step-7") as caught:
        sample.generate(run.folder, 3, checkpoint="step-7", device=CPU)
    assert "step-0000010" in caught.value.hint
    with pytest.raises(UserError, match="0 patches"):
        public.generate(run, 0)
    with pytest.raises(UserError, match="negative"):
        public.generate(run, 3, seed=-1)


@pytest.mark.parametrize(("side", "size"), [(32, 32), (63, 32), (64, 64), (130, 128)])
def test_a_recipe_by_name_takes_the_largest_size_that_fits_the_patches(side: int, size: int) -> None:
    from napari_cellsynth.synthesis.quick import _fitting_size

    assert _fitting_size(np.zeros((2, 1, side, side + 5), np.float32)) == size


def test_patches_too_small_for_any_network_are_refused() -> None:
    with pytest.raises(UserError, match="20×20"):
        public.train_gan(np.zeros((4, 1, 20, 20), np.float32))
    with pytest.raises(UserError, match="shape"):
        public.train_gan(np.zeros((4, 64, 64), np.float32))


def test_a_sheet_shows_the_patches_in_order() -> None:
    patches = np.full((3, 3, 4, 4), -1, np.float32)
    patches[1, 0] = 1
    sheet = np.asarray(run_folder.sample_sheet(patches, columns=2))
    assert sheet.shape == (12, 12, 3)
    assert sheet[2, 8].tolist() == [255, 0, 0]
    assert sheet[2, 2].tolist() == [0, 0, 0]
    grey = run_folder.sample_sheet(np.zeros((1, 4, 4, 4), np.float32))
    assert grey.mode == "L"


def test_noise_between_two_vectors_goes_along_the_circle_through_them() -> None:
    arc = sample.slerp(np.array([2, 0, 0], np.float32), np.array([0, 2, 0], np.float32), 4)
    angles = np.radians([0, 30, 60, 90])
    np.testing.assert_allclose(arc, 2 * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1), atol=1e-6)
    first, last = sample.latents(1, 0, 2, 128)
    lengths = np.linalg.norm(sample.slerp(first, last, 7), axis=1)
    ends = [np.linalg.norm(first), np.linalg.norm(last)]
    np.testing.assert_allclose(lengths, np.linspace(*ends, 7), rtol=1e-5)
    np.testing.assert_allclose(sample.slerp(first, first, 3), [first] * 3, rtol=1e-6)


def test_the_ends_of_an_interpolation_are_the_patches_themselves(run: public.GanRun) -> None:
    ends = sample.Drawn(7, 3), sample.Drawn(8, 70)
    strip = sample.interpolate(run.folder, *ends, 5, device=CPU)
    assert strip.shape == (5, 2, 32, 32)
    for place, end in zip((0, -1), ends, strict=True):
        again = sample.generate(run.folder, 1, end.seed, first_index=end.index, device=CPU)[0]
        np.testing.assert_array_equal(strip[place], again)
    steps = np.abs(np.diff(strip, axis=0)).mean(axis=(1, 2, 3))
    assert (steps < np.abs(strip[0] - strip[-1]).mean()).all() and (steps > 0).all()
    back = sample.interpolate(run.folder, *ends[::-1], 5, device=CPU)
    np.testing.assert_allclose(back[::-1], strip, atol=1e-4)
    with pytest.raises(UserError, match="2 steps"):
        sample.interpolate(run.folder, *ends, 1, device=CPU)
