from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import BAD_SEGMENTATION, UNLABELLED, UNSURE, Project
from napari_cellsynth.project.exchange import export_csv, import_folder


@pytest.fixture
def several(project: Project) -> Project:
    """The small project, multi-label, with the classes Dense (1), Spread (2) and Debris (3)."""
    project.set_multi_label(True)
    project.add_class("Debris")
    return project


def classes(project: Project) -> dict[int, tuple[int, ...]]:
    labels = project.objects()["label"]
    return {int(i): project.classes_of(label) for i, label in labels.items() if label}


def test_an_object_has_several_classes_and_each_is_counted(several: Project) -> None:
    several.label([1, 2], [3, 1])
    several.label([3], 1)
    assert classes(several) == {1: (1, 3), 2: (1, 3), 3: (1,)}
    assert several.label_counts() == {0: 1, 1: 3, 3: 2}
    assert several.objects()["class_id"].tolist() == [1, 1, 1, 0]
    with Project.open(several.path, read_only=True) as again:
        assert classes(again) == {1: (1, 3), 2: (1, 3), 3: (1,)}
        assert again.multi_label


def test_without_classes_no_object_has_any(project: Project) -> None:
    assert project.indicators([0, 0, 1], []).shape == (3, 0)
    assert project.indicators([], [1, 2]).shape == (0, 2)


def test_a_class_is_toggled_one_step_of_undo_each(several: Project) -> None:
    for class_id in (2, 1, 2):
        several.toggle_class(1, class_id)
    assert classes(several) == {1: (1,)}
    several.undo()
    assert classes(several) == {1: (1, 2)}
    several.undo()
    several.undo()
    assert classes(several) == {} and several.undo() == []  # the third class was added before
    assert [len(several.redo()) for _ in range(3)] == [0, 1, 1]
    assert classes(several) == {1: (1, 2)}


def test_a_toggle_is_of_whoever_makes_it_and_tells_the_label_that_is_there_now(several: Project) -> None:
    for number, wanted in [(2, (2,)), (1, (1, 2)), (2, (1,)), (1, ())]:
        assert several.classes_of(several.toggle_class(1, number, user="cleo")) == wanted
    assert set(several.history(1)["user"]) == {"cleo"}
    assert set(several.history(1)["source"]) == {"hand"}


def test_undo_of_several_classes_works_after_a_restart(several: Project) -> None:
    several.label([1], [1, 2])
    several.label([1], [1, 2, 3])
    path = several.path
    several.close()
    with Project.open(path) as again:
        assert again.undo() == [1]
        assert classes(again) == {1: (1, 2)}


def test_a_class_takes_the_place_of_unsure_and_the_last_one_leaves_no_label(several: Project) -> None:
    for reserved in (UNSURE, BAD_SEGMENTATION):
        several.label([1], reserved)
        assert several.toggle_class(1, 2) == 2
        assert several.toggle_class(1, 2) == UNLABELLED
    assert several.objects().loc[1, "source"] == ""


def test_reserved_labels_do_not_stand_beside_classes(several: Project) -> None:
    with pytest.raises(UserError, match="no class with the id -1"):
        several.label([1], [1, UNSURE])
    assert classes(several) == {}


def test_a_single_label_project_takes_one_class_an_object(project: Project) -> None:
    assert not project.multi_label
    with pytest.raises(UserError, match="one class an object"):
        project.label([1], [1, 2])
    with pytest.raises(UserError, match="one class an object"):
        project.label([2], 1)
        project.toggle_class(2, 2)
    assert classes(project) == {2: (1,)} and project.history(1).empty


def test_a_project_stays_multi_label_once_it_has_had_several_classes(several: Project) -> None:
    several.set_multi_label(False)
    assert not several.multi_label
    several.set_multi_label(True)
    several.label([1], [1, 2])
    several.undo()
    with pytest.raises(UserError, match="in its history"):
        several.set_multi_label(False)
    assert several.multi_label


def test_several_classes_are_carried_over_when_a_frame_is_segmented_again(
    several: Project, mask: NDArray[np.int32]
) -> None:
    several.label([1], [1, 3])
    moved = np.roll(mask, 2, axis=1)
    change = several.set_objects(1, 0, boxes_of(moved), moved)
    assert change.carried == 1
    [heir] = classes(several)
    assert heir > 4 and classes(several)[heir] == (1, 3)
    several.undo()
    assert classes(several) == {}


def test_a_table_repeats_objects_for_each_of_their_classes(several: Project) -> None:
    several.label([1], [1, 3])
    several.label([2], 3)
    several.label([4], UNSURE)
    table = several.per_class(several.objects())
    assert list(zip(table.index, table["class_id"], strict=True)) == [(1, 1), (1, 3), (2, 3), (3, 0), (4, -1)]
    assert several.of_one_class(several.objects()).index.tolist() == [2]
    indicators = several.indicators(several.objects()["label"], [3, 1, 2])
    assert indicators.astype(int).tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_another_window_learns_that_a_project_has_become_multi_label(project: Project) -> None:
    told: list[bool] = []
    project.catch_up()
    project.classes_changed.connect(lambda: told.append(project.multi_label))
    with Project.open(project.path) as other:
        other.set_multi_label(True)
    project.catch_up()
    assert told == [True]


