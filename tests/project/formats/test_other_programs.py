"""What is written is opened by each format's own library, on real microscopy where there is some."""

from __future__ import annotations

import csv
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from napari_cellsynth.errors import UserError
from napari_cellsynth.imaging.segment import segment_colonies
from napari_cellsynth.project import Project
from napari_cellsynth.project.exchange import import_folder, import_label_images
from napari_cellsynth.project.exporting import export
from tests.project.formats.conftest import content


@pytest.fixture
def bacteria(real_data: Path, tmp_path: Path) -> Project:
    """Three phase contrast images with the masks that Omnipose made, all labelled by their size."""
    with Project.create(tmp_path / "bacteria.cellsynth", classes=["short", "long"]) as project:
        import_label_images(project, real_data / "phase_contrast_extra")
        objects = project.objects()
        long = objects["area"] > objects["area"].median()
        project.label(objects.index[~long].tolist(), 1)
        project.label(objects.index[long].tolist(), 2)
        yield project


@pytest.mark.real_data
def test_parquet_opens_in_pyarrow_and_pandas_with_numbers_as_numbers(bacteria: Project, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    file = export(bacteria, tmp_path / "t.parquet")
    table, objects = pd.read_parquet(file).set_index("object_id"), bacteria.objects()
    assert pyarrow.read_schema(file).field("x0").type == "int64"
    assert table["y1"].equals(objects["y1"])
    assert set(table["label"]) == {"short", "long"}
    assert (tmp_path / table["image"].iloc[0]).resolve().is_file()


@pytest.mark.real_data
def test_geojson_outlines_have_the_masks_areas_in_shapely_and_the_colours_that_qupath_wants(
    bacteria: Project, tmp_path: Path
) -> None:
    geojson, shapely = pytest.importorskip("geojson"), pytest.importorskip("shapely")
    folder = export(bacteria, tmp_path / "outlines", "geojson")
    objects = bacteria.objects()
    found = 0
    for file in folder.iterdir():
        collection = geojson.loads(file.read_text("utf-8"))
        assert collection.is_valid
        for feature in collection["features"]:
            shape = shapely.from_geojson(json.dumps(feature["geometry"]))
            row = objects.loc[int(feature["properties"]["metadata"]["object_id"])]
            assert shape.is_valid
            assert shape.area == row["area"]
            assert shape.bounds == (row["x0"], row["y0"], row["x1"], row["y1"])
            kind = feature["properties"]["classification"]
            code = bacteria.class_named(kind["name"]).color
            assert tuple(kind["color"]) == tuple(bytes.fromhex(code[1:]))
            assert len(feature["id"]) == 36
            found += 1
    assert found == len(objects)


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_masks_are_those_of_the_project_in_pycocotools(bacteria: Project, tmp_path: Path) -> None:
    library = pytest.importorskip("pycocotools.coco")
    coco = library.COCO(str(export(bacteria, tmp_path / "a.json")))
    objects = bacteria.objects()
    assert {c["name"] for c in coco.loadCats(coco.getCatIds())} == {"short", "long"}
    assert sorted(coco.getAnnIds()) == objects.index.tolist()
    for annotation in coco.loadAnns(coco.getAnnIds()):
        row = objects.loc[annotation["id"]]
        labels = bacteria.mask(int(row["image_id"]), 0)
        np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), labels == row["mask_label"])
        assert annotation["area"] == row["area"]


