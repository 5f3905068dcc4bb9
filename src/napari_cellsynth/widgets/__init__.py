"""The docks: everything that knows of Qt and napari, and no numerics.

`session` is the open project of a viewer and its queue of jobs (`job_thread`); one file a dock (`segment`, `label`,
`train_gans`, `gallery`, `classify`, `evaluate`), laid out together by `workspace`; the others are the small views and
models that the docks are made of. Nothing in here imports torch: what needs it runs in a worker process.
"""
