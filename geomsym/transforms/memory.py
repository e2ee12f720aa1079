"""Checks, before it is allocated, whether a dense matrix on all coordinates of an image fits into memory."""

import os
from pathlib import Path

import torch

from geomsym.errors import ConfigError

# Float64 matrices [D, D] alive at the peak, as measured at D = 1536. An element: the Gaussian, its copy that
# becomes the Householder vectors, Q, R and the signed Q. A path: the eigenproblem and its workspace, the
# products of the logarithm, and the Taylor terms of the exponential.
ELEMENT_MATRICES = 5
PATH_MATRICES = 22
MEMINFO = Path("/proc/meminfo")


def require_dense_fits(name: str, size: int, on_path: bool, dtype: torch.dtype, device: torch.device) -> None:
    """Refuse a `size`×`size` matrix that does not fit.

    It is drawn in float64 in main memory; `device` then holds it once, in `dtype`. Raises a `ConfigError`.
    """
    count = PATH_MATRICES if on_path else ELEMENT_MATRICES
    _require(name, size, count * 8 * size**2, main_memory(), "of memory to be drawn")
    if device.type == "cuda":
        _require(name, size, dtype.itemsize * size**2, cuda_memory(device), "of GPU memory")


def _require(name: str, size: int, needed: int, available: int, where: str) -> None:
    if needed > available:
        need = f"its {size}×{size} matrix needs {needed / 1e9:,.1f} GB {where}"
        found = f"{need}, {available / 1e9:,.1f} GB are available"
        remedy = "reduce data.image_size, or use pixel_rotation"
        raise ConfigError("transform.name", name, f"{found}; {remedy}")


def main_memory() -> int:
    """Bytes of main memory that are available without swapping, or the whole memory if that is not known.

    Linux counts the page cache, which it gives back on demand, in MemAvailable only: SC_AVPHYS_PAGES would
    refuse matrices after any large file was read, and macOS does not have it.
    """
    if MEMINFO.exists():
        fields = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        return int(fields["MemAvailable"].split()[0]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def cuda_memory(device: torch.device) -> int:
    """Bytes free on a CUDA device."""
    return torch.cuda.mem_get_info(device)[0]
