"""The reader of the gallery's patches, with a connection of its own to the project."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellsynth.project import Project
from napari_cellsynth.widgets.gallery_model import REAL, REAL_SIZE, PatchKey


class ProjectPatches:
    """Reads real crops and synthetic patches of a project, with a connection of its own.

    Parameters
    ----------
    path : Path
        The project folder.
    """

    def __init__(self, path: Path) -> None:
        self._project = Project.open(path, read_only=True)

    def read(self, keys: Sequence[Hashable]) -> list[NDArray[np.generic]]:
        """Return one (C, Y, X) array for each `PatchKey`, in raw intensities."""
        found: dict[Hashable, NDArray[np.generic]] = {}
        alike: dict[tuple[str, str], list[PatchKey]] = {}
        for key in keys:
            assert isinstance(key, PatchKey)
            alike.setdefault((key.kind, key.run), []).append(key)
        for (kind, _run), group in alike.items():
            ids = [key.id for key in group]
            patches: Iterable[NDArray[np.generic]]
            if kind == REAL:
                patches = self._project.crops(ids, size=REAL_SIZE, fit="whole")
            else:
                patches = self._project.read_synthetic(ids)
            found.update(zip(group, patches, strict=True))
        return [found[key] for key in keys]

    def close(self) -> None:
        """Close the connection."""
        self._project.close()
