"""A cluster behind certificates: who has one works with it, who has none is told so and reaches nothing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster
from distributed.security import Security

from napari_cellsynth.errors import UserError
from napari_cellsynth.jobs import cluster, slurm
from napari_cellsynth.jobs.cluster import Spread, opened
from napari_cellsynth.jobs.scheduler_file import scheduler_address, security_of

TLS = '[tls]\nca_file = "me.pem"\ncert_file = "me.pem"\nkey_file = "me.key"\n'


def sign_oneself(folder: Path) -> Path:
    """Make a key and a certificate that is its own authority."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    folder.mkdir(exist_ok=True)
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=cellsynth"]
    command += ["-keyout", "me.key", "-out", "me.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A scheduler with a worker behind certificates, and the file that says where it is."""
    folder = sign_oneself(tmp_path_factory.mktemp("tls"))
    roles = ("client", "scheduler", "worker")
    own = {
        f"tls_{role}_{kind}": str(folder / f"me.{end}")
        for role in roles
        for kind, end in (("cert", "pem"), ("key", "key"))
    }
    security = Security(tls_ca_file=str(folder / "me.pem"), require_encryption=True, **own)
    options = {"protocol": "tls://", "security": security, "dashboard_address": "127.0.0.1:0", "silence_logs": 50}
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, host="127.0.0.1", **options) as made:
        file = folder / "cluster.toml"
        file.write_text(f'[scheduler]\naddress = "{made.scheduler_address}"\n{TLS}')
        yield file


def double(n: int, stop: Any, tell: Any) -> int:
    return 2 * n


def test_who_has_the_certificate_works_over_tls(certified: Path) -> None:
    assert str(scheduler_address(certified)).startswith("tls://")
    with opened(1, str(certified)) as client:
        spread = Spread(client)
        spread.submit("one", double, 21)
        assert [result for _, result, line in spread.results(lambda: False) if not line] == [42]


def test_who_has_none_or_another_is_one_line_and_gets_nowhere(
    certified: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "WAIT_SECONDS", 2.0)
    address = str(scheduler_address(certified))
    stranger = sign_oneself(tmp_path / "stranger") / "cluster.toml"
    stranger.write_text(f'[scheduler]\naddress = "{address}"\n{TLS}')
    for given in (address, address.replace("tls://", "tcp://"), str(stranger)):
        with pytest.raises(UserError, match="No scheduler answers") as told, opened(1, given):
            pass
        assert "\n" not in told.value.message


def test_the_workers_of_slurm_are_started_with_the_certificates(tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    file = sign_oneself(tmp_path) / "slurm.toml"
    file.write_text(f"[slurm]\ncores = 1\n{TLS}")
    made = slurm.slurm_cluster(file)
    try:
        script = made.job_script()
        assert made.scheduler_address.startswith("tls://")
    finally:
        made.close()
    assert f"--tls-ca-file {tmp_path / 'me.pem'}" in script and f"--tls-key {tmp_path / 'me.key'}" in script


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TLS, "me.pem does not exist"),
        ("[tls]\nca_file = 'a'", "cert_file: field required"),
        ("tls = 3", "tls"),
        ("[scheduler]\nhost = 'a'", "address: field required"),
        ("[scheduler", "is no TOML"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=f"(?i){words}"):
        scheduler_address(file), security_of(file)
