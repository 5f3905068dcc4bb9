"""A frame larger than memory stays off the canvas, in one line; its crops are shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_cellsynth.imaging import large
from napari_cellsynth.imaging.crop import Box, cut_context
from napari_cellsynth.project import Project
from napari_cellsynth.widgets.session import Session

pytestmark = pytest.mark.gui


def test_a_large_frame_is_kept_off_the_canvas_and_its_crops_are_cut(
    session: Session, project_path: Any, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(project_path, read_only=True) as project:
        whole = np.asarray(project.frame(1, 0))
    monkeypatch.setattr(large, "FRAME_BYTES", 100)
    session.open(project_path)
    session.show_image(1)
    assert any("too large for the canvas" in each for each in said)
    crop, _ = cut_context(session.frames.read(1, 0), Box(10, 12, 30, 34), 0.5)
    np.testing.assert_array_equal(crop, cut_context(whole, Box(10, 12, 30, 34), 0.5)[0])
