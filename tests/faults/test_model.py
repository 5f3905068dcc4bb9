"""Thousands of random operations on a project, each compared with a model of the truth that is a few dictionaries."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.crop import boxes_of
from napari_cellsynth.project import Project
from napari_cellsynth.project.checking import check
from tests.faults.sizes import tries

STEPS = 50
CELLS, FRAMES = 4, 2
Key = tuple[int, int, int, int]
"""An object: image, frame, cell, and by how many pixels its mask is moved to the right."""


Edit = tuple[int, str, str]
"""A class, its name before and after; an empty name where it was not there."""
Action = list[tuple[Key, int, int]] | Edit


class Truth:
    """What the project should hold: labels of active objects, those that were superseded, and what can be undone."""

    def __init__(self) -> None:
        self.names = {1: "Dense", 2: "Spread"}
        self.highest = 2
        self.active: dict[Key, int] = {}
        self.orphans: dict[Key, int] = {}
        self.heirs: dict[Key, Key] = {}
        self.done: list[Action] = []
        self.undone: list[Action] = []

    def label(self, keys: list[Key], label: int) -> None:
        self.done.append([(key, self.active[key], label) for key in keys])
        self.undone.clear()
        self.active |= dict.fromkeys(keys, label)

    def step(self, back: bool) -> None:
        """Undo or redo the last action that still can be."""
        source, target = (self.done, self.undone) if back else (self.undone, self.done)
        changed = False
        while source and not changed:
            action = source.pop()
            target.append(action)
            if isinstance(action, tuple):
                changed = self.edit(*action) if not back else self.edit(action[0], action[2], action[1])
                continue
            for key, old, new in action:
                living = self.living(key)
                before, after = (self.now(each) for each in ((new, old) if back else (old, new)))
                vain = before == after and old != new
                if living is not None and self.active[living] == before and not vain:
                    self.active[living], changed = after, True

    def now(self, label: int) -> int:
        """Return what stands for a label: a class that has gone is none."""
        return label if label <= 0 or label in self.names else 0

    def edit(self, number: int, before: str, after: str) -> bool:
        """Name a class, or let it come or go, where that is still possible."""
        held = number in (*self.active.values(), *self.orphans.values())
        taken = after in self.names.values()
        if self.names.get(number, "") != before or taken or (not after and held):
            return False
        self.names[number] = after
        self.highest = max(self.highest, number)
        if not after:
            del self.names[number]
        return True

    def edited(self, number: int, before: str, after: str) -> None:
        if before != after:
            assert self.edit(number, before, after)
            self.done.append((number, before, after))
            self.undone.clear()

    def living(self, key: Key) -> Key | None:
        while key not in self.active:
            if key not in self.heirs:
                return None
            key = self.heirs[key]
        return key

    def segment(self, frame: int, cells: dict[int, int]) -> None:
        before = {key[2]: key for key in self.active if key[:2] == (1, frame)}
        for cell, old in before.items():
            if cells.get(cell) != old[3]:
                label = self.active.pop(old)
                if cell in cells:
                    self.heirs[old] = (1, frame, cell, cells[cell])
                    self.active[1, frame, cell, cells[cell]] = label
                elif label:
                    self.orphans[old] = label
        for cell, moved in cells.items():
            key = (1, frame, cell, moved)
            self.heirs.pop(key, None)
            label = self.orphans.pop(key, 0)
            self.active.setdefault(key, label)

    def bring_in(self, rows: dict[int, str]) -> None:
        new = {cell: name for cell, name in rows.items() if (2, 0, cell, 0) not in self.active}
        for name in new.values():
            if name and name not in self.names.values():
                self.highest += 1
                self.names[self.highest] = name
        ids = {name: number for number, name in self.names.items()} | {"": 0}
        self.active |= {(2, 0, cell, 0): ids[name] for cell, name in new.items()}


class Operations(RuleBasedStateMachine):
    """The rules; after each one project and truth must be the same."""

    count = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        for name, frames in (("a", FRAMES), ("b", 1)):
            pixels = np.random.default_rng(ord(name)).integers(0, 9, (frames, 32, 128), np.uint8)
            file = self.folder / f"{name}.tif"
            tifffile.imwrite(file, pixels, photometric="minisblack", metadata={"axes": "TYX"})
        self.project = Project.create(self.folder / "p", classes=["Dense", "Spread"])
        self.project.add_images([self.folder / "a.tif", self.folder / "b.tif"])
        self.truth = Truth()

    def ids(self) -> dict[Key, int]:
        rows = self.project.objects().reset_index()
        where = rows[["image_id", "frame", "x0", "object_id"]].to_numpy().tolist()
        return {(image, frame, x // 30, x % 30 - 2): number for image, frame, x, number in where}

    @rule(data=st.data(), many=st.booleans())
    def label(self, data: Any, many: bool) -> None:
        if not self.truth.active:
            return
        known = sorted(self.truth.active)
        keys = data.draw(st.lists(st.sampled_from(known), min_size=1, max_size=6 if many else 1, unique=True))
        label = data.draw(st.sampled_from([0, -1, -2, *self.truth.names]))
        ids = self.ids()
        self.project.label([ids[key] for key in keys], label, source="bulk" if many else "hand")
        self.truth.label(keys, label)

    @rule()
    def undo(self) -> None:
        self.project.undo()
        self.truth.step(back=True)

    @rule()
    def redo(self) -> None:
        self.project.redo()
        self.truth.step(back=False)

    @rule(frame=st.integers(0, FRAMES - 1), cells=st.dictionaries(st.integers(0, CELLS - 1), st.sampled_from([0, 3])))
    def segment(self, frame: int, cells: dict[int, int]) -> None:
        mask = np.zeros((32, 128), np.int32)
        for number, (cell, moved) in enumerate(cells.items(), start=1):
            left = 30 * cell + 2 + moved
            mask[4:28, left : left + 20] = number
        self.project.set_objects(1, frame, boxes_of(mask), mask)
        self.truth.segment(frame, cells)

    @rule(name=st.sampled_from(["Dense", "Spread", "Round", "Flat", ""]), number=st.integers(1, 5))
    def rename(self, name: str, number: int) -> None:
        others = {other for key, other in self.truth.names.items() if key != number}
        try:
            self.project.rename_class(number, name)
        except UserError:
            assert not name or name in others or number not in self.truth.names
        else:
            assert name and name not in others
            self.truth.edited(number, self.truth.names[number], name)

    @rule(name=st.sampled_from(["Round", "Flat", "Dense"]))
    def add_class(self, name: str) -> None:
        if name in self.truth.names.values():
            with pytest.raises(UserError):
                self.project.add_class(name)
        elif len(self.truth.names) < 5:
            number = self.project.add_class(name)
            assert number not in self.truth.names
            self.truth.edited(number, "", name)

    @rule(rows=st.dictionaries(st.integers(0, CELLS - 1), st.sampled_from(["Dense", "Round", ""]), min_size=1))
    def bring_in(self, rows: dict[int, str]) -> None:
        from napari_cellsynth.project.exchange import import_folder

        lines = [f"b.tif,{30 * cell + 2},4,{30 * cell + 22},28,{name}" for cell, name in rows.items()]
        (self.folder / "objects.csv").write_text("image,x0,y0,x1,y1,label\n" + "\n".join(lines) + "\n")
        import_folder(self.project, self.folder)
        self.truth.bring_in(rows)

    @rule()
    def bring_in_what_is_wrong(self) -> None:
        from napari_cellsynth.project.exchange import import_folder

        (self.folder / "objects.csv").write_text("image,x0,y0,x1,y1,label\nb.tif,2,4,22,28,New\nb.tif,2,4,999,28,New\n")
        with pytest.raises(UserError):
            import_folder(self.project, self.folder)

    @rule()
    def open_again(self) -> None:
        self.project.close()
        self.project = Project.open(self.folder / "p.cellsynth")

    @invariant()
    def is_the_truth(self) -> None:
        type(self).count += 1
        labels = self.project.objects()["class_id"]
        assert {key: int(labels[number]) for key, number in self.ids().items()} == self.truth.active
        assert sorted(self.project.orphans()["class_id"].tolist()) == sorted(self.truth.orphans.values())
        assert {record.id: record.name for record in self.project.classes()} == self.truth.names

    def teardown(self) -> None:
        self.project.close()
        assert check(self.folder / "p.cellsynth") == []
        shutil.rmtree(self.folder)


@pytest.mark.timeout(7200)
def test_a_project_is_at_every_moment_what_its_operations_made_it() -> None:
    chosen = settings(
        max_examples=tries(6, 40, 220),
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    Operations.count = 0
    run_state_machine_as_test(Operations, settings=chosen)
    print(f"{Operations.count} operations")
