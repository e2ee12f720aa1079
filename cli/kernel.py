"""`geomsym kernel`: infinite-width kernels of anyone's arrays."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geomsym.errors import DataError

from .options import Device, DeviceOption, Overrides, resolve_device

if TYPE_CHECKING:
    from torch import Tensor

Array = typer.Option(help="An .npy file of floating-point images (n, c, h, w) or vectors (n, p).")


def kernel(
    x1: Annotated[Path, Array],
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The .npz file to write.")],
    overrides: Overrides = None,
    x2: Annotated[Path | None, Array] = None,
    device: DeviceOption = Device.auto,
) -> None:
    """Compute the NNGP and NTK matrices of your arrays: x1 against x2, or against itself.

    Writes the keys nngp and ntk, a row for each image of x1. If it is interrupted, the same command continues. Kernels
    with values that aren't finite, or with a diagonal that isn't positive, are refused, and nothing is written.

    The network is architecture=...; dtype=float64 computes in double precision.
    """
    import shutil

    import numpy as np

    from geomsym.architectures import architecture_specs
    from geomsym.files import require_writable, write_atomically
    from geomsym.kernels import Kernels
    from geomsym.kernels.matrices import check_inputs, check_positive, check_values
    from geomsym.kernels.store import FolderStore

    from .compose import compose
    from .interrupt import Interrupted, interruptible
    from .progress import work_progress

    cfg = compose(overrides or [])
    if out.suffix != ".npz":
        raise DataError(f"--out {out}: kernels are written as .npz; give a name that ends so")
    require_writable(out)
    where = resolve_device(device)
    first, second = (None if path is None else _images(path, cfg.dtype, where) for path in (x1, x2))
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
        check_values(matrices, symmetric=second is None)
        for name, diagonal in zip(("x1", "x2"), diagonals, strict=False):
            check_positive(diagonal.to(first.dtype), f"nngp of {name}")
        nngp, ntk = matrices.nngp.cpu().numpy(), matrices.ntk.cpu().numpy()
        write_atomically(out, lambda path: np.savez(path, nngp=nngp, ntk=ntk))
    finally:
        shutil.rmtree(tiles, ignore_errors=True)
    typer.echo(f"nngp and ntk {list(nngp.shape)} in {out}")


def _images(path: Path, dtype: str, device: str) -> "Tensor":
    """The images of an .npy file; raises `DataError` for what isn't one."""
    import numpy as np
    import torch

    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read as an .npy file ({error})") from error
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 4) or array.dtype.kind != "f":
        kind = f"{array.dtype} {list(array.shape)}" if isinstance(array, np.ndarray) else "an .npz archive"
        raise DataError(f"{path}: {kind}; give floating-point images [n, c, h, w] or vectors [n, p] in an .npy file")
    images = array if array.ndim == 4 else array[:, :, None, None]
    return torch.from_numpy(images.astype(dtype)).to(device)