@pytest.mark.real_data
def test_anndata_opens_the_objects_with_their_places_and_colours(bacteria: Project, tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    bacteria.set_predictions("classifier-0001", bacteria.objects().index[:4], np.tile([0.25, 0.75], (4, 1)), [1, 2])
    table = anndata.read_h5ad(export(bacteria, tmp_path / "a.h5ad"))
    objects = bacteria.objects()
    np.testing.assert_allclose(table.obsm["spatial"], objects[["cx", "cy"]])
    np.testing.assert_allclose(table.X[:, 0], objects["area"])
    assert list(table.obs["label"].cat.categories) == ["short", "long"]
    assert list(table.uns["label_colors"]) == [c.color for c in bacteria.classes()]
    assert np.isnan(table.obsm["probabilities"]).sum() == 2 * (len(objects) - 4)
    assert list(table.obs["predicted"][:5]) == ["long"] * 4 + [""]


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", ["ome-zarr", "ome-zarr-0.4"])
def test_ome_zarr_opens_in_ngio_with_pixels_labels_and_tables(bacteria: Project, tmp_path: Path, version: str) -> None:
    ngio = pytest.importorskip("ngio")
    probabilities = np.tile([0.25, 0.75], (len(bacteria.objects()), 1))
    bacteria.set_predictions("classifier-0001", bacteria.objects().index, probabilities, [1, 2])
    folder = export(bacteria, tmp_path / "zarrs", version)
    for image_id, place in zip(bacteria.images().index, sorted(folder.iterdir()), strict=True):
        container = ngio.open_ome_zarr_container(place)
        np.testing.assert_array_equal(container.get_image(path="0").get_as_numpy()[0], bacteria.frame(image_id, 0))
        assert container.list_labels() == ["objects", "predicted"]
        objects, table = bacteria.objects(image_id=image_id), container.get_table("objects").dataframe
        labels = container.get_label("objects", path="0").get_as_numpy()[0]
        assert set(np.unique(labels)) == {0, *objects.index}
        assert table.index.tolist() == objects.index.tolist()
        assert table["area"].tolist() == [int((labels == number).sum()) for number in objects.index]
        assert set(np.unique(container.get_label("predicted", path="0").get_as_numpy())) == {0, 2}


@pytest.mark.slow
@pytest.mark.real_data
def test_crops_in_a_folder_a_class_open_in_torchvision_and_come_back(real_data: Path, tmp_path: Path) -> None:
    torchvision = pytest.importorskip("torchvision.datasets")
    with Project.create(tmp_path / "blood") as project:
        import_folder(project, real_data / "bccd_fov")
        objects = project.objects()
        out = export(project, tmp_path / "crops", "imagefolder")
        train = torchvision.ImageFolder(str(out / "train"))
        assert train.classes == ["Platelets", "RBC", "WBC"]
        assert len(train) == (objects["split"] != "test").sum()
        number = objects.index[(objects["split"] != "test") & (objects["x1"] - objects["x0"] > 8)][5]
        row = objects.loc[number]
        picture = np.asarray(
            next(torchvision.folder.default_loader(p) for p, _ in train.samples if f"{number:06d}" in p)
        )
        frame = project.frame(int(row["image_id"]), 0)[:, row["y0"] : row["y1"], row["x0"] : row["x1"]]
        np.testing.assert_array_equal(np.moveaxis(picture, 2, 0), frame)
    with Project.create(tmp_path / "again") as project:
        assert import_folder(project, out).objects == len(objects)
        assert project.objects().groupby(["label", "split"]).size().sum() == len(objects)


def test_crops_of_three_deep_channels_and_odd_classes_come_back_as_they_were(hard: Project, tmp_path: Path) -> None:
    out = export(hard, tmp_path / "crops", "imagefolder")
    objects = hard.objects()
    chosen = objects[objects["label"] > 0]
    with (out / "objects.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(chosen)
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    with Project.create(tmp_path / "again") as again:
        import_folder(again, out)
        assert {again.label_words(label) for label in again.objects()["label"]} == {
            hard.label_words(label) for label in chosen["label"]
        }
        first = chosen.iloc[0]
        pixels = hard.frame(int(first["image_id"]), int(first["frame"]))
        place = next(file for file in out.rglob("*.tif") if file.stem == f"{chosen.index[0]:06d}")
        image_id = next(i for i, path in again.images()["path"].items() if Path(path) == place)
        box = pixels[:, first["y0"] : first["y1"], first["x0"] : first["x1"]]
        np.testing.assert_array_equal(again.frame(image_id, 0), box)
        assert again.images()["dtype"].unique().tolist() == ["uint16"]


@pytest.mark.real_data
def test_colonies_with_holes_keep_every_pixel_through_each_format_with_masks(real_data: Path, tmp_path: Path) -> None:
    with Project.create(tmp_path / "colonies") as project:
        [image] = project.add_images([sorted((real_data / "hipsc_colonies_unlabelled" / "images").glob("6well*"))[0]])
        pixels = project.frame(image, 0)
        labels = segment_colonies(pixels[0])
        labels[ndimage.binary_erosion(labels > 0, iterations=60)] = 0  # holes such as segmentation itself would fill
        from napari_cellsynth.imaging.crop import boxes_of

        project.set_objects(image, 0, boxes_of(labels), labels)
        before = content(project)
        files = [export(project, tmp_path / name) for name in ("a.geojson", "a.json")]
        files.append(export(project, tmp_path / "a.ome.zarr", "ome-zarr"))
        for number, file in enumerate(files):
            with Project.create(tmp_path / f"again{number}") as again:
                import_folder(again, file)
                assert content(again) == before


FOREIGN = {
    "qupath": {
        "type": "Feature",
        "id": "PathAnnotationObject",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[2.6, 3.2], [20.1, 3.2], [20.1, 18.9], [2.6, 18.9]]],
        },
        "properties": {
            "classification": {"name": "Tumor", "colorRGB": -3670016},
            "isLocked": False,
            "measurements": [],
        },
    },
    "point": {"type": "Feature", "geometry": {"type": "Point", "coordinates": [4, 5]}, "properties": {}},
}


