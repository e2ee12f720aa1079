"""The examples in docstrings: they run, and the public functions have one.

Not by pytest's --doctest-modules: with --import-mode=importlib it puts the module geomsym.geometry.metric where the
package has the function of that name, for all tests that follow.
"""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import geomsym
from geomsym.architectures import build, specs
from geomsym.config import RunConfig
from geomsym.geometry import feature_map, kernel_metric, log_volume, metric, scalar_curvature
from geomsym.kernels import kernel_matrices
from geomsym.results import load
from geomsym.run import run
from geomsym.theory import discover
from geomsym.transforms import sample_path, sample_transform

LIBRARY = Path(geomsym.__file__).parent
FILES = [file for file in sorted(LIBRARY.rglob("*.py")) if ">>> " in file.read_text(encoding="utf-8")]
PUBLIC = [RunConfig, build, discover, feature_map, kernel_matrices, kernel_metric, load, log_volume, metric, run,
          sample_path, sample_transform, scalar_curvature, specs]  # fmt: skip


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", [module_of(file) for file in FILES])
def test_examples_give_what_they_say(name):
    failed, attempted = doctest.testmod(import_module(name))
    assert attempted and not failed  # above: what was expected and what came


@pytest.mark.parametrize("public", PUBLIC)
def test_what_a_notebook_imports_has_an_example(public):
    assert any(example.want for example in doctest.DocTestParser().get_examples(public.__doc__))
