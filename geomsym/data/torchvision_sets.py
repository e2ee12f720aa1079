"""Data sets that torchvision can download: opening them in a folder, fetching them into it.

A download goes to a temporary folder beside its target, is verified there (torchvision compares checksums,
then the files are read), and is moved into place only when it is good: an interrupted or corrupt download
leaves nothing behind.
"""

from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from geomsym.data.torchvision_import import import_torchvision
from geomsym.errors import DataError
from geomsym.files import require_writable_folder

# What torchvision's readers raise on files that are absent, cut short or something else.
UNREADABLE = (RuntimeError, OSError, AssertionError, ValueError, TypeError, LookupError, EOFError)


@dataclass(frozen=True)
class TorchvisionSet:
    """A data set: its name here, its class in `torchvision.datasets`, the subfolder that class uses."""

    name: str
    class_name: str
    subfolder: str

    def open(self, folder: Path) -> tuple[Any, Any]:
        """The training and test sets; raises `DataError` where they are missing or damaged."""
        try:
            return self._opened(folder)
        except UNREADABLE as error:
            state = "damaged or incomplete" if (folder / self.subfolder).exists() else "not there"
            raise DataError(
                f"{self.name}: looked in {folder / self.subfolder}, which is {state}. Run "
                f"`geomsym data fetch {self.name}`, or name the folder that holds {self.subfolder}/ with "
                f"data.root=FOLDER, --data-root FOLDER or the environment variable GEOMSYM_DATA"
            ) from error

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
        return getattr(import_torchvision().datasets, self.class_name)

    def _opened(self, folder: Path) -> tuple[Any, Any]:
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