def test_a_geojson_of_qupath_itself_finds_its_image_by_name(tmp_path: Path, hard: Project) -> None:
    file = tmp_path / "still.geojson"
    file.write_text(json.dumps([FOREIGN["qupath"], FOREIGN["point"]]))  # a list, as older versions write it
    report = import_folder(hard, file)
    assert (report.images, report.objects, report.classes) == (0, 1, ("Tumor",))
    assert report.notices == ["1 feature was left out: no area within the image."]
    row = hard.objects(image_id=2).iloc[-1]
    assert row[["y0", "x0", "y1", "x1", "area"]].tolist() == [3, 3, 19, 20, 16 * 17]


def coco_text(image: dict | None = None, categories: list | None = None, **annotation: object) -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "data/still.tif", **(image or {})}],
            "categories": categories or [{"id": 1, "name": "A"}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [5, 1, 4, 4], **annotation}],
        }
    )


def geojson_text(classification: object) -> str:
    return json.dumps([FOREIGN["qupath"] | {"properties": {"classification": classification}}])


BAD = {
    "no json": ("still.geojson", "{", "no JSON"),
    "no features": ("still.geojson", "{}", "no GeoJSON"),
    "no image": ("other.geojson", "[]", "image of .* not known"),
    "no geometry": ("still.geojson", '[{"type": "Feature"}]', "feature 1: it has no geometry"),
    "words": (
        "still.geojson",
        '[{"geometry": {"type": "Polygon", "coordinates": [[["a", 1], [2, 3], [4, 5]]]}}]',
        "feature 1: its coordinates",
    ),
    "infinite": (
        "still.geojson",
        '[{"geometry": {"type": "Polygon", "coordinates": [[[1e999, 1], [2, 3], [4, 5]]]}}]',
        "feature 1: its coordinates",
    ),
    "frame": (
        "still.geojson",
        '[{"geometry": {"type": "Polygon", "coordinates": [[[1, 1], [2, 3], [4, 5]]], "plane": {"t": 7}}}]',
        "feature 1: the image has frames 0 to 0, not 7",
    ),
    "no coco": ("a.json", '{"images": 1}', "no COCO"),
    "no file name": (
        "a.json",
        '{"images": [{"id": 1}], "annotations": [], "categories": []}',
        "image 1: its file_name",
    ),
    "gone": (
        "a.json",
        '{"images": [{"id": 1, "file_name": "x.tif"}], "annotations": [], "categories": []}',
        "image 1: .*x.tif does not exist",
    ),
    "runs": (
        "a.json",
        '{"images": [{"id": 1, "file_name": "data/still.tif"}], "categories": [{"id": 1, "name": "A"}], "annotations": '
        '[{"image_id": 1, "category_id": 1, "segmentation": {"counts": [1], "size": [60, 50]}}]}',
        "annotation 1: its segmentation is damaged",
    ),
    "size": (
        "a.json",
        '{"images": [{"id": 1, "file_name": "data/still.tif"}], "categories": [{"id": 1, "name": "A"}], "annotations": '
        '[{"image_id": 1, "category_id": 1, "segmentation": {"counts": [1], "size": [6000000, 50]}}]}',
        "annotation 1: its mask is",
    ),
    "box": (
        "a.json",
        '{"images": [{"id": 1, "file_name": "data/still.tif"}], "categories": [{"id": 1, "name": "A"}], "annotations": '
        '[{"image_id": 1, "category_id": 1, "bbox": [500, 1, 4, 4]}]}',
        "annotation 1: its box",
    ),
    "category": (
        "a.json",
        '{"images": [{"id": 1, "file_name": "data/still.tif"}], "categories": [], "annotations": '
        '[{"image_id": 1, "category_id": 4, "bbox": [5, 1, 4, 4]}]}',
        "annotation 1: there is no category 4",
    ),
    "another size": (
        "a.json",
        coco_text(image={"width": 100, "height": 120}),
        "image 1: still.tif has 50 x 60 pixels, not 100 x 120",
    ),
    "one id twice": (
        "a.json",
        coco_text(categories=[{"id": 1, "name": "A"}, {"id": 1, "name": "B"}]),
        "category 2: another category has the id 1 too",
    ),
    "no name": ("a.json", coco_text(categories=[{"id": 1, "name": " "}]), "category 1: it has no name"),
    "no number": ("a.json", coco_text(bbox=(1, 1, math.nan, 4)), "annotation 1: its box"),
    "giant": ("a.json", coco_text(bbox=(-1e18, 1, 2e18, 4)), "annotation 1: its box .* larger than its 50 x 60 image"),
    "giant outline": (
        "still.geojson",
        '[{"geometry": {"type": "Polygon", "coordinates": [[[-1e18, 1], [1e18, 3], [4, 1e18]]]}}]',
        "feature 1: its outline is larger than its 50 x 60 image",
    ),
    "giant polygon": (
        "a.json",
        coco_text(segmentation=[[0, 0, 1e18, 0, 1e18, 1e18, 0, 1e18]]),
        "annotation 1: its outline is larger than its 50 x 60 image",
    ),
    "number as name": ("still.geojson", geojson_text({"name": 3}), "feature 1: the name of its classification"),
    "list as name": ("still.geojson", geojson_text({"name": ["A"]}), "feature 1: the name of its classification"),
    "numbers as names": ("still.geojson", geojson_text({"names": [1]}), "feature 1: the name of its classification"),
    "word as classification": ("still.geojson", geojson_text("A"), "feature 1: its classification has no name"),
    "no parquet": ("a.parquet", "PAR1", "cannot be read as Parquet"),
    "ending": ("a.txt", "x", "no kind that can be imported"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_wrong_is_one_line_and_imports_nothing(kind: str, tmp_path: Path, hard: Project) -> None:
    name, words, told = BAD[kind]
    (tmp_path / name).write_text(words)
    before = content(hard), len(hard.classes())
    with warnings.catch_warnings(), pytest.raises(UserError, match=told) as caught:
        warnings.simplefilter("error")
        import_folder(hard, tmp_path / name)
    assert "\n" not in str(caught.value)
    assert (content(hard), len(hard.classes())) == before


def test_a_foreign_coco_gives_boxes_polygons_and_compressed_masks(tmp_path: Path, hard: Project) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    mask = np.zeros((60, 50), np.uint8, order="F")
    mask[30:50, 4:9] = 1
    packed = coco.encode(mask)
    annotations = [
        {"id": 1, "image_id": 7, "category_id": 3, "bbox": [30.4, 40.2, 5.1, 6], "segmentation": []},
        {"id": 2, "image_id": 7, "category_id": 3, "segmentation": [[4, 4, 20, 4, 20, 20, 4, 20]]},
        {
            "id": 3,
            "image_id": 7,
            "category_id": 3,
            "segmentation": {"counts": packed["counts"].decode(), "size": [60, 50]},
        },
    ]
    whole = {
        "images": [{"id": 7, "file_name": "still.tif", "width": 50, "height": 60}],
        "categories": [{"id": 3, "name": "Zelle"}],
        "annotations": annotations,
    }
    (tmp_path / "data" / "ann.json").write_text(json.dumps(whole))
    assert import_folder(hard, tmp_path / "data" / "ann.json").objects == 3
    rows = hard.objects(image_id=2).iloc[-3:]
    assert rows[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == [[30, 40, 36, 47], [4, 4, 20, 20], [4, 30, 9, 50]]
    labels = hard.mask(2, 0)
    np.testing.assert_array_equal(labels == rows["mask_label"].iloc[2], mask.astype(bool))
