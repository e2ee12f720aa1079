"""Axes to run configurations.

An axis is a list of points, a point a set of overrides {dotted key: value} that belong together, such as an
architecture with its width. A sweep is the product of its axes. Values are strings in the override grammar.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product

from geomsym.config import RunConfig
from geomsym.errors import ConfigError

Point = dict[str, str]
Axes = dict[str, list[Point]]

WORD = re.compile(r"(?!(?:null|true|false|nan|inf)$)[a-z][a-z0-9_-]*", re.IGNORECASE | re.ASCII)
"""Strings that the override grammar reads as themselves without quotes."""


def read_axes(axes: Mapping[str, object]) -> Axes:
    """Axes as written in an experiment: a list of values of the key that names the axis, or of mappings {key: value}.

    Raises `ConfigError` for an axis that is no list, or an empty one.
    """
    return {name: _read_axis(name, values) for name, values in axes.items()}


def _read_axis(name: str, values: object) -> list[Point]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise ConfigError(f"axes.{name}", values, f"give a list of values, as in axes.{name}=[a,b]")
    points = [value if isinstance(value, Mapping) else {name: value} for value in values]
    return [{key: literal(value) for key, value in point.items()} for point in points]


def override_axes(axes: Axes, key: str, values: Sequence[str]) -> Axes:
    """Axes in which `key` takes just these values.

    On an axis that varies `key`, each value selects the points that have it, with all that belongs to them; a value
    that no point has becomes a point of its own. From points in which `key` is a detail of something else (the width
    of an architecture) it is removed, and the values form an axis of their own.
    """
    result, placed = {}, False
    for name, points in axes.items():
        if any(_leads(key, point) for point in points):
            result[name] = [
                p for value in values for p in ([q for q in points if q.get(key) == value] or [{key: value}])
            ]
            placed = True
        else:
            result[name] = unique({k: v for k, v in point.items() if k != key} for point in points)
    return result if placed else result | {key: [{key: value} for value in values]}


def _leads(key: str, point: Point) -> bool:
    """Whether a point is about `key`: it sets that key, and nothing outside it."""
    return key in point and all(k == key or k.startswith(f"{key}.") for k in point)


def overrides(axes: Axes) -> list[list[str]]:
    """The override lists of all combinations of points, group choices («architecture=gap») before details.

    >>> axes = {"seed": [{"seed": "0"}, {"seed": "1"}]}
    >>> axes |= {"architecture": [{"architecture.width": "64", "architecture": "gap"}]}
    >>> overrides(axes)
    [['seed=0', 'architecture=gap', 'architecture.width=64'], ['seed=1', 'architecture=gap', 'architecture.width=64']]
    """
    combinations = product(*axes.values())
    merged = ({key: value for point in points for key, value in point.items()} for points in combinations)
    return [
        [f"{key}={value}" for key, value in sorted(point.items(), key=lambda item: "." in item[0])] for point in merged
    ]


def expand(axes: Axes, compose: Callable[[list[str]], RunConfig]) -> list[RunConfig]:
    """The runs of a sweep, in the order of its axes, each once; `compose` makes a run from its overrides."""
    return unique(compose(point) for point in overrides(axes))


def unique(items: Iterable) -> list:
    """The items in order, without repetitions; they need not be hashable."""
    return list({repr(item): item for item in items}.values())


def literal(value: object) -> str:
    """A value in the override grammar.

    >>> [literal(value) for value in (None, True, 0.5, "gap", "two words", [1, "a"])]
    ['null', 'true', '0.5', 'gap', "'two words'", '[1,a]']
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return value if WORD.fullmatch(value) else _quoted(value)
        case Mapping():
            return "{" + ",".join(f"{key}:{literal(item)}" for key, item in value.items()) + "}"
        case Sequence():
            return "[" + ",".join(literal(item) for item in value) + "]"
    raise ConfigError("axes", value, "give numbers, strings, booleans, null or lists of them")


def _quoted(text: str) -> str:
    """A string in single quotes; backslashes count only before a quote, and are doubled there."""
    inside = re.sub(r"(\\*)('|\Z)", lambda match: match[1] * 2 + ("\\'" if match[2] else ""), text)
    return f"'{inside}'"
