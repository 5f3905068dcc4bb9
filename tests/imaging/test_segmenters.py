from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, Field
from skimage.filters import threshold_otsu
from skimage.measure import label

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging import segmenters
from napari_cellsynth.imaging.segmenters import segmenter, segmenter_names

FRAME = np.zeros((1, 20, 30), np.uint16)
FRAME[0, 2:8, 2:8] = FRAME[0, 10:16, 20:28] = 900


def bright(image: np.ndarray, threshold: float | None = None, invert: bool = False) -> np.ndarray:
    mask = image > (threshold_otsu(image) if threshold is None else threshold)
    return label(~mask if invert else mask)


def shapes(image: np.ndarray, seen: list[Any] = []) -> np.ndarray:  # noqa: B006 - the list is what is looked at
    seen.append(image.shape)
    return np.zeros(image.shape[:2], np.int64)


def negative(image: np.ndarray) -> np.ndarray:
    return np.full(image.shape[:2], -1)


def halved(image: np.ndarray) -> np.ndarray:
    return np.zeros((2, 2), int)


def raising(image: np.ndarray) -> np.ndarray:
    raise RuntimeError("out of\nmemory")


class Settings(BaseModel):
    size: int = Field(3, ge=1)


def formed(image: np.ndarray, size: int = 3) -> np.ndarray:
    return np.zeros(image.shape, int)


formed.parameters = Settings  # type: ignore[attr-defined]
number = 7


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if a package offered this module's functions, and one that cannot be loaded."""
    names = ("bright", "shapes", "negative", "halved", "raising", "formed", "number", "gone")
    points = [EntryPoint(name, f"{__name__}:{name}", "napari_cellsynth.segmenters") for name in names]
    monkeypatch.setattr(segmenters.plugged, "named", lambda group: points)
    segmenter.cache_clear()
    yield
    segmenter.cache_clear()


def test_a_function_of_another_package_segments_and_its_keywords_are_its_form() -> None:
    found = segmenter("bright")
    assert list(found.form.model_fields) == ["threshold", "invert"]
    assert found.segment(FRAME, {}, name="frame").max() == 2
    assert found.segment(FRAME, {"threshold": 2000}, name="frame").max() == 0
    assert found.segment(FRAME, {"invert": True}, name="frame").max() == 1


def test_one_channel_comes_flat_and_several_come_last() -> None:
    segmenter("shapes").segment(FRAME, {}, name="frame")
    segmenter("shapes").segment(np.repeat(FRAME, 4, axis=0), {}, name="frame")
    assert shapes.__defaults__[0] == [(20, 30), (20, 30, 4)]  # type: ignore[index]


def test_a_pydantic_form_is_taken_as_it_is() -> None:
    assert segmenter("formed").form is Settings
    with pytest.raises(UserError, match="formed: size: Input should be greater"):
        segmenter("formed").segment(FRAME, {"size": 0}, name="frame")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("negative", "negative"),
        ("halved", "2 × 2, the frame 20 × 30"),
        ("raising", "raising failed on frame 3: RuntimeError: out of memory"),
    ],
)
def test_what_another_package_does_wrong_is_one_line_that_names_it(name: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        segmenter(name).segment(FRAME, {}, name="frame 3")
    assert name in str(caught.value) and "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "words"),
    [("gone", "cannot be loaded"), ("number", "is no function"), ("nonsense", "no segmentation method")],
)
def test_a_segmenter_that_is_not_there_is_one_line(name: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        segmenter(name)
    assert "bright" in segmenter_names()


def test_an_unknown_setting_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UserError, match="bright has no setting treshold") as caught:
        segmenter("bright").segment(FRAME, {"treshold": 3}, name="frame")
    assert "threshold, invert" in caught.value.hint


@pytest.mark.parametrize(("name", "title"), [("cellpose", "Cellpose"), ("stardist", "StarDist")])
def test_what_is_not_installed_says_so_in_one_line(name: str, title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenters, "find_spec", lambda package: None)
    assert name not in segmenter_names()
    with pytest.raises(UserError, match=f"{title} is not installed"):
        segmenter(name)


class FakeCellposeModel:
    """Takes and returns what version 4's does: masks, flows, styles."""

    def __init__(self, gpu: bool = False, pretrained_model: str = "cpsam") -> None:
        self.name = pretrained_model

    def eval(self, image: np.ndarray, diameter: float | None, flow_threshold: float, cellprob_threshold: float) -> Any:
        assert diameter in (None, 30.0) and self.name == "cpsam"
        return (image > 0).astype(np.uint16), [], []


class FakeStarDist:
    @classmethod
    def from_pretrained(cls, name: str) -> FakeStarDist:
        assert name == "2D_versatile_fluo"
        return cls()

    def predict_instances(self, image: np.ndarray, prob_thresh: float | None, nms_thresh: float | None) -> Any:
        assert image.dtype == np.float32 and prob_thresh is None
        return label(image > 0.5).astype(np.int32), {}


def test_cellpose_and_stardist_are_called_as_they_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins for both packages: neither is at hand here."""
    monkeypatch.setattr(segmenters, "find_spec", lambda package: object())
    for module, members in {
        "cellpose.models": {"CellposeModel": FakeCellposeModel},
        "stardist.models": {"StarDist2D": FakeStarDist},
    }.items():
        fake = types.ModuleType(module)
        vars(fake).update(members)
        monkeypatch.setitem(sys.modules, module.partition(".")[0], types.ModuleType(module.partition(".")[0]))
        monkeypatch.setitem(sys.modules, module, fake)
    assert {"cellpose", "stardist"} <= set(segmenter_names())
    assert segmenter("cellpose").segment(FRAME, {"diameter": 30.0}, name="f").max() == 1
    assert segmenter("stardist").segment(FRAME, {}, name="f").max() == 2
