"""Your own arrays: an .npz file with x_train, y_train, x_test and y_test, named by `data.root`.

Images are [n, h, w], [n, h, w, c] or [n, c, h, w], vectors [n, p]. Bytes are scaled to [0, 1], floats are
kept (see `array_values`). Labels are integers or text: the distinct values of y_train in increasing order are the
classes 0 … K−1, named by their value, so that labels 0 … K−1 stay as they are. Text is compared in Unicode's form NFC;
bytes are read as UTF-8.
"""

import unicodedata
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geomsym.config import DataConfig
from geomsym.data.array_values import images
from geomsym.data.base import Labels, Source, SourceEntry
from geomsym.data.digests import file_digest, look
from geomsym.data.in_memory import in_memory
from geomsym.data.names import displayed
from geomsym.errors import ConfigError, DataError

KEYS = ("x_train", "y_train", "x_test", "y_test")


def open_arrays(cfg: DataConfig, path: Path) -> Source:
    """The four arrays of a file, checked; raises `DataError` naming the file and the array at fault."""
    file = _existing(cfg, path)
    arrays = stored_arrays(file)
    x_train, x_test = (images(arrays[key], f"{file}: {key}") for key in ("x_train", "x_test"))
    _check_alike(file, x_train, x_test)
    values, y_train, y_test = _labels(file, arrays)
    train, test = (in_memory(x, y, cfg.image_size) for x, y in ((x_train, y_train), (x_test, y_test)))
    return Source(train, test, tuple(displayed(str(value)) for value in values))


def arrays_fingerprint(cfg: DataConfig, path: Path) -> str:
    """SHA-256 of the file's bytes; where the file lies does not enter."""
    file = _existing(cfg, path)
    return look(("arrays", str(file.absolute())), lambda: file_digest(str(file)).hex())


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


def _check_alike(file: Path, train: NDArray, test: NDArray) -> None:
    if train.shape[1:] != test.shape[1:]:
        shapes = f"{list(train.shape[1:])} but those of x_test {list(test.shape[1:])}"
        raise DataError(f"{file}: examples of x_train are {shapes} (c, h, w); give both the same shape")
    if (train.dtype == np.uint8) != (test.dtype == np.uint8):  # one would be divided by 255, the other not
        raise DataError(f"{file}: x_train is {train.dtype} but x_test {test.dtype}; store both with one type")


def _labels(file: Path, arrays: dict[str, NDArray]) -> tuple[NDArray, Labels, Labels]:
    """The values of the classes [K], and both sets of labels as indices 0 … K−1."""
    train, test = (_label_values(file, key, arrays[key]) for key in ("y_train", "y_test"))
    if (train.dtype.kind == "U") != (test.dtype.kind == "U"):
        kinds = f"y_train are {arrays['y_train'].dtype} but those of y_test {arrays['y_test'].dtype}"
        raise DataError(f"{file}: labels of {kinds}; store both as integers, or both as text")
    values, y_train = np.unique(train, return_inverse=True)
    if len(values) < 2:
        raise DataError(f"{file}: y_train holds only the label {values[0]}; give at least two classes")
    _check_same_classes(file, set(values.tolist()), set(test.tolist()))
    return values, y_train.astype(np.int64), np.searchsorted(values, test).astype(np.int64)


def _label_values(file: Path, key: str, labels: NDArray) -> NDArray:
    """Labels as integers in native byte order, or as text in NFC."""
    if np.issubdtype(labels.dtype, np.integer):
        return labels.astype(labels.dtype.newbyteorder("="), copy=False)
    if labels.dtype.kind in "US":
        return np.array([_text(label) for label in labels.tolist()])
    reason = "labels are integers or text: use astype(int) or astype(str)"
    raise DataError(f"{file}: {key} has the type {labels.dtype}; {reason}")


def _text(label: str | bytes) -> str:
    text = label if isinstance(label, str) else label.decode("utf-8", "surrogateescape")
    return unicodedata.normalize("NFC", text)


def _check_same_classes(file: Path, train: set, test: set) -> None:
    for key, other, missing in (("y_train", "y_test", test - train), ("y_test", "y_train", train - test)):
        if missing:
            labels = ", ".join(displayed(str(label)) for label in sorted(missing)[:10])
            raise DataError(f"{file}: {key} has no example of label {labels}, which {other} has; give both all classes")


ENTRY = SourceEntry(
    "arrays",
    DataConfig,
    "your arrays, an .npz file with x_train, y_train, x_test, y_test",
    open_arrays,
    fingerprint=arrays_fingerprint,
)
