"""Class-balanced, nested subsets.

A pool of labels gets one order per seed, in which classes take turns: 0, 1, …, K−1, 0, 1, … Any stretch of it
is balanced to within one example per class for as long as no class has run out. The validation part is the
beginning of the order, the training part follows: the two are disjoint, the validation part does not depend
on `subset_size`, and the training subset of size m is the beginning of that of any size m′ > m.
"""

from dataclasses import dataclass

import numpy as np

from geomsym.config import DataConfig
from geomsym.data.base import Indices, Labels, Source
from geomsym.errors import ConfigError
from geomsym.seeds import numpy_generator


@dataclass(frozen=True)
class Partition:
    """Indices into the training pool (`train`, `validation`) and the test pool (`test`)."""

    train: Indices
    validation: Indices
    test: Indices


def partition(source: Source, cfg: DataConfig) -> Partition:
    """Choose the examples that a config asks for.

    Smaller subsets are the beginnings of larger ones, and validation examples are in none of them:

    >>> from geomsym.data.base import LabelledImages
    >>> pool = LabelledImages(np.arange(12) % 3, read=lambda index: np.zeros((len(index), 1, 2, 2)))
    >>> source = Source(pool, pool, ("a", "b", "c"))
    >>> small, large = (partition(source, DataConfig("mine", subset_size=n, validation_size=3)) for n in (3, 6))
    >>> bool((large.train[:3] == small.train).all()), set(large.train) & set(large.validation)
    (True, set())
    """
    order = Order.of(source.train.labels, source.class_names, numpy_generator(cfg.seed, "data.train"))
    test_order = Order.of(source.test.labels, source.class_names, numpy_generator(cfg.seed, "data.test"))
    subset_size = None if source.whole else cfg.subset_size
    test_size = None if source.whole else cfg.test_size
    return Partition(
        train=order.taken("data.subset_size", subset_size, start=cfg.validation_size),
        validation=order.taken("data.validation_size", cfg.validation_size),
        test=test_order.taken("data.test_size", test_size),
    )


def balanced_order(labels: Labels, generator: np.random.Generator) -> Indices:
    """All indices [n], shuffled within each class, classes taking turns until each runs out.

    >>> labels = np.array([0, 0, 0, 0, 1, 1])
    >>> labels[balanced_order(labels, np.random.default_rng(0))].tolist()
    [0, 1, 0, 1, 0, 0]
    """
    shuffled = generator.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    turn = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return by_class[np.lexsort((labels[by_class], turn))]


@dataclass(frozen=True)
class Order:
    """A balanced order of a pool, and how far it stays balanced.

    The first `balanced` indices are balanced; there `scarce`, a class with `available` examples, runs out.
    """

    indices: Indices
    balanced: int
    scarce: str
    available: int

    @staticmethod
    def of(labels: Labels, class_names: tuple[str, ...], generator: np.random.Generator) -> "Order":
        """The order of a pool whose labels are indices of `class_names`."""
        counts = np.bincount(labels, minlength=len(class_names))
        scarce = int(np.argmin(counts))  # the first of the smallest classes is the first to miss its turn
        balanced = int(counts[scarce]) * len(class_names) + scarce
        return Order(balanced_order(labels, generator), balanced, class_names[scarce], int(counts[scarce]))

    def taken(self, key: str, size: int | None, start: int = 0) -> Indices:
        """The `size` indices from `start` on; `None` takes all that are left, balanced or not.

        Raises `ConfigError` where a class runs out before, or nothing is left.
        """
        if start > 0 and start >= len(self.indices):
            raise ConfigError("data.validation_size", start, f"leaves nothing of {len(self.indices)} training examples")
        if size is None:
            return self.indices[start:]
        if start + size > self.balanced:
            raise ConfigError(key, size, self._reason(key, start))
        return self.indices[start : start + size]

    def _reason(self, key: str, start: int) -> str:
        largest = max(self.balanced - start, 0)
        held_out = f" beside data.validation_size={start}" if start else ""
        all_left = "" if key == "data.validation_size" else ", or null for all that are left"
        return (
            f"class '{self.scarce}' has only {self.available} examples, and classes are equally large: "
            f"give at most {largest}{held_out}{all_left}"
        )
