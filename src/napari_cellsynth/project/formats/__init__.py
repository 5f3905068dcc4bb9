"""The formats that a project is exchanged in, a file each; `exporting` and `exchange` choose among them.

Tables (CSV, Parquet, AnnData) hold boxes and labels; GeoJSON, COCO and OME-Zarr hold masks too. Everything is written
beside its place and renamed, so that nobody meets half an export.
"""
