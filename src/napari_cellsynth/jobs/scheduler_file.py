"""A TOML file that says where a cluster is (``[scheduler]``, or ``[slurm]``) and who may reach it (``[tls]``)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_cellsynth.errors import UserError

_Table = TypeVar("_Table", bound=BaseModel)


class SchedulerAddress(BaseModel):
    """What a ``[scheduler]`` table holds."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    address: str = Field(description="Such as tls://host:8786.")


class Certificates(BaseModel):
    """What a ``[tls]`` table holds: PEM files, their paths seen from the TOML file."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True)

    ca_file: str = Field(description="Certificate of the authority that signed all others.")
    cert_file: str = Field(description="Certificate of whoever connects.")
    key_file: str = Field(description="Its key.")


def scheduler_address(file: Path) -> str | None:
    """Return the address of a ``[scheduler]`` table; None where there is none.

    Raises
    ------
    UserError
        Naming what is wrong with the file.
    """
    told = read_tables(file)
    return checked(file, "scheduler", SchedulerAddress, told).address if "scheduler" in told else None


def security_of(file: Path) -> Any:
    """Return Dask's `Security` with the certificates of a ``[tls]`` table; None where there is none.

    With it nobody connects without a certificate of the same authority, and nothing goes over the wire in the clear.

    Raises
    ------
    UserError
        Naming what is wrong with the file, or the certificate that is not there.
    """
    from distributed.security import Security

    told = read_tables(file)
    if "tls" not in told:
        return None
    names = checked(file, "tls", Certificates, told)
    files = {name: file.expanduser().parent / getattr(names, name) for name in Certificates.model_fields}
    for name, place in files.items():
        if not place.is_file():
            raise UserError(f"{file}: tls.{name}: {place} does not exist.", "Give the path of a PEM file.")
    ca, certificate, key = (str(place.resolve()) for place in files.values())
    roles = ("client", "scheduler", "worker")
    own = {f"tls_{role}_cert": certificate for role in roles} | {f"tls_{role}_key": key for role in roles}
    return Security(tls_ca_file=ca, require_encryption=True, **own)


def read_tables(file: Path) -> dict[str, Any]:
    """Return what stands in the file.

    Raises
    ------
    UserError
        When it cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(file.expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is no TOML: {error}.", "Write a [slurm] table as docs/cluster.md shows.") from error


def checked(file: Path, name: str, kind: type[_Table], told: dict[str, Any]) -> _Table:
    """Return one table of the file as its fields; a table that is not there has none.

    Raises
    ------
    UserError
        Naming the field that is wrong.
    """
    try:
        return kind(**told.get(name, {}))
    except (ValidationError, TypeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (name,), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{file}: {where}: {first['msg']}.", f"It may have {', '.join(kind.model_fields)}.") from None
