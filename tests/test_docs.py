"""The documents name what is there: links, options, columns, files and functions."""

import re
from pathlib import Path

import pytest

from geomsym import results
from geomsym.cli.groups import GROUPS, options

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def words(page: str) -> set[str]:
    """Everything that a page has between backquotes."""
    return set(re.findall(r"`([^`\n]+)`", (ROOT / page).read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_and_functions_that_a_page_names_exist(page):
    source = "\n".join(
        file.read_text(encoding="utf-8") for room in ("geomsym", "cli") for file in (ROOT / room).rglob("*.py")
    )
    named = words(page)
    paths = {
        word for word in named if re.fullmatch(r"(cli|configs|geomsym|tests)/[\w./]*", word) and "NAME" not in word
    }
    names = {
        word
        for word in named
        if re.fullmatch(r"_?[a-z]+_\w+|[A-Z]+s?_?[A-Z]+|[A-Z][a-z]+[A-Z]\w+", word) and "NAME" not in word
    }
    assert len(paths) > 10 and len(names) > 10
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []
    known = {file.stem for group in GROUPS for file in (ROOT / "configs" / group).glob("*.yaml")}
    missing = {name for name in names if not re.search(rf"^(?:\s*(?:def|class) |\s*){name}\b", source, re.MULTILINE)}
    assert sorted(name for name in missing - known if not name.startswith("base_")) == []


def test_every_option_is_in_the_table_of_groups():
    named = words("docs/configuration.md")
    assert [f"{group}={name}" for group in GROUPS for name in options(group) if name not in named] == []


@pytest.mark.parametrize(
    "table",
    [results.RUN_COLUMNS, results.CURVE_COLUMNS, *results.SCAN_TABLES.values()],
    ids=lambda table: list(table)[-1],
)
def test_every_column_is_explained(table):
    assert [column for column in table if column not in words("docs/files.md")] == []


def test_the_first_test_line_of_the_readme_is_what_ci_runs():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.endswith("pytest"))
    assert line.strip().startswith("python3 -m venv .venv && ") and line.startswith("    ")
