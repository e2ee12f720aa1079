"""The records that the rest of the program works with: splits of tensors."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from geomsym.distinct import on_distinct


@dataclass(frozen=True)
class Split:
    """Images x [n, c, h, w] with their class indices y [n], int64, on one device."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return self.x.shape[0]


@dataclass(frozen=True)
class Dataset:
    """A data set ready for use: chosen, mirrored and preprocessed. `validation` may be empty."""

    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]

    @property
    def classes(self) -> int:
        """K, the number of classes."""
        return len(self.class_names)

    @property
    def splits(self) -> dict[str, Split]:
        """The splits that aren't empty, by name."""
        every = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: split for name, split in every.items() if len(split)}

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of one image."""
        c, h, w = self.train.x.shape[1:]
        return c, h, w

    def map(self, function: Callable[[Tensor], Tensor]) -> "Dataset":
        """The data set with a function [n, c, h, w] -> [n, …] of each image applied to the images of every split.

        Images of a split that are equal stay equal to the last bit.
        """
        train, validation, test = (
            replace(split, x=on_distinct(function, split.x)) for split in (self.train, self.validation, self.test)
        )
        return replace(self, train=train, validation=validation, test=test)
