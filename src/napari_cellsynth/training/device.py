"""Which device a training runs on, and what that device can do."""

from __future__ import annotations

import platform
import random

import numpy as np
import torch

from napari_cellsynth.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str = "auto") -> torch.device:
    """Return the device that a user's choice means on this machine.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        ``auto`` takes the GPU where there is one: CUDA, then Apple's MPS, then the CPU.

    Raises
    ------
    UserError
        If the name is unknown or this machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if name not in available:
        raise UserError(f"There is no device called {name!r}.", f"Choose one of {', '.join(DEVICES)}.")
    if not available[name]:
        raise UserError(f"This machine has no {name.upper()} device.", "Choose auto or cpu.")
    return torch.device(name)


def describe_device(device: torch.device | None = None) -> str:
    """Return one line for the screen: ``"CPU · 2 cores"`` or ``"NVIDIA … · 12 GB free"``.

    Parameters
    ----------
    device : torch.device, optional
        The device that ``auto`` picks, if not given.
    """
    device = pick_device() if device is None else device
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return f"{torch.cuda.get_device_name(device)} · {free / 2**30:.0f} GB free"
    if device.type == "mps":
        return f"Apple GPU · {platform.machine()}"
    threads = torch.get_num_threads()
    return f"CPU · {threads} core{'' if threads == 1 else 's'}"


def ran_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that the device's memory, or the machine's, did not suffice.

    Only CUDA's allocator has an error of its own; those of the CPU, of MPS and of CUDA's libraries are told by their
    words.
    """
    words = ("can't allocate memory", "MPS backend out of memory", "STATUS_ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(each in str(error) for each in words)


def free_cached_memory(device: torch.device) -> None:
    """Hand back the memory that torch keeps for later, which lies in pieces after a failed try."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def autocast_dtype(device: torch.device) -> torch.dtype | None:
    """Return bfloat16 where the hardware itself computes in it, else None (train in float32).

    A CPU without AVX512-BF16 or AMX emulates bfloat16 and becomes slower by it; so do GPUs older than Ampere.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else None
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16
    return None


def _cpu_has_bfloat16() -> bool:
    """Return whether the CPU has bfloat16 instructions; where torch cannot say, it has not."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        found = capabilities()
        return any(bool(found.get(name, False)) for name in ("avx512_bf16", "amx_bf16"))
    probes = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(bool(probe()) for probe in probes if probe is not None)


def seed_everything(seed: int) -> None:
    """Seed the global generators of Python, NumPy and torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
