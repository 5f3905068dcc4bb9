"""Workers that are jobs of SLURM, from a few lines of TOML."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs.scheduler_file import checked, read_tables, security_of


class SlurmSettings(BaseModel):
    """What a ``[slurm]`` table may hold; lengths and sizes as `sbatch` takes them."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    workers: int = Field(1, ge=1, description="Jobs of the queue, a worker each.")
    queue: str | None = Field(None, description="Partition.")
    account: str | None = Field(None, description="Account that is charged.")
    cores: int = Field(1, ge=1, description="Cores a worker.")
    memory: str = Field("8GB", description="Memory a worker.")
    walltime: str = Field("04:00:00", description="Longest time of a worker; what it was at is done again by another.")
    interface: str | None = Field(None, description="Network interface of the cluster, such as ib0.")
    directives: list[str] = Field(default_factory=list, description="More #SBATCH lines, such as --gres=gpu:1.")
    prologue: list[str] = Field(default_factory=list, description="Shell lines before the worker, such as activate.")


@contextlib.contextmanager
def on_slurm(file: Path) -> Iterator[str]:
    """Start a scheduler here and ask SLURM for the workers of a ``[slurm]`` table; yield the scheduler's address."""
    told = read_slurm(file)
    if shutil.which("sbatch") is None:
        raise UserError("This machine has no sbatch.", "Start this where jobs of SLURM are submitted.")
    cluster = slurm_cluster(file)
    try:
        cluster.scale(told.workers)
        yield str(cluster.scheduler_address)
    finally:
        cluster.close()


def slurm_cluster(file: Path) -> Any:
    """Return dask-jobqueue's cluster of a ``[slurm]`` table, no worker of which is asked for yet.

    Raises
    ------
    UserError
        When the table is wrong or dask-jobqueue is not installed.
    """
    told = read_slurm(file)
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise UserError("dask-jobqueue is not installed.", "Install the extra: napari-cellsynth[slurm].") from error
    return SLURMCluster(
        queue=told.queue,
        account=told.account,
        cores=told.cores,
        processes=1,
        memory=told.memory,
        walltime=told.walltime,
        interface=told.interface,
        job_extra_directives=told.directives,
        job_script_prologue=told.prologue,
        security=security_of(file),
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
    )


def read_slurm(file: Path) -> SlurmSettings:
    """Read a TOML file's ``[slurm]`` table.

    Raises
    ------
    UserError
        Naming what is wrong with it.
    """
    return checked(file, "slurm", SlurmSettings, read_tables(file))
