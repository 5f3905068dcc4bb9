"""What the Gallery can show: found by words, under headings, two runs side by side, at a contrast of one's choice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("napari")

from qtpy.QtCore import QRect, Qt

from napari_cellsynth.widgets.gallery import GalleryDock
from napari_cellsynth.widgets.gallery_groups import BY_CLASS, BY_REVIEW, BY_RUN, SIDE_BY_SIDE, grouped
from napari_cellsynth.widgets.gallery_model import COLUMNS, EACH, PER_CLASS, PatchKey, ViewContrast
from napari_cellsynth.widgets.gallery_search import found_by
from napari_cellsynth.widgets.patch_grid import Section

pytestmark = pytest.mark.gui
NAMES = {2: "Spread out", 1: "Dense"}
ROWS = [
    ("synthetic", 1_000_000_001, "gan-0009", 1, "", ""),
    ("synthetic", 1_000_000_002, "gan-0010", 2, "rejected", "cut off"),
    ("real", 7, "", 1, "", ""),
    ("synthetic", 1_000_000_003, "gan-0010", 1, "accepted", ""),
    ("real", 8, "", 2, "", ""),
]


@pytest.fixture
def table() -> pd.DataFrame:
    made = pd.DataFrame(ROWS, columns=["kind", "id", "run", "class_id", "review", "reason"])
    return made.assign(nearest_object=0, distance=np.nan).reindex(columns=COLUMNS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("dense", [0, 2, 3]),
        ("SPREAD gan", [1]),
        ("cut", [1]),
        ("0009", [0]),
        ("7", [2]),
        ("1000000003", [3]),
        ("well_b", [4]),
        ("accepted", [3]),
        ("nothing of it", []),
        ("9" * 40, []),
        ("(", []),
    ],
)
def test_words_find_ids_classes_runs_reasons_and_images(table, text, expected) -> None:
    objects = pd.DataFrame({"image_id": [1, 2]}, index=[7, 8])
    found = found_by(table, text, NAMES, {1: "well_A.tif", 2: "well_B.tif"}, objects)
    assert np.flatnonzero(found).tolist() == expected


@pytest.mark.parametrize(
    ("by", "ids", "sections"),
    [
        (BY_CLASS, [2, 8, 1, 7, 3], [("Spread out · 2", 0, 2), ("Dense · 3", 2, 5)]),
        (BY_RUN, [2, 3, 1, 7, 8], [("gan-0010 · 2", 0, 2), ("gan-0009 · 1", 2, 3), ("real crops · 2", 3, 5)]),
        (
            BY_REVIEW,
            [1, 3, 2, 7, 8],
            [("not reviewed · 1", 0, 1), ("accepted · 1", 1, 2), ("rejected · 1", 2, 3), ("real crops · 2", 3, 5)],
        ),
    ],
)
def test_groups_keep_the_order_within_and_begin_where_their_heading_says(table, by, ids, sections) -> None:
    rows, found = grouped(table, by, NAMES)
    assert [number % 1_000_000_000 for number in rows["id"]] == ids
    assert found == [Section(*each) for each in sections]


def test_contrast_groups_by_class_or_not_at_all_and_samples_evenly(table) -> None:
    per_class = ViewContrast(PER_CLASS, table)
    assert [per_class.group(PatchKey(*row[:3])) for row in ROWS] == [1, 2, 1, 1, 2]
    assert per_class.sample(2) == [PatchKey(*ROWS[1][:3]), PatchKey(*ROWS[4][:3])]
    per_class.follow(table.iloc[:2])
    assert per_class.sample(1) == [PatchKey(*ROWS[0][:3])] and per_class.group(PatchKey("real", 7)) == "beside"
    assert ViewContrast(EACH, table).group(PatchKey("real", 7)) is None
    many = pd.concat([table] * 100, ignore_index=True).assign(id=range(500))
    sampled = [key.id for key in ViewContrast("shared contrast", many).sample("all")]
    assert 40 <= len(sampled) <= 48 and max(sampled) > 400


@pytest.fixture
def project(session, project_path):
    """Two Dense runs, dim and bright, and one of Spread of 5 channels and 16 bits."""
    session.open(project_path)
    made = session.project
    dense, spread = (record.id for record in made.classes())
    ramp = np.tile(np.arange(32, dtype=np.uint8), (32, 1))[None, None]
    for images in (np.repeat(ramp, 3, 0), np.repeat(ramp * 8, 4, 0)):
        run = made.new_run("gan", "dcgan", {}, class_id=dense, groups=["video"], seed=0)
        made.add_synthetic(run.id, "step", dense, 0, 0, images)
    five = np.random.default_rng(0).integers(0, 60_000, (5, 5, 32, 32)).astype(np.uint16)
    run = made.new_run("gan", "dcgan", {}, class_id=spread, groups=["video"], seed=0)
    made.add_synthetic(run.id, "step", spread, 0, 0, five)
    made.label([1, 2], dense)
    return made


@pytest.fixture
def dock(session, viewer, qtbot):
    made = GalleryDock(viewer)
    qtbot.addWidget(made)
    made.resize(1000, 240)
    made.show()
    yield made
    made.model.close()


def choose(box, text):
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


def brightest(dock, row, qtbot) -> int:
    def pixmap():
        return dock.model.index(row).data(Qt.ItemDataRole.DecorationRole)

    qtbot.waitUntil(lambda: pixmap() is not None, timeout=5000)
    image = pixmap().toImage()
    return max(image.pixelColor(x, 16).lightness() for x in range(32))


def test_two_runs_stand_side_by_side_with_their_names_above(dock, project) -> None:
    choose(dock.run_box, "gan-0001")
    choose(dock.panel.group_box, SIDE_BY_SIDE)
    choose(dock.panel.beside_box, "gan-0002")
    assert dock.panel.beside_box.isVisibleTo(dock.panel)
    assert [section.title for section in dock.patches._sections] == ["gan-0002 · 4", "gan-0001 · 3"]
    tops = {dock.patches.visualRect(dock.model.index(row)).top() for row in (0, 4)}
    assert len(tops) == 1
    choose(dock.panel.group_box, "no groups")
    assert dock.model.rowCount() == 3


def test_a_dim_run_is_dark_beside_a_bright_one_and_as_bright_at_its_own_contrast(dock, project, qtbot) -> None:
    choose(dock.class_box, "Dense")
    choose(dock.run_box, "all runs")
    choose(dock.order_box, "oldest first")
    dock.panel.contrast_box.setCurrentText(PER_CLASS)
    assert brightest(dock, 0, qtbot) < 60
    dock.panel.contrast_box.setCurrentText(EACH)
    assert brightest(dock, 0, qtbot) > 240


def test_five_channels_of_sixteen_bits_are_shown_in_colour(dock, project, qtbot) -> None:
    choose(dock.class_box, "Spread")
    assert brightest(dock, 0, qtbot) > 100
    image = dock.model.index(0).data(Qt.ItemDataRole.DecorationRole).toImage()
    assert len({image.pixelColor(x, 16).hue() for x in range(32)}) > 5


def test_typing_looks_through_the_patches_once_it_pauses(dock, project, qtbot) -> None:
    choose(dock.run_box, "all runs")
    with qtbot.waitSignal(dock.model.modelReset, timeout=3000):
        qtbot.keyClicks(dock.search, "gan-0002")
    assert dock.summary.text() == "4 patches"


def test_filters_do_not_read_the_project_again_until_it_changes(dock, project, monkeypatch) -> None:
    dock.refresh()
    reads = []
    real = type(project).synthetic
    monkeypatch.setattr(type(project), "synthetic", lambda self, *a, **k: reads.append(1) or real(self, *a, **k))
    for name in ("Dense", "Spread", "all classes") * 5:
        choose(dock.class_box, name)
    dock.patches.setCurrentIndex(dock.model.index(0))
    dock.verdicts.judge("rejected")
    choose(dock.review_box, "rejected")
    assert dock.model.rowCount() == 1 and not reads
    project.undo()
    assert dock.model.rowCount() == 0 and reads


def test_the_patches_stay_in_sight_in_a_low_dock_with_more_open(dock, project, qtbot) -> None:
    dock.more.setChecked(True)
    choose(dock.panel.group_box, SIDE_BY_SIDE)
    for width, height in ((976, 200), (976, 240), (700, 260), (380, 560)):
        dock.resize(width, height)
        qtbot.wait(50)
        view = dock.scroll.viewport()
        seen = QRect(dock.patches.mapTo(view, dock.patches.rect().topLeft()), dock.patches.size()) & view.rect()
        assert seen.height() >= 60, (width, height)
        assert dock.panel.isVisible()
