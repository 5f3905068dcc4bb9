from __future__ import annotations

from pathlib import Path

import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.job import (
    PARAMETERS,
    Job,
    SegmentParameters,
    TrainClassifierParameters,
    TrainGanParameters,
    checked,
)


def test_a_job_survives_json_unchanged() -> None:
    job = Job.of(Path("p.cellsynth"), TrainGanParameters(classes=["Dense"], steps=5, overrides={"width": 8}))
    again = Job.model_validate_json(job.model_dump_json())
    assert again == job
    assert again.checked() == TrainGanParameters(classes=["Dense"], steps=5, overrides={"width": 8})


def test_every_kind_has_parameters_whose_fields_are_described() -> None:
    for model in PARAMETERS.values():
        assert all(field.description for field in model.model_fields.values())


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"radius": 0}, "radius"),
        ({"radius": "wide"}, "radius"),
        ({"enhance": "sharpen"}, "enhance"),
        ({"speed": 3}, "speed"),
    ],
)
def test_a_wrong_parameter_is_one_line_that_names_it(values: dict[str, object], named: str) -> None:
    with pytest.raises(UserError) as caught:
        checked(SegmentParameters, values)
    assert caught.value.message.startswith(named)
    assert "\n" not in caught.value.message


def test_what_is_wrong_with_several_values_together_is_one_sentence() -> None:
    with pytest.raises(UserError) as told:
        checked(TrainClassifierParameters, {"share": 0.5, "up_to": 10})
    assert told.value.message == "Give one of synthetic, up_to and share."
