"""What an installation gets: pyproject.toml lists packages by hand, because cli/ and configs/ move into geomsym."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]


def package_folders() -> dict[str, Path]:
    """Every folder with an __init__.py under the three roots, by the name under which it is imported."""
    roots = {"geomsym": ROOT / "geomsym"} | {name: ROOT / folder for name, folder in SETUPTOOLS["package-dir"].items()}
    return {
        ".".join([name, *file.parent.relative_to(root).parts]): file.parent
        for name, root in roots.items()
        for file in root.rglob("__init__.py")
    }


def test_every_package_is_listed():
    assert SETUPTOOLS["packages"] == sorted(package_folders())


def test_every_folder_with_code_is_a_package():
    folders = {file.parent for root in ("geomsym", "cli") for file in (ROOT / root).rglob("*.py")}
    assert folders <= set(package_folders().values())


@pytest.mark.parametrize("package", SETUPTOOLS["package-data"])
def test_package_data_is_there(package):
    folders = package_folders().values() if package == "*" else [package_folders()[package]]
    for pattern in SETUPTOOLS["package-data"][package]:
        assert [file for folder in folders for file in folder.glob(pattern)]


def test_every_configuration_file_is_package_data():
    listed = {
        file for pattern in SETUPTOOLS["package-data"]["geomsym.configs"] for file in (ROOT / "configs").glob(pattern)
    }
    assert listed == {file for file in (ROOT / "configs").rglob("*") if file.suffix in (".yaml", ".yml")}


def test_versions_and_licences_agree():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = PROJECT["project"]
    assert f"\nversion: {project['version']}\n" in citation and f"\nlicense: {project['license']}\n" in citation
    assert [(ROOT / name).is_file() for name in project["license-files"]] == [True]
