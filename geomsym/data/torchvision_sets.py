"""Data sets that torchvision can download: opening them in a folder, fetching them into it.

A download goes to a temporary folder beside its target, is verified there (torchvision compares checksums,
then the files are read), and is moved into place only when it is good: an interrupted or corrupt download
leaves nothing behind.
"""

import hashlib
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from geomsym.config import DataConfig
from geomsym.data.digests import file_digest, look
from geomsym.data.torchvision_import import import_torchvision
from geomsym.errors import DataError
from geomsym.files import require_writable_folder

# What torchvision's readers raise on files that are absent, cut short or something else.
UNREADABLE = (RuntimeError, OSError, AssertionError, ValueError, TypeError, LookupError, EOFError)


@dataclass(frozen=True)
class TorchvisionSet:
    """A data set: its name here, its class in `torchvision.datasets`, the subfolder and the files it reads."""

    name: str
    class_name: str
    subfolder: str
    files: tuple[str, ...]

    def open(self, folder: Path) -> tuple[Any, Any]:
        """The training and test sets; raises `DataError` where they are missing or damaged."""
        try:
            return self._opened(folder)
        except UNREADABLE as error:
            raise self._unusable(folder) from error

    def fingerprint(self, cfg: DataConfig, folder: Path) -> str:
        """SHA-256 of the files that are read, whatever lies beside them; raises as `open` where one is missing."""
        return look((self.name, str(folder.absolute())), lambda: self._fingerprint(folder))

    def _fingerprint(self, folder: Path) -> str:
        total = hashlib.sha256()
        try:
            for name in self.files:
                total.update(file_digest(str(folder / self.subfolder / name)))
        except OSError as error:
            raise self._unusable(folder) from error
        return total.hexdigest()

    def _unusable(self, folder: Path) -> DataError:
        state = "damaged or incomplete" if (folder / self.subfolder).exists() else "not there"
        return DataError(
            f"{self.name}: looked in {folder / self.subfolder}, which is {state}. Run "
            f"`geomsym data fetch {self.name}`, or name the folder that holds {self.subfolder}/ with "
            f"data.root=FOLDER, --data-root FOLDER or the environment variable GEOMSYM_DATA"
        )

    def fetch(self, folder: Path) -> None:
        """Download the set into `folder` unless it is there and whole; raises `DataError` on failure."""
        if self._is_whole(folder):
            return
        try:
            require_writable_folder(folder)
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=folder, prefix=f".{self.name}-") as temporary:
                self._download(Path(temporary))
                self._opened(Path(temporary))
                _move(Path(temporary) / self.subfolder, folder / self.subfolder, Path(temporary) / "replaced")
        except (*UNREADABLE, HTTPException, DataError) as error:
            cause = " ".join(str(error).split())  # torchvision's messages have several lines
            raise DataError(
                f"{self.name}: the download into {folder} failed ({cause}), and nothing was kept. Check the "
                f"network and that the folder can be written, then repeat `geomsym data fetch {self.name}`; "
                f"or copy {self.subfolder}/ from elsewhere and name its folder with data.root=FOLDER"
            ) from error

    def _dataset_class(self) -> Any:
        """Torchvision's class, without the files of before 0.9 that MNIST prefers to `files` where both are there."""
        plain = getattr(import_torchvision().datasets, self.class_name)
        return type(self.class_name, (plain,), {"training_file": "", "test_file": ""})

    def _opened(self, folder: Path) -> tuple[Any, Any]:
        missing = [name for name in self.files if not (folder / self.subfolder / name).is_file()]
        if missing:
            raise FileNotFoundError(", ".join(missing))
        train, test = (self._dataset_class()(folder, train=part) for part in (True, False))
        for part in (train, test):
            if len(part.data) != len(part.targets):
                raise ValueError(f"{len(part.data)} images but {len(part.targets)} labels")
        return train, test

    def _is_whole(self, folder: Path) -> bool:
        try:
            self._opened(folder)
        except UNREADABLE:
            return False
        return True

    def _download(self, folder: Path) -> None:
        for part in (True, False):
            self._dataset_class()(folder, train=part, download=True)


def _move(source: Path, target: Path, replaced: Path) -> None:
    """Put `source` where `target` is; what was there goes to `replaced`."""
    if target.exists():
        target.rename(replaced)
    source.rename(target)
