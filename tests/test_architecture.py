"""Imports go the way that docs/architecture.md draws, and no room knows what its line in the table there rules out."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ARROWS = set(re.findall(r"^ +(\w+) --> (\w+)$", PAGE, re.MULTILINE))
DRAWN = {room for arrow in ARROWS for room in arrow}
ENTRANCES = {"__main__", "worker"}
"""Where a process begins."""


@cache
def imports(file: Path) -> list[str]:
    """The absolute names of what a file imports, also inside functions and for type checkers."""
    return list(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def files(folder: str) -> list[Path]:
    return [file for pattern in ("*.py", "*.pyi") for file in sorted((ROOT / folder).rglob(pattern))]


def room_of(name: str) -> str:
    """The room of a module `geomsym.ROOM…`; the package itself has what belongs to no room, such as its version."""
    room = name.split(".")[1]
    found = room == "cli" or any((ROOT / "geomsym" / place).exists() for place in (room, f"{room}.py"))
    return room if found else "geomsym"


@cache
def edges() -> dict[tuple[str, str], set[Path]]:
    """The files that import from one room into another."""
    found: dict[tuple[str, str], set[Path]] = {}
    for folder in ("geomsym", "cli"):
        for file in files(folder):
            own = "cli" if folder == "cli" else room_of(".".join(file.relative_to(ROOT).with_suffix("").parts))
            for name in imports(file):
                if name.startswith("geomsym.") and room_of(name) != own:
                    found.setdefault((own, room_of(name)), set()).add(file.relative_to(ROOT))
    return found


@cache
def below(room: str) -> set[str]:
    """The rooms that arrows lead to."""
    ends = {end for start, end in ARROWS if start == room}
    return ends.union(*map(below, ends))


def test_the_picture_has_no_circles_and_nor_has_the_code():
    for pairs in (ARROWS, edges()):
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for start, end in pairs:
            sorter.add(start, end)
        assert len(list(sorter.static_order())) > 10


def test_every_room_is_there_and_every_folder_is_drawn():
    assert {room for room in DRAWN if room_of(f"geomsym.{room}") == "geomsym"} == set()
    folders = {file.parent.name for file in files("geomsym") if file.parent.parent == ROOT / "geomsym"}
    assert folders <= DRAWN


def test_imports_point_down():
    wrong = {
        (start, end): sources
        for (start, end), sources in edges().items()
        if start in DRAWN and end in DRAWN and end not in below(start)
    }
    assert wrong == {}


def test_what_everybody_may_use_imports_nothing_of_the_picture_but_errors():
    helpers = {edge for edge in edges() if edge[0] not in DRAWN | ENTRANCES and edge[1] in DRAWN}
    assert {end for _, end in helpers} == {"errors"}


def test_no_arrow_is_without_an_import():
    assert ARROWS - set(edges()) == set()


@pytest.mark.parametrize(
    ("room", "unknown"),
    [
        ("config", ["torch", "numpy", "pandas", "omegaconf", "hydra", "typer"]),
        ("transforms", ["geomsym.config", "geomsym.data"]),
        ("kernels", ["geomsym.config", "geomsym.data", "geomsym.inference"]),
        ("geometry", ["geomsym.config", "geomsym.data", "geomsym.inference", "geomsym.scan"]),
        ("inference", ["geomsym.transforms", "geomsym.files", "geomsym.config.RunConfig"]),
        ("theory", ["geomsym.config.RunConfig", "geomsym.run", "geomsym.execute", "geomsym.verification"]),
        ("verification", ["geomsym.run", "geomsym.execute"]),
        ("scan", ["geomsym.files", "geomsym.execute", "geomsym.results"]),
        ("execute", ["geomsym.results.records", "geomsym.results.run_folder", "omegaconf"]),
        ("results", ["geomsym.run", "geomsym.inference", "geomsym.execute", "geomsym.analysis", "omegaconf"]),
        ("", ["typer", "hydra", "rich", "geomsym.cli.compose"]),
    ],
)
def test_what_a_room_does_not_know(room, unknown):
    known = {name: file for file in files(f"geomsym/{room}") for name in imports(file)}
    assert len(known) > 2
    assert [name for name in known for prefix in unknown if f"{name}.".startswith(f"{prefix}.")] == []


def test_only_results_knows_the_files_of_runs():
    names = {
        "metrics.json",
        "environment.json",
        "config.yaml",
        "curves.csv",
        "classes.csv",
        "checkpoint.pt",
        "error.txt",
    }

    def naming(sources):
        nodes = (node for file in sources for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        return {node.value for node in nodes if isinstance(node, ast.Constant) and node.value in names}

    own = files("geomsym/results")
    assert naming(own) == names
    assert naming(file for folder in ("geomsym", "cli") for file in files(folder) if file not in own) == set()


def test_only_one_module_imports_hydra():
    sources = {file.name for file in files("cli") for name in imports(file) if name.split(".")[0] == "hydra"}
    assert sources == {"compose.py"}
