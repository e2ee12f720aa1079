"""A run's id: the same for the same configuration, anywhere, and another for any other."""

import copy
import hashlib
import json
from dataclasses import asdict, fields, is_dataclass, replace

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from geomsym.cli.compose import compose
from geomsym.config import (
    ArchitectureConfig,
    DataConfig,
    DigitsConfig,
    GradientDescentConfig,
    RunConfig,
    SinusoidConfig,
    TransformConfig,
    XorConfig,
)
from geomsym.data import cifar10, fingerprint, mnist
from geomsym.errors import DataError, UserError
from geomsym.identity import SCHEMA_VERSION, canonical, run_id

RUNS = {
    "default": RunConfig(),
    "digits": RunConfig(data=DigitsConfig(), transform=TransformConfig("global_rotation", 0.5, 3), dtype="float64"),
    "xor": RunConfig(data=XorConfig(), architecture=ArchitectureConfig("fcn", activation="erf")),
    "mnist": RunConfig(
        data=DataConfig("mnist", image_size=14, subset_size=100, test_size=100),
        inference=GradientDescentConfig(optimizer="adam", learning_rate=1e-3, eval_every=5, checkpoint_steps=[0]),
    ),
}
ALIKE = {"mnist": "cifar10"}
"""Sources that one dataclass configures: their names alone tell their runs apart."""


@pytest.fixture(autouse=True)
def public_sets(tmp_path_factory, monkeypatch):
    """A data folder with files under the names of MNIST's and CIFAR-10's: an id asks for their bytes alone."""
    folder = tmp_path_factory.mktemp("sets")
    write_set(mnist.FILES, folder)
    write_set(cifar10.FILES, folder)
    monkeypatch.setenv("GEOMSYM_DATA", str(folder))
    return folder


def write_set(files, folder, content=b"digits"):
    for name in files.files:
        path = folder / files.subfolder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + name.encode())


def changed(value):
    """Another value of the same kind; whether it makes sense doesn't matter to a hash."""
    match value:
        case bool():
            return not value
        case None:
            return 7
        case str():
            return ALIKE.get(value, value + "x")
        case list():
            return [*value, 9]
    return value + 1


def leaves(record, path=()):
    for item in fields(record):
        value = getattr(record, item.name)
        yield from leaves(value, (*path, item.name)) if is_dataclass(value) else [(*path, item.name)]


def with_change(run, path):
    other = copy.deepcopy(run)
    owner = getattr(other, path[0]) if len(path) == 2 else other
    setattr(owner, path[-1], changed(getattr(owner, path[-1])))
    return other


ONE_CHANGE = [
    pytest.param(run, path, id=f"{name}-{'.'.join(path)}")
    for name, run in RUNS.items()
    for path in leaves(run)
    if path != ("data", "root") and not (path == ("data", "name") and run.data.name not in ALIKE)
]


@pytest.mark.parametrize(("run", "path"), ONE_CHANGE)
def test_any_changed_value_is_another_run(run, path):
    assert run_id(with_change(run, path)) != run_id(run)


def test_the_data_set_alone_makes_another_run():
    values = asdict(SinusoidConfig())
    values.pop("name")
    assert run_id(RunConfig(data=DataConfig("cifar10", **values))) != run_id(RunConfig(data=SinusoidConfig()))


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_where_a_public_data_set_lies_does_not_matter(run, tmp_path):
    write_set(mnist.FILES, tmp_path)
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz").write_bytes(b"left by the download")
    assert run_id(replace(run, data=replace(run.data, root=str(tmp_path)))) == run_id(run)


def test_another_set_under_the_names_of_mnist_is_another_run(tmp_path):
    fashion = replace(RUNS["mnist"], data=replace(RUNS["mnist"].data, root=str(tmp_path)))
    write_set(mnist.FILES, tmp_path, content=b"shirts")
    assert run_id(fashion) != run_id(RUNS["mnist"])
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=rf"mnist: looked in {tmp_path}/MNIST, which is damaged or incomplete"):
        run_id(fashion)


def test_the_id_of_the_default_run():
    """Results on disk are found by this id. Where it must change, raise SCHEMA_VERSION with it."""
    assert SCHEMA_VERSION == 3
    assert run_id(RunConfig()) == "1545a5c89684"


def test_the_schema_version_is_part_of_the_id(monkeypatch):
    before = run_id(RunConfig())
    monkeypatch.setattr("geomsym.identity.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    assert run_id(RunConfig()) != before


def test_the_id_is_a_hash_of_the_values_whatever_their_order():
    plain = {"schema_version": SCHEMA_VERSION} | dict(reversed(canonical(RUNS["digits"]).items()))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    assert run_id(RUNS["digits"]) == hashlib.sha256(text.encode()).hexdigest()[:12]


def test_the_order_of_overrides_does_not_matter():
    one = compose(["architecture=fcn", "architecture.width=9", "seed=3", "data=xor", "data.seed=1"])
    two = compose(["data.seed=1", "architecture.width=9", "data=xor", "seed=3", "architecture=fcn"])
    assert run_id(one) == run_id(two)


@pytest.mark.parametrize(
    ("whole", "point"),
    [
        (GradientDescentConfig(l2=0), GradientDescentConfig(l2=0.0)),
        (GradientDescentConfig(learning_rate=1), GradientDescentConfig(learning_rate=1.0)),
    ],
)
def test_whole_numbers_for_floats_are_the_same_run(whole, point):
    assert run_id(RunConfig(inference=whole)) == run_id(RunConfig(inference=point))


def test_a_notebook_and_the_command_line_mean_the_same_run():
    notebook = RunConfig(transform=TransformConfig("pixel_rotation", strength=1), inference=GradientDescentConfig(l2=0))
    command = compose(["transform=pixel_rotation", "transform.strength=1", "inference.l2=0"])
    assert run_id(notebook) == run_id(command)


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_the_canonical_configuration_is_plain_and_survives_yaml(run):
    plain = canonical(run)
    expected = asdict(run)
    expected["data"]["root"] = fingerprint(run.data)
    assert plain == expected
    assert yaml.safe_load(OmegaConf.to_yaml(OmegaConf.create(plain))) == plain


def arrays(path, shift=0):
    x = np.arange(4 * 4 * 4, dtype=np.float32).reshape(4, 4, 4) + shift
    y = np.array([0, 1, 0, 1])
    path.parent.mkdir(exist_ok=True)
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    return RunConfig(data=DataConfig("arrays", root=str(path)))


def test_ones_own_arrays_are_known_by_their_content(tmp_path):
    here, there = arrays(tmp_path / "a.npz"), arrays(tmp_path / "folder" / "b.npz")
    other = arrays(tmp_path / "c.npz", shift=1)
    (tmp_path / "folder" / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes())
    assert run_id(here) == run_id(there) != run_id(other)
    assert str(tmp_path) not in json.dumps(canonical(here))


def test_changed_content_under_the_same_name_is_another_run(tmp_path):
    before = run_id(arrays(tmp_path / "a.npz"))
    assert run_id(arrays(tmp_path / "a.npz", shift=1)) != before


def test_arrays_that_are_not_there_are_the_users_error(tmp_path):
    with pytest.raises(UserError, match=r"^data\.root=.*does not exist"):
        run_id(RunConfig(data=DataConfig("arrays", root=str(tmp_path / "none.npz"))))
