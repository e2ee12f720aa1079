"""Samples to draw paths and planes through, chosen by index, by class or by distance, and paths from one to the next.

Samples are rows x [n, d], images flattened; all distances are Euclidean, in the units of x. If several
candidates are equal, the first in the order of the data set is taken, so that the choice depends on the data only.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomsym.errors import ConfigError, DataError, unknown_name

IN_WORDS = {2: "two", 3: "three"}


def samples_by_index(x: Tensor, indices: Sequence[int], needed: int) -> tuple[int, ...]:
    """The given indices of samples x [n, d], after checks; a path needs two, a plane three.

    Raises `ConfigError` for another number of them, a repeated one or one out of range, `DataError` for equal samples.
    """
    if len(indices) != needed or len(set(indices)) != needed:
        raise ConfigError(
            "geometry.samples", list(indices), f"give the indices of {IN_WORDS[needed]} different samples"
        )
    check_different(x, indices)
    return tuple(indices)


def class_indices(classes: Sequence[str] | None, needed: int, class_names: Sequence[str]) -> tuple[int, ...]:
    """The indices of the classes named; by default those of the first ones, as many as needed.

    Raises `ConfigError` for a name that isn't a class, another number of names, a repeated name, or a data set with
    fewer classes than needed.
    """
    if len(class_names) < needed:
        reason = (
            f"{IN_WORDS[needed]} classes are needed, and there are {len(class_names)}: give geometry.samples, indices"
        )
        raise ConfigError("geometry.classes", None if classes is None else list(classes), reason)
    names = class_names[:needed] if classes is None else [str(name) for name in classes]
    for name in names:
        if name not in class_names:
            raise unknown_name("geometry.classes", name, class_names)
    if len(names) != needed or len(set(names)) != needed:
        raise ConfigError("geometry.classes", list(names), f"give the names of {IN_WORDS[needed]} different classes")
    return tuple(list(class_names).index(name) for name in names)


def first_of_classes(y: Tensor, classes: Sequence[int]) -> tuple[int, ...]:
    """The index of the first sample of each class, for labels y [n]; `ConfigError` where a class has none."""
    return tuple(int(_members(y, k)[0]) for k in classes)


def nearest_pair(x: Tensor, y: Tensor, classes: tuple[int, int] | None = None) -> tuple[int, int]:
    """The indices of the two nearest samples x [n, d] of two classes, in the order of the classes.

    If `classes` is None, the nearest pair of any two classes. If y [n] has the labels, the two samples are of different
    classes; if it has a network's predictions, they are on different sides of its decision boundary. O(n²d) at most.
    Raises `ConfigError` where a class has no sample, `DataError` where all of y are one class.
    """
    from sklearn.metrics import pairwise_distances_argmin_min

    pairs = list(combinations(y.unique().tolist(), 2)) if classes is None else [classes]
    if not pairs:
        raise DataError(
            f"nearest samples of two classes: all {len(y)} are labelled or predicted as class {int(y[0])}; "
            "give geometry.samples, two indices"
        )
    found = []
    for first, second in pairs:
        a, b = _members(y, first), _members(y, second)
        closest, distances = pairwise_distances_argmin_min(_array(x[a]), _array(x[b]))
        k = int(np.argmin(distances))
        found.append((float(distances[k]), int(a[k]), int(b[int(closest[k])])))
    return min(found)[1:]


def shortest_path(x: Tensor, start: int, end: int, neighbours: int) -> tuple[int, ...]:
    """The samples along the shortest path from one sample to another through a graph of nearest neighbours.

    Edges join each of the samples x [n, d] to its `neighbours` nearest ones. Their length is the Euclidean distance,
    and they can be walked in both directions. If the samples are dense enough, paths in this graph follow the manifold
    that they were drawn from (Tenenbaum, de Silva & Langford 2000). Returns indices, both ends among them. O(n²d).

    Raises `ConfigError` unless 1 <= neighbours < n, `DataError` where no path leads from the one to the other.
    """
    from scipy.sparse.csgraph import dijkstra
    from sklearn.neighbors import kneighbors_graph

    if not 1 <= neighbours < len(x):
        raise ConfigError("geometry.neighbours", neighbours, f"must be from 1 to {len(x) - 1}, for {len(x)} samples")
    graph = kneighbors_graph(_array(x), neighbours, mode="distance")
    length, previous = dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    if not np.isfinite(length[end]):
        raise DataError(
            f"geometry.neighbours={neighbours}: no path leads from sample {start} to sample {end} through neighbours; "
            "give more neighbours, or samples of one cluster"
        )
    path = [end]
    while path[-1] != start:
        path.append(int(previous[path[-1]]))
    return tuple(reversed(path))


def check_different(x: Tensor, indices: Sequence[int]) -> None:
    """Raise `ConfigError` for an index out of the range of x [n, d], `DataError` where two samples are equal."""
    for index in indices:
        if not 0 <= index < len(x):
            raise ConfigError("geometry.samples", list(indices), f"indices go from 0 to {len(x) - 1}: {index} doesn't")
    for i, j in combinations(indices, 2):
        if torch.equal(x[i], x[j]):
            raise DataError(f"geometry.samples: samples {i} and {j} are equal, and span nothing; give others")


def _members(y: Tensor, k: int) -> Tensor:
    """The indices of the samples of class k."""
    members = (y == k).nonzero().flatten()
    if not len(members):
        raise ConfigError("geometry.classes", k, f"none of {len(y)} samples is labelled or predicted as this class")
    return members


def _array(x: Tensor) -> NDArray[np.float64]:
    return x.double().numpy(force=True)
