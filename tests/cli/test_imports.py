"""What commands load: those that compute nothing start at once, without torch and what else takes long to import."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

HEAVY = {"torch", "torchvision", "scipy", "matplotlib", "numba", "skimage", "sklearn", "PIL", "pandas"}

COMMANDS = """
import json, sys
from typer.testing import CliRunner
from geomsym.cli.main import app

results = []
for words in json.loads(sys.argv[1]):
    before = set(sys.modules)
    result = CliRunner().invoke(app, words)
    results.append((result.exit_code, sorted(set(sys.modules) - before), result.output))
print(json.dumps(results))
"""


class Result(NamedTuple):
    """A command's exit code, the heavy libraries that it was the first to load, and its output."""

    code: int
    loaded: set[str]
    output: str


def commands(folder: Path, *lines: str) -> dict[str, Result]:
    """The results of commands, one after the other in a process of their own."""
    arguments = json.dumps([line.split() for line in lines])
    process = subprocess.run([sys.executable, "-c", COMMANDS, arguments], cwd=folder, capture_output=True, text=True)
    results = (Result(code, HEAVY & set(loaded), output) for code, loaded, output in json.loads(process.stdout))
    return dict(zip(lines, results, strict=True))


SHOWING = {
    "--help": "Symmetries of data",
    "sweep --help": "architecture: fcn, gap",
    "data list": "cifar10",
    "train --cfg": "max_steps",
    "sweep experiment=quickstart --cfg": "axes",
    "volume experiment=xor --cfg": "resolution",
    "sweep architecture=fcn,gap seed=0,1 --dry-run": "4 runs, 0 finished, 4 to do",
}
REFUSED = {
    "train --nosuch": "No such option",
    "train architectur=gap": "did you mean 'architecture'?",
    "train architecture.activation=rellu": "did you mean 'relu'?",
    "sweep data.subset_size=-1": "data.subset_size=-1: give a number of at least 1",
    "volume inference=ntk": "no trained network to measure",
    "verify kernels transform=rotation": "transform=rotation: not one of",
    "kernel --x1 a.npy --out k.npz seed=x": "seed=x: ",
    "bench kernel seeed=1": "did you mean 'seed'?",
    "data show data.imagesize=3": "did you mean 'data.image_size'?",
    "data fetch cifr10": "not one of arrays, cifar10",
    "status": "no runs there",
    "plot": "to draw there",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of all these commands, in an empty folder that they leave empty."""
    folder = tmp_path_factory.mktemp("empty")
    found = commands(folder, *SHOWING, *REFUSED)
    assert list(folder.iterdir()) == []
    return found


@pytest.mark.parametrize("line", SHOWING)
def test_what_only_shows_loads_nothing_heavy(results, line):
    assert results[line][:2] == (0, set()) and SHOWING[line] in results[line].output


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_refused_loads_nothing_heavy(results, line):
    assert results[line][:2] == (2, set()) and REFUSED[line] in results[line].output


def test_runs_are_counted_and_listed_without_torch_and_done_with_it(tmp_path):
    run = "data=sinusoid data.subset_size=40 data.test_size=40 architecture=fcn architecture.width=8"
    sweep = f"sweep {run} architecture.depth=2 inference.max_steps=5 inference.learning_rate=0.1 seed=0"
    (done,) = commands(tmp_path, f"{sweep} --workers=1 --device=cpu").values()
    assert done.code == 0 and {"torch", "pandas"} <= done.loaded  # the positive control
    status, listed = commands(tmp_path, "status --json", f"{sweep} --dry-run --json").values()
    assert status[:2] == listed[:2] == (0, set())
    assert json.loads(status.output)["outputs/sweep"]["unfitted"] == 1 and '"finished": true' in listed.output


FOLDER = """
from geomsym.config import GridConfig, RunConfig
from geomsym.results import RunFolder
f = RunFolder(Path("x"), RunConfig())"""


@pytest.mark.parametrize(
    ("code", "needed", "spared"),
    [
        ("from geomsym.config import RunConfig", set(), HEAVY | {"numpy", "omegaconf", "yaml"}),
        ("from geomsym.results import load", {"pandas"}, HEAVY - {"pandas"}),
        ("from geomsym.plotting import draw_figures", {"matplotlib"}, {"torch", "torchvision", "numba", "sklearn"}),
        ("from geomsym.results import statuses, experiments; statuses(Path('none'))", set(), HEAVY),
        (f"{FOLDER}; f.plan(); assert f.status == 'left' and not f.is_finished and f.identity", set(), HEAVY),
        (f"{FOLDER}; f.scan(GridConfig()).is_finished, f.take_over()", set(), HEAVY),
        ("from geomsym.data import load", {"torch"}, {"torchvision", "skimage", "sklearn", "PIL"}),
        ("from geomsym.cli.groups import complete; complete([], 'architecture=ga')", set(), HEAVY),
    ],
)
def test_what_an_import_loads(tmp_path, code, needed, spared):
    listing = [sys.executable, "-c", f"from pathlib import Path\n{code}\nimport sys; print(*sys.modules)"]
    found = subprocess.run(listing, capture_output=True, text=True, check=True, cwd=tmp_path)
    loaded = set(found.stdout.split())
    assert needed <= loaded and not spared & loaded