def test_predictions_give_the_classes_that_reach_their_thresholds(several: Project) -> None:
    p = np.array([[0.9, 0.7, 0.1], [0.2, 0.3, 0.1]], np.float32)
    several.set_predictions("classifier-0001", [1, 2], p, [1, 2, 3], thresholds=[0.5, 0.6, 0.5])
    found = several.predictions()
    assert found["classes"].tolist() == [(1, 2), ()] and found["class_id"].tolist() == [1, 0]
    # The least sure of the three answers: that object 1 has class 2, that object 2 has it not.
    assert found["confidence"].tolist() == pytest.approx([0.7, 0.7])
    assert found["margin"].tolist() == pytest.approx([0.1, 0.3])
    assert found["p_Debris"].tolist() == pytest.approx([0.1, 0.1])
    several.set_unsure_below(0.75)
    assert several.predictions()["unsure"].tolist() == [True, True]


def test_a_frame_without_predictions_gives_an_empty_table(several: Project) -> None:
    several.set_predictions("classifier-0001", [], np.zeros((0, 2), np.float32), [1, 2], thresholds=[0.5, 0.5])
    assert several.predictions().empty


def test_labels_go_out_and_come_back(tmp_path: Path, multi_label_folder: Path) -> None:
    with Project.create(tmp_path / "a.cellsynth") as one:
        notices = import_folder(one, multi_label_folder).notices
        assert one.multi_label and any("several classes" in notice for notice in notices)
        counts = one.label_counts()
        assert sum(counts.values()) > len(one.objects()) == 70
        rows = list(csv.DictReader((multi_label_folder / "objects.csv").read_text().splitlines()))
        assert counts[one.class_named("blob").id] == sum("blob" in row["label"].split("|") for row in rows)
        (tmp_path / "out").mkdir()
        export_csv(one, tmp_path / "out" / "objects.csv")
        with Project.create(tmp_path / "b.cellsynth") as two:
            import_folder(two, tmp_path / "out")
            assert labels_by_name(two) == labels_by_name(one)


def labels_by_name(project: Project) -> list[tuple[str, frozenset[str]]]:
    images = project.images()["path"]
    table = project.objects()[["image_id", "label"]].itertuples(index=False)
    return sorted((images[i], frozenset(project.label_words(label).split("|"))) for i, label in table)


def test_the_same_classes_in_another_order_are_the_same_label(tmp_path: Path, multi_label_folder: Path) -> None:
    file = multi_label_folder / "objects.csv"
    head, first, *_ = file.read_text().splitlines()
    image = first.split(",")[0]
    rows = [f"{image},0,0,40,40,{label},train,g" for label in ("a|b", "b | a", "a|b|a")]
    file.write_text("\n".join([head, *rows]) + "\n")
    with Project.create(tmp_path / "a.cellsynth") as project:
        assert import_folder(project, multi_label_folder).objects == 1
        assert set(project.label_words(project.objects()["label"].iloc[0]).split("|")) == {"a", "b"}
    file.write_text("\n".join([head, rows[0], f"{image},0,0,40,40,a,train,g"]) + "\n")
    with (
        Project.create(tmp_path / "b.cellsynth") as project,
        pytest.raises(UserError, match=r"line 3: it labels the box of line 2 as a, not a\|b"),
    ):
        import_folder(project, multi_label_folder)


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("a|unsure", "cannot stand beside"),
        ("|", "names no class"),
        ("a||b", "without a class"),
        ("a|", "without a class"),
    ],
)
def test_a_label_that_means_nothing_names_its_line(
    tmp_path: Path, multi_label_folder: Path, label: str, told: str
) -> None:
    file = multi_label_folder / "objects.csv"
    lines = file.read_text().splitlines()
    lines[2] = lines[2].replace(lines[2].split(",")[5], label)
    file.write_text("\n".join(lines) + "\n")
    with Project.create(tmp_path / "a.cellsynth") as project:
        with pytest.raises(UserError, match=f"line 3: .*{told}"):
            import_folder(project, multi_label_folder)
        assert project.objects().empty


def test_a_labelled_single_label_project_refuses_several_classes(project: Project, multi_label_folder: Path) -> None:
    project.label([1], 1)
    with pytest.raises(UserError, match="one class an object") as refused:
        import_folder(project, multi_label_folder)
    assert "init --multi-label" in refused.value.hint
    assert len(project.images()) == 1 and not project.multi_label
    project.set_multi_label(True)
    assert import_folder(project, multi_label_folder).objects == 70


def test_an_image_in_two_class_folders_has_both_classes(tmp_path: Path, new_series: Callable[..., Path]) -> None:
    folder = tmp_path / "classes"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.tif").write_bytes(new_series("one.tif").read_bytes())
    with Project.create(tmp_path / "several.cellsynth", multi_label=True) as project:
        import_folder(project, folder)
        assert {project.label_words(label) for label in project.objects()["label"]} == {"a|b"}
    with Project.create(tmp_path / "single.cellsynth") as project:
        assert any("a was kept" in notice for notice in import_folder(project, folder).notices)
        assert {project.label_words(label) for label in project.objects()["label"]} == {"a"}


def test_no_class_can_be_named_like_two(several: Project) -> None:
    with pytest.raises(UserError, match="parts several classes"):
        several.add_class("a|b")


def test_holding_out_keeps_every_class_on_both_sides(tmp_path: Path, multi_label_folder: Path) -> None:
    with Project.create(tmp_path / "a.cellsynth") as project:
        import_folder(project, multi_label_folder)
        project.set_split(dict.fromkeys(project.splits(), ""))
        assert "test" in project.hold_out(seed=1).values()
        for part in (project.training_objects(), project.test_objects()):
            ids = [record.id for record in project.classes()]
            assert project.indicators(part["label"], ids).any(axis=0).all()
