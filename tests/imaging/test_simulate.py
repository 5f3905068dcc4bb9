"""The simulated time-lapses and their truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.simulate import CLASS_NAMES, simulate_timelapse, write_timelapses
from napari_cellsynth.imaging.source import open_image

FILM = simulate_timelapse(frames=4, size=512, colonies=12, seed=1)


def test_a_film_has_frames_truth_and_a_class_for_every_colony() -> None:
    assert FILM.images.shape == (4, 1, 512, 512)
    assert FILM.images.dtype == np.uint8
    assert FILM.labels.dtype == np.int32
    assert set(FILM.classes) == set(range(1, 13))
    assert {name: list(FILM.classes.values()).count(name) for name in CLASS_NAMES} == dict.fromkeys(CLASS_NAMES, 3)
    for plane in FILM.labels:
        assert set(np.unique(plane)) == set(range(13))


def test_colonies_keep_their_number_while_they_grow_and_drift() -> None:
    first, last = FILM.labels[0], FILM.labels[-1]
    areas = [np.bincount(plane.ravel(), minlength=13)[1:] for plane in (first, last)]
    assert (areas[1] > areas[0]).mean() > 0.8
    centres = [np.array(ndimage.center_of_mass(plane > 0, plane, range(1, 13))) for plane in (first, last)]
    moved = np.hypot(*(centres[1] - centres[0]).T)
    assert moved.max() < 40
    assert moved.mean() > 1
    for number in range(1, 13):
        assert ((first == number) & (last == number)).any()


def test_the_same_seed_gives_the_same_film_and_another_one_does_not() -> None:
    again = simulate_timelapse(frames=4, size=512, colonies=12, seed=1)
    np.testing.assert_array_equal(again.images, FILM.images)
    np.testing.assert_array_equal(again.labels, FILM.labels)
    other = simulate_timelapse(frames=1, size=512, colonies=12, seed=2)
    assert (other.labels[0] != FILM.labels[0]).any()


def test_colonies_have_a_bright_halo_and_more_texture_than_the_bare_plastic() -> None:
    image, colony = FILM.images[0, 0].astype(float), FILM.labels[0] > 0
    distance = ndimage.distance_transform_edt(~colony)
    ring, bare = (distance > 1) & (distance < 6), distance > 25
    assert image[ring].mean() > image[bare].mean() + 3
    fine = image - ndimage.gaussian_filter(image, 10)
    assert fine[colony].std() > 4 * fine[bare].std()


def test_classes_differ_in_texture() -> None:
    contrast: dict[str, list[float]] = {name: [] for name in CLASS_NAMES}
    for seed in range(3):
        film = simulate_timelapse(frames=1, size=512, colonies=12, seed=seed)
        for number, name in film.classes.items():
            contrast[name].append(float(film.images[0, 0][film.labels[0] == number].std()))
    assert np.mean(contrast["Dense"]) > 1.2 * np.mean(contrast["Spread"])


def test_sixteen_bits_fill_a_twelve_bit_camera() -> None:
    film = simulate_timelapse(frames=1, size=256, colonies=3, seed=0, dtype="uint16")
    assert film.images.dtype == np.uint16
    assert 1000 < film.images.max() <= 4095


def test_too_many_colonies_and_odd_settings_are_refused() -> None:
    with pytest.raises(UserError, match="do not fit"):
        simulate_timelapse(frames=1, size=128, colonies=200)
    for odd in ({"frames": 0}, {"size": 20}, {"dtype": "float32"}, {"colonies": -1}):
        with pytest.raises(UserError, match="cannot be simulated"):
            simulate_timelapse(**odd)  # type: ignore[arg-type]
    assert not simulate_timelapse(frames=1, size=128, colonies=0).labels.any()


def test_written_films_open_as_time_lapses_with_their_truth(tmp_path: Path) -> None:
    paths = write_timelapses(tmp_path, 2, frames=3, size=256, colonies=4, seed=5)
    assert [path.name for path in paths] == ["video_01.tif", "video_02.tif"]
    source = open_image(paths[1])
    film = simulate_timelapse(frames=3, size=256, colonies=4, seed=6)
    assert source.shape == (3, 1, 256, 256)
    assert source.pixel_size_um == pytest.approx(1.3, rel=1e-3)
    np.testing.assert_array_equal(source.frame(2), film.images[2])
    np.testing.assert_array_equal(open_image(tmp_path / "labels" / "video_02.tif").frame(2)[0], film.labels[2])
    truth = pd.read_csv(tmp_path / "truth.csv")
    assert list(truth.columns) == ["image", "frame", "label", "class", "x0", "y0", "x1", "y1", "area"]
    rows = truth[(truth["image"] == "video_02.tif") & (truth["frame"] == 2)].set_index("label")
    assert rows["class"].to_dict() == film.classes
    assert rows["area"].to_dict() == {n: int((film.labels[2] == n).sum()) for n in film.classes}
