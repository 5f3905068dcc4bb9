from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_cellsynth.errors import LeakError, UserError
from napari_cellsynth.experiments import PROTOCOLS, protocol
from napari_cellsynth.experiments.bench import learned_from
from napari_cellsynth.experiments.dataset import Fold, from_patches
from napari_cellsynth.experiments.design import (
    Arm,
    ClassifierTask,
    Design,
    GanTask,
    Generator,
    Sample,
    Synthetic,
    plan,
    tasks,
)
from napari_cellsynth.experiments.work import synthetic_patches


def fold(number: int = 0) -> Fold:
    return Fold(0, number, np.arange(12), np.arange(12, 24))


def arm(name: str, **rest) -> Arm:
    return Arm(name=name, recipe="fast", **rest)


def test_synthetic_patches_are_counted_from_the_real_crops_of_their_class():
    generator = Generator(recipe="dcgan")
    assert Synthetic(generator=generator, share=0.5).counts([100, 20]) == [50, 10]
    assert Synthetic(generator=generator, fill=True).counts([100, 20, 60]) == [0, 80, 40]
    assert Synthetic(generator=generator, count=500).counts([100, 20]) == [500, 500]


def test_a_gan_is_trained_once_for_all_arms_that_draw_from_it_and_before_them():
    generator = Generator(recipe="dcgan")
    design = Design(
        arms=(
            arm("real"),
            arm("half", synthetic=Synthetic(generator=generator, share=0.5)),
            arm("as many", synthetic=Synthetic(generator=generator, share=1)),
        ),
        gan_seeds=2,
        seeds=3,
    )
    made = list(tasks(design, fold(), 4, conditional=()))
    gans = [task for task in made if isinstance(task, GanTask)]
    classifiers = [task for task in made if isinstance(task, ClassifierTask)]
    assert len(gans) == 4 * 2
    assert len(classifiers) == 3 + 2 * 2 * 3
    assert len({task.id for task in made}) == len(made)
    for task in classifiers:
        assert all(made.index(gan) < made.index(task) for gan in task.gans)


def test_inner_splits_train_the_arms_to_choose_among_with_gans_of_their_own():
    generator = Generator(recipe="dcgan")
    shares = [arm(f"x{s}", synthetic=Synthetic(generator=generator, share=s)) for s in (0.5, 1)]
    design = Design(arms=(arm("real"), *shares), choose=("x0.5", "x1"), gan_seeds=2, seeds=3)
    inner = Fold(0, 0, np.arange(9), np.arange(9, 12), is_inner=True)
    made = plan(design, [replace(fold(), inner=inner)], 4).tasks
    within = [task for task in made if task.fold.is_inner]
    assert sum(isinstance(task, GanTask) for task in within) == 4
    assert [task.arm.name for task in within if isinstance(task, ClassifierTask)] == ["x0.5"] * 3 + ["x1"] * 3
    assert all(gan.fold is inner for task in within if isinstance(task, ClassifierTask) for gan in task.gans)
    assert len({task.id for task in made}) == len(made)
    assert len(made) - len(within) == len(plan(design, [fold()], 4).tasks)


def test_a_conditional_recipe_is_one_training_and_a_smaller_sample_or_a_leak_another():
    every = Sample()

    def count(*synthetic, samples=(every,)):
        arms = [
            arm(f"{number} {place}", synthetic=each, sample=sample)
            for number, each in enumerate(synthetic)
            for place, sample in enumerate(samples)
        ]
        return sum(isinstance(task, GanTask) for task in tasks(Design(arms=tuple(arms)), fold(), 4, ["acgan"]))

    conditional, leaky = Generator(recipe="acgan"), Generator(recipe="acgan", leaky=True)
    assert count(Synthetic(generator=conditional, share=1)) == 1
    assert count(Synthetic(generator=conditional, share=1), Synthetic(generator=leaky, share=1)) == 2
    assert count(Synthetic(generator=conditional, share=1), samples=(Sample(), Sample(most=30))) == 2


def test_smaller_samples_are_parts_of_larger_ones_and_never_hold_a_test_crop():
    data = from_patches(np.zeros((24, 1, 32, 32), np.uint8), np.arange(24) % 2, np.arange(24) // 4)
    few, more = (set(learned_from(data, fold(), Sample(most=n))) for n in (2, 4))
    assert len(few) == 4
    assert few < more < set(fold().train.tolist())
    assert set(learned_from(data, fold(), Sample())) == set(fold().train.tolist())
    assert len(learned_from(data, fold(), Sample(share=0.5))) == 6


def test_patches_of_another_folds_gan_are_refused():
    generator = Generator(recipe="dcgan")
    stranger = GanTask(fold(1), generator, Sample(), (0,), 0)
    task = ClassifierTask(fold(0), arm("a", synthetic=Synthetic(generator=generator, share=1)), (stranger,), 0, 0)
    data = from_patches(np.zeros((24, 1, 32, 32), np.uint8), np.arange(24) % 2, np.arange(24) // 4)

    class Bench:
        dataset = data

    with pytest.raises(LeakError):
        synthetic_patches(task, Bench(), np.arange(12))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_preset_of_every_protocol_can_be_read_and_what_is_wrong_is_named(name):
    for preset in protocol(name).presets:
        assert protocol(name).checked(preset, {}).folds >= 2
    with pytest.raises(UserError, match="no preset 'huge'"):
        protocol(name).checked("huge", {})
    with pytest.raises(UserError, match="has no setting 'fold'"):
        protocol(name).checked("smoke", {"fold": 3})
    with pytest.raises(UserError, match="folds"):
        protocol(name).checked("smoke", {"folds": 1})


def test_an_unknown_protocol_is_answered_with_the_ones_there_are():
    with pytest.raises(UserError, match="no protocol 'table4'") as told:
        protocol("table4")
    assert "does-synthetic-help" in told.value.hint
