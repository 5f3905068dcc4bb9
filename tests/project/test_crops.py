from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_cellsynth.errors import UserError
from napari_cellsynth.experiments.dataset import labelled
from napari_cellsynth.imaging.enhance import enhance
from napari_cellsynth.imaging.source import ImageSource
from napari_cellsynth.project import Project

BOX = pd.DataFrame({"y0": [10], "x0": [20], "y1": [50], "x1": [60]})


def test_crops_are_the_objects_pixels_in_the_order_asked_for(project: Project, series: Path) -> None:
    pixels = tifffile.imread(series)
    [late] = project.add_boxes(1, 2, BOX)
    crops = project.crops([late, 4, 1, late], size=16, fit="window")
    np.testing.assert_array_equal(crops[0][0], pixels[2][10:50, 20:60])
    np.testing.assert_array_equal(crops[1][0], pixels[0][50:80, 60:100])
    np.testing.assert_array_equal(crops[3], crops[0])
    assert {crop.dtype for crop in crops} == {np.dtype(np.uint8)}
    assert [crop.shape for crop in project.crops([1, 4], size=32, fit="whole")] == [(1, 32, 32)] * 2
    assert [crop.shape for crop in project.crops([1], size=64, fit="window")] == [(1, 64, 64)]
    assert project.crops([], size=16, fit="window") == []


def test_every_frame_is_read_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [*project.objects().index, *(project.add_boxes(1, frame, BOX)[0] for frame in (2, 1, 2, 1))]
    read: list[int] = []
    frame = ImageSource.frame

    def counted(self: ImageSource, t: int) -> object:
        read.append(t)
        return frame(self, t)

    monkeypatch.setattr(ImageSource, "frame", counted)
    project.crops(ids[::-1], size=16, fit="window")
    assert read == [0, 1, 2]


def test_images_of_different_channels_are_not_mixed(project: Project, new_series: Callable[..., Path]) -> None:
    [image] = project.add_images([new_series("colour.tif", seed=3, channels=3)])
    [other] = project.add_boxes(image, 0, BOX)
    assert project.crops([other], size=16, fit="window")[0].shape == (3, 40, 40)
    with pytest.raises(UserError, match="1 channel of uint8 and 3 channels of uint8"):
        project.crops([1, other], size=16, fit="window")
    project.require_one_kind([1, 2])


def test_an_experiment_over_images_of_different_channels_is_refused_before_it_is_planned(
    project: Project, new_series: Callable[..., Path]
) -> None:
    [image] = project.add_images([new_series("colour.tif", seed=3, channels=3)])
    [other] = project.add_boxes(image, 0, BOX)
    one, two = project.add_class("one"), project.add_class("two")
    project.label([1, other], one)
    project.label([2], two)
    with pytest.raises(UserError, match="1 channel of uint8 and 3 channels of uint8"):
        labelled(project)


def test_an_unknown_object_is_one_line(project: Project) -> None:
    with pytest.raises(UserError, match="77"):
        project.crops([1, 77], size=16, fit="window")


def test_surroundings_are_cut_with_the_object_and_end_with_the_frame(project: Project, series: Path) -> None:
    pixels = tifffile.imread(series)
    [late] = project.add_boxes(1, 2, BOX)
    [crop] = project.crops([late], size=16, fit="window", surround_px=5)
    np.testing.assert_array_equal(crop[0], pixels[2][5:55, 15:65])
    [wide] = project.crops([late], size=16, fit="window", surround_px=15)
    np.testing.assert_array_equal(wide[0], pixels[2][0:65, 5:75])


def test_a_masked_crop_holds_its_object_on_the_frames_median_and_nothing_else(project: Project, series: Path) -> None:
    pixels, mask = tifffile.imread(series)[0], project.mask(1, 0)
    row = project.objects().loc[1]
    y0, x0, y1, x1 = (int(row[edge]) for edge in ("y0", "x0", "y1", "x1"))
    own = mask[y0:y1, x0:x1] == row["mask_label"]
    side = 2 * max(y1 - y0, x1 - x0)
    small, large = (project.crops([1, 4], size=size, fit="window", masked=True)[0][0] for size in (16, side))
    median = int(np.median(pixels))
    np.testing.assert_array_equal(small, np.where(own, pixels[y0:y1, x0:x1], median))
    assert large.shape == (side, side) and (large != median).sum() == (small != median).sum()


def test_enhancement_is_the_whole_frames(project: Project, series: Path) -> None:
    expected = enhance(tifffile.imread(series)[0], "clahe")
    row = project.objects().loc[4]
    [crop] = project.crops([4], size=16, fit="window", enhance="clahe")
    np.testing.assert_array_equal(crop[0], expected[row["y0"] : row["y1"], row["x0"] : row["x1"]])


def test_boxes_without_masks_cannot_be_masked(project: Project) -> None:
    [late] = project.add_boxes(1, 2, BOX)
    with pytest.raises(UserError, match=f"Object {late} has no mask"):
        project.crops([late], size=16, fit="window", masked=True)


@pytest.mark.parametrize("fit", ["window", "whole"])
def test_the_size_of_an_object_is_a_last_channel_and_leaves_the_pixels_as_they_are(
    project: Project, new_series: Callable[..., Path], fit: str
) -> None:
    [image] = project.add_images([new_series("colour.tif", seed=3, channels=3)])
    small, tall = project.add_boxes(
        image, 0, pd.DataFrame({"y0": [10, 0], "x0": [20, 4], "y1": [50, 60], "x1": [60, 20]})
    )
    how = {"size": 16, "fit": fit, "surround_px": 2}
    plain, sized = project.crops([small, tall], **how), project.crops([small, tall], **how, with_size=True)
    for before, after, side in zip(plain, sized, (40, 60), strict=True):
        np.testing.assert_array_equal(after[:-1], before)
        assert np.all(after[-1] == side) and after.dtype == np.uint16
