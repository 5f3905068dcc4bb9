"""Which NVIDIA GPUs this machine has, asked without torch and without waiting: as many trainings run at once."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping

from qtpy.QtCore import QObject, QProcess, QTimer, Signal

PATIENCE_MS = 5000
"""A driver that hangs must not keep a training from starting."""

_GPU = re.compile(r"^(\s*).*\(UUID: ((?:GPU|MIG)-[0-9A-Za-z-]+)\)\s*$")


class Gpus(QObject):
    """Asks once, when somebody first wants to know.

    Attributes
    ----------
    found : list of str or None
        What ``CUDA_VISIBLE_DEVICES`` calls each of them; None while nobody knows yet. Where there is no choice between
        several it is empty.
    """

    known = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.found: list[str] | None = None
        self._process: QProcess | None = None

    def look(self) -> None:
        """Find out; `known` tells when that takes a while."""
        if self.found is not None or self._process is not None:
            return
        chosen = chosen_devices(os.environ)
        program = shutil.which("nvidia-smi")
        if chosen is not None or program is None:
            self._settle(chosen or [])
            return
        self._process = QProcess(self)
        self._process.finished.connect(lambda *_: self._on_answer())
        self._process.errorOccurred.connect(lambda _error: self._on_answer())
        self._process.start(program, ["-L"])
        QTimer.singleShot(PATIENCE_MS, self._on_answer)

    def _on_answer(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        answer = bytes(process.readAllStandardOutput().data()).decode(errors="replace")
        process.kill()
        process.deleteLater()
        self._settle(listed_devices(answer))
        self.known.emit()

    def _settle(self, found: list[str]) -> None:
        self.found = found if len(found) > 1 else []


def chosen_devices(environment: Mapping[str, str]) -> list[str] | None:
    """Return the devices that the person's own ``CUDA_VISIBLE_DEVICES`` names; None where it is not set.

    As CUDA reads it, what follows an invalid entry (``-1``) does not count.
    """
    told = environment.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return None
    found: list[str] = []
    for name in (part.strip() for part in told.split(",")):
        if not name or name.startswith("-"):
            break
        found.append(name)
    return list(dict.fromkeys(found))


def listed_devices(answer: str) -> list[str]:
    """Return the devices that ``nvidia-smi -L`` lists; in place of a GPU that is parted its parts (MIG).

    They are named by their UUIDs: the numbers of nvidia-smi and of CUDA need not be in the same order.
    """
    found: list[str] = []
    for line in answer.splitlines():
        if (told := _GPU.match(line)) is None:
            continue
        if told[2].startswith("MIG-") and found and found[-1].startswith("GPU-"):
            found.pop()
        found.append(told[2])
    return found
