"""Your own arrays: an .npz file with x_train, y_train, x_test and y_test, named by `data.root`.

Images are [n, h, w], [n, h, w, c] or [n, c, h, w], vectors [n, p]. Bytes are scaled to [0, 1], floats are
kept. Labels are any integers: the distinct values of y_train in increasing order are the classes 0 … K−1,
named by their value, so that labels 0 … K−1 stay as they are.
"""

import functools
import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomsym.config import DataConfig
from geomsym.data.array_layout import channels_first
from geomsym.data.base import Labels, Source, SourceEntry
from geomsym.data.in_memory import in_memory
from geomsym.errors import ConfigError, DataError

KEYS = ("x_train", "y_train", "x_test", "y_test")


def open_arrays(cfg: DataConfig, path: Path) -> Source:
    """The four arrays of a file, checked; raises `DataError` naming the file and the array at fault."""
    file = _existing(cfg, path)
    arrays = stored_arrays(file)
    x_train, x_test = (_images(file, key, arrays[key]) for key in ("x_train", "x_test"))
    _check_alike(file, x_train, x_test)
    values, y_train, y_test = _labels(file, arrays)
    train, test = (in_memory(x, y, cfg.image_size) for x, y in ((x_train, y_train), (x_test, y_test)))
    return Source(train, test, tuple(str(value) for value in values))


def arrays_fingerprint(cfg: DataConfig, path: Path) -> str:
    """SHA-256 of the file's bytes; where the file lies does not enter."""
    file = _existing(cfg, path)
    status = file.stat()
    return _sha256(file, status.st_mtime_ns, status.st_size)


@functools.lru_cache
def _sha256(file: Path, modified: int, size: int) -> str:
    """The digest of a file, computed again only when its time or size change: a sweep asks often."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def stored_arrays(file: Path) -> dict[str, NDArray]:
    """The four arrays of an .npz file, of equal lengths in pairs; pickled objects are refused."""
    try:
        with _archive(file) as archive:
            missing = [key for key in KEYS if key not in archive]
            if missing:
                held = ", ".join(archive.files) or "nothing"
                raise DataError(f"{file}: has no {', '.join(missing)} (it holds {held}); store {', '.join(KEYS)}")
            arrays = {key: _array(file, archive, key) for key in KEYS}
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: not a readable .npz file ({error}); write it with numpy.savez") from error
    _check_lengths(file, arrays)
    return arrays


def _existing(cfg: DataConfig, path: Path) -> Path:
    if path.is_file():
        return path
    state = "is a folder" if path.is_dir() else "does not exist"
    raise ConfigError("data.root", cfg.root, f"{path} {state}: give an .npz file with {', '.join(KEYS)}")


def _archive(file: Path) -> np.lib.npyio.NpzFile:
    try:
        archive = np.load(file, allow_pickle=False)
    except ValueError as error:  # neither a zip file nor an array: numpy takes it for a pickle
        raise DataError(f"{file}: not an .npz file; write it with numpy.savez") from error
    if isinstance(archive, np.ndarray):
        raise DataError(f"{file}: a single array, not an .npz file; write it with numpy.savez")
    return archive


def _array(file: Path, archive: np.lib.npyio.NpzFile, key: str) -> NDArray:
    try:
        return archive[key]
    except ValueError as error:
        reason = "holds Python objects, which are not loaded; store an array of numbers"
        raise DataError(f"{file}: {key} {reason} ({error})") from error
    except zlib.error as error:
        raise DataError(f"{file}: {key} is damaged ({error}); write the file again") from error


def _check_lengths(file: Path, arrays: dict[str, NDArray]) -> None:
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if y.ndim != 1:
            raise DataError(f"{file}: y_{part} has shape {list(y.shape)}; give one label for each example, [n]")
        if x.ndim == 0 or len(x) != len(y):
            raise DataError(f"{file}: x_{part} has shape {list(x.shape)} but y_{part} {list(y.shape)}; give n of both")
        if x.size == 0:
            raise DataError(f"{file}: x_{part} has shape {list(x.shape)} and no values; give at least one example")


def _images(file: Path, key: str, images: NDArray) -> NDArray:
    """The images [n, c, h, w], uint8, float32 or float64, all finite."""
    if images.dtype == np.float16:
        images = images.astype(np.float32)
    if images.dtype not in (np.uint8, np.float32, np.float64):
        remedy = "store bytes 0…255 as uint8, anything else as float32"
        raise DataError(f"{file}: {key} has the type {images.dtype}; {remedy}")
    _check_finite(file, key, images)
    return channels_first(images, f"{file}: {key}")


def _check_finite(file: Path, key: str, images: NDArray) -> None:
    bad = ~np.isfinite(images)
    if bad.any():
        place = np.unravel_index(np.argmax(bad), images.shape)
        where = ", ".join(str(index) for index in place)
        raise DataError(f"{file}: {key}[{where}] is {images[place]}, one of {bad.sum()} such values; remove them")


def _check_alike(file: Path, train: NDArray, test: NDArray) -> None:
    if train.shape[1:] != test.shape[1:]:
        shapes = f"{list(train.shape[1:])} but those of x_test {list(test.shape[1:])}"
        raise DataError(f"{file}: examples of x_train are {shapes} (c, h, w); give both the same shape")
    if (train.dtype == np.uint8) != (test.dtype == np.uint8):  # one would be divided by 255, the other not
        raise DataError(f"{file}: x_train is {train.dtype} but x_test {test.dtype}; store both with one type")


def _labels(file: Path, arrays: dict[str, NDArray]) -> tuple[NDArray, Labels, Labels]:
    """The values of the classes [K], and both sets of labels as indices 0 … K−1."""
    for key in ("y_train", "y_test"):
        if not np.issubdtype(arrays[key].dtype, np.integer):
            raise DataError(f"{file}: {key} has the type {arrays[key].dtype}; labels are integers: use astype(int)")
    values, y_train = np.unique(arrays["y_train"], return_inverse=True)
    if len(values) < 2:
        raise DataError(f"{file}: y_train holds only the label {values[0]}; give at least two classes")
    _check_same_classes(file, set(values.tolist()), set(arrays["y_test"].tolist()))
    return values, y_train.astype(np.int64), np.searchsorted(values, arrays["y_test"]).astype(np.int64)


def _check_same_classes(file: Path, train: set[int], test: set[int]) -> None:
    for key, other, missing in (("y_train", "y_test", test - train), ("y_test", "y_train", train - test)):
        if missing:
            labels = ", ".join(str(label) for label in sorted(missing)[:10])
            raise DataError(f"{file}: {key} has no example of label {labels}, which {other} has; give both all classes")


ENTRY = SourceEntry(
    "arrays",
    DataConfig,
    "your arrays, an .npz file with x_train, y_train, x_test, y_test",
    open_arrays,
    fingerprint=arrays_fingerprint,
)
