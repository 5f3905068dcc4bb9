"""A classifier that leaves the project answers as it did inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.job import Job, PredictParameters, TrainClassifierParameters
from napari_cellsynth.jobs.model_export import export
from napari_cellsynth.jobs.run import result_of, run
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SMALL = {"size": 32, "epochs": 2}


def trained(folder: Path, place: Path, recipe: str, **overrides: object) -> Path:
    with Project.create(place, multi_label=folder.name == "several") as project:
        import_folder(project, folder)
        project.rename_class(1, "größe, = 1")
    job = Job.of(project.path, TrainClassifierParameters(recipe=recipe, overrides=overrides))
    made = result_of(run(job))
    result_of(run(Job.of(project.path, PredictParameters(run=made["run"]))))
    return project.path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("kind", ["crops", "several"])
def test_onnx_and_the_bioimageio_folder_answer_like_the_classifier_itself(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    runtime, spec = pytest.importorskip("onnxruntime"), pytest.importorskip("bioimageio.spec")
    folder = request.getfixturevalue("crops_folder" if kind == "crops" else "multi_label_folder")
    path = trained(folder, tmp_path / "p.cellsynth", "fast", **SMALL)
    with Project.open(path) as project:
        out = export(project, tmp_path / "model", "bioimageio")
        files = [out / "weights.onnx", *([export(project, tmp_path / "m.onnx")] if kind == "crops" else [])]
        raw, expected = np.load(out / "test_input.npy"), np.load(out / "test_output.npy")
        for file in files:
            session = runtime.InferenceSession(str(file))
            np.testing.assert_allclose(session.run(None, {"raw": raw})[0], expected, atol=2e-5)
            [one] = session.run(None, {"raw": raw[:1]})  # any number at once
            np.testing.assert_allclose(one, expected[:1], atol=2e-5)
        assert session.get_modelmeta().custom_metadata_map["class_names"].startswith("größe, = 1|")
        record = project.runs("classifier")[0]
        chosen = [pair[0] for pair in record.parameters["test_objects"]][:4]
        told = project.predictions().loc[chosen].filter(like="p_").to_numpy()
        if record.parameters["recipe"]["fit"] == "whole":
            np.testing.assert_allclose(expected, told, atol=2e-2)
    model = spec.load_model_description(out)  # raises what does not fit the specification
    assert model.validation_summary.status == "valid-format"
    assert model.config.model_dump()["napari_cellsynth"]["class_names"][0] == "größe, = 1"
    page = (out / "README.md").read_text()
    assert "Tested on real objects of groups that it never saw" in page
    assert "balanced_accuracy" in page


def test_what_learns_from_features_is_refused_by_name_and_leaves_nothing(crops_folder: Path, tmp_path: Path) -> None:
    path = trained(crops_folder, tmp_path / "p.cellsynth", "logistic", size=32)
    with Project.open(path) as project:
        for name, out in (("onnx", "m.onnx"), ("bioimageio", "model")):
            with pytest.raises(UserError, match=r"classifier-0001 \(logistic\) learns from features"):
                export(project, tmp_path / out, name)
            assert not (tmp_path / out).exists()
        with pytest.raises(UserError, match="no run 'classifier-0009'"):
            export(project, tmp_path / "m.onnx", run="classifier-0009")
        with pytest.raises(UserError, match=r"\.xlsx is no format") as caught:
            export(project, tmp_path / "m.xlsx")
        assert "onnx (.onnx), bioimageio" in caught.value.hint
