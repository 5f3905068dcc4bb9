"""The small project of the project's own tests."""

from __future__ import annotations

from tests.project.conftest import mask, new_series, project, series

__all__ = ["mask", "new_series", "project", "series"]
