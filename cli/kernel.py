"""`geomsym kernel`: infinite-width kernels of anyone's arrays."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zipfile import BadZipFile

import typer

from geomsym.config import RunConfig
from geomsym.errors import DataError

from . import paths
from .options import Device, DeviceOption, Overrides, resolve_device

if TYPE_CHECKING:
    from torch import Tensor

    from geomsym.kernels.matrices import KernelMatrices

ARRAY = "An .npy file of images (n, c, h, w), (n, h, w, c) or (n, h, w), or vectors (n, p)."


def kernel(
    x1: Annotated[Path, typer.Option(parser=paths.file("--x1"), metavar="FILE", help=ARRAY)],
    out: Annotated[
        Path, typer.Option("--out", parser=paths.file("--out"), metavar="FILE", help="The .npz file to write.")
    ],
    overrides: Overrides = None,
    x2: Annotated[Path | None, typer.Option(parser=paths.file("--x2"), metavar="FILE", help=ARRAY)] = None,
    device: DeviceOption = Device.auto,
) -> None:
    """Compute the NNGP and NTK matrices of your arrays: x1 against x2, or against itself.

    Writes the keys nngp and ntk, a row for each image of x1. If it is interrupted, the same command continues. Kernels
    with values that aren't finite, or with a diagonal that isn't positive, are refused, and nothing is written.

    Arrays are read as those of data=arrays: bytes are scaled to [0, 1], floats are kept.

    The network is architecture=...; dtype=float64 computes in double precision.
    """
    from geomsym.files import require_writable

    from .compose import compose

    cfg = compose(overrides or [])
    if out.suffix != ".npz":
        raise DataError(f"--out {out}: kernels are written as .npz; give a name that ends so")
    require_writable(out)
    _compute(cfg, x1, x2, out, resolve_device(device))


def _compute(cfg: RunConfig, x1: Path, x2: Path | None, out: Path, device: str) -> None:
    """Compute the matrices tile by tile, and write them."""
    import shutil

    import numpy as np

    from geomsym.architectures import architecture_specs
    from geomsym.files import write_atomically
    from geomsym.kernels import Kernels
    from geomsym.kernels.matrices import check_inputs
    from geomsym.kernels.store import FolderStore

    from .interrupt import Interrupted, interruptible
    from .progress import work_progress

    first, second = (
        None if path is None else _images(path, name, cfg.dtype, device) for path, name in ((x1, "x1"), (x2, "x2"))
    )
    assert first is not None
    specs = architecture_specs(cfg.architecture, outputs=1)
    check_inputs(specs, first, second)
    tiles = out.with_name(f"{out.name}.tiles")  # what an interrupted command has done
    kernels = Kernels(store=FolderStore(tiles))
    try:
        with interruptible(), work_progress("kernel") as report:
            matrices = kernels.matrices(specs, first, second, lambda done, total: report(done, total, "pairs"))
            diagonals = [] if second is None else [kernels.diagonal(specs, images) for images in (first, second)]
    except Interrupted as interrupt:
        typer.echo(f"Interrupted; what is done is in {tiles}. The same command continues.", err=True)
        raise typer.Exit(interrupt.exit_code) from None
    matrices = matrices.to(first.dtype)
    try:
        _check(matrices, [diagonal.to(first.dtype) for diagonal in diagonals])
    except DataError:
        shutil.rmtree(tiles, ignore_errors=True)
        raise
    nngp, ntk = matrices.nngp.cpu().numpy(), matrices.ntk.cpu().numpy()
    write_atomically(out, lambda path: np.savez(path, nngp=nngp, ntk=ntk))
    shutil.rmtree(tiles, ignore_errors=True)
    typer.echo(f"nngp and ntk {list(nngp.shape)} in {out}")


def _check(matrices: "KernelMatrices", diagonals: "list[Tensor]") -> None:
    """Raise `DataError` for kernels that aren't; without `diagonals` they are of one set of images with itself."""
    from geomsym.kernels.matrices import check_positive, check_values

    check_values(matrices, symmetric=not diagonals)
    for name, diagonal in zip(("x1", "x2"), diagonals, strict=False):
        check_positive(diagonal, f"nngp of {name}")


def _images(path: Path, name: str, dtype: str, device: str) -> "Tensor":
    """The images of an .npy file, read as data=arrays reads them; raises `DataError` for what isn't one."""
    import numpy as np
    import torch

    from geomsym.data.array_layout import described
    from geomsym.data.array_values import images
    from geomsym.data.in_memory import as_float
    from geomsym.data.magnitude import check_magnitude

    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, BadZipFile) as error:
        raise DataError(f"{path}: not a readable .npy file ({error}); write it with numpy.save") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: an .npz archive; give one array in an .npy file")
    read = images(array, f"{path}: {name}")
    typer.echo(described(read, name, array.shape), err=True)
    x = torch.from_numpy(np.ascontiguousarray(as_float(read)))
    check_magnitude(x, getattr(torch, dtype), f"{path}: image")
    return x.to(device, getattr(torch, dtype))
