"""A run's id: the same for the same run, anywhere, and another for any other."""

import copy
import hashlib
import json
from dataclasses import field, fields, is_dataclass, make_dataclass, replace

import numpy as np
import pytest
import yaml

from geomsym import config
from geomsym.cli.compose import compose
from geomsym.config import (
    ArchitectureConfig,
    DataConfig,
    DigitsConfig,
    GradientDescentConfig,
    KernelRegressionConfig,
    RunConfig,
    SinusoidConfig,
    StackConfig,
    TransformConfig,
    XorConfig,
)
from geomsym.data import cifar10, fingerprint, mnist
from geomsym.errors import DataError, UserError
from geomsym.results import LAYOUT, MEANING, canonical, described, run_id, scan_id
from geomsym.results.identity import completed

RUNS = {
    "default": RunConfig(),
    "digits": RunConfig(data=DigitsConfig(), transform=TransformConfig("global_rotation", 0.5, 3), dtype="float64"),
    "xor": RunConfig(data=XorConfig(), architecture=ArchitectureConfig("fcn", activation="erf")),
    "lap": RunConfig(architecture=ArchitectureConfig("lap"), inference=KernelRegressionConfig("nngp")),
    "stack": RunConfig(architecture=StackConfig(layers=["conv", "pool", "flatten"])),
    "mnist": RunConfig(
        data=DataConfig("mnist", image_size=14, subset_size=100, test_size=100, preprocess="zca"),
        inference=GradientDescentConfig(
            loss="cross_entropy", optimizer="adam", learning_rate=1e-3, eval_every=5, checkpoint_steps=[0]
        ),
    ),
}
IDLE = {
    "default": {"data.zca_regularization", "transform.seed", "architecture.window"},
    "digits": {"data.zca_regularization", "architecture.window"},
    "xor": {"data.zca_regularization", "transform.seed", "architecture.kernel_size", "architecture.padding",
            "architecture.window"},
    "lap": {"data.zca_regularization", "transform.seed"},
    "stack": {"data.zca_regularization", "transform.seed", "architecture.depth"},
    "mnist": {"transform.seed", "architecture.window", "inference.learning_rate_factor", "inference.ntk_samples",
              "inference.ntk_draws", "inference.ntk_outputs", "inference.momentum", "inference.targets"},
}  # fmt: skip
"""The keys that have no effect on these runs; tests/results/test_without_effect.py shows that they have none."""

OTHER = {
    "name": {"mnist": "cifar10", "identity": "pixel_rotation", "global_rotation": "pixel_rotation", "gap": "vec",
             "fcn": "gap", "lap": "vec", "nn_plus": "nn", "nngp": "ntk"},
    "image_size": {8: 16, 14: 7, None: 4},
    "channels": {3: 1},
    "kernel_size": {3: 5},
    "strength": {None: 0.5, 0.5: 0.25},
    "layers": {("conv", "pool", "flatten"): ["conv", "pool:2", "flatten"]},
}  # fmt: skip
"""Other values that are allowed, of keys whose values aren't free."""

WORDS = {
    "preprocess": config.PREPROCESSINGS,
    "activation": config.ACTIVATIONS,
    "padding": config.PADDINGS,
    "first_layer_init": config.FIRST_LAYER_INITS,
    "targets": config.TARGETS,
    "loss": config.LOSSES,
    "optimizer": config.OPTIMIZERS,
    "ntk_outputs": config.NTK_OUTPUTS,
    "dtype": config.DTYPES,
}


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


def changed(key, value):
    """Another value of a key."""
    if key in WORDS:
        return next(word for word in WORDS[key] if word != value)
    if key in OTHER:
        return OTHER[key][tuple(value) if isinstance(value, list) else value]
    match value:
        case bool():
            return not value
        case None:
            return 7
        case list():
            return [*value, 9]
        case float():
            return value / 2 or 0.5
    return 2 * value or 1


def leaves(record, path=()):
    for item in fields(record):
        value = getattr(record, item.name)
        yield from leaves(value, (*path, item.name)) if is_dataclass(value) else [(*path, item.name)]


def with_change(run, path):
    other = copy.deepcopy(run)
    owner = getattr(other, path[0]) if len(path) == 2 else other
    setattr(owner, path[-1], changed(path[-1], getattr(owner, path[-1])))
    return other


SKIPPED = {
    "default": {"data.name", "inference.optimizer"},
    "digits": {"data.name", "inference.optimizer"},
    "xor": {"data.name", "inference.optimizer"},
    "lap": {"data.name"},
    "stack": {"data.name", "inference.optimizer", "architecture.name", "architecture.depth"},
    "mnist": set(),
}
"""Keys of which another value alone would make no run."""

ONE_CHANGE = [
    pytest.param(run, path, ".".join(path) in IDLE[name], id=f"{name}-{'.'.join(path)}")
    for name, run in RUNS.items()
    for path in leaves(run)
    if ".".join(path) not in {"data.root", *SKIPPED[name]}
]


@pytest.mark.parametrize(("run", "path", "is_idle"), ONE_CHANGE)
def test_a_changed_value_is_another_run_where_it_has_an_effect(run, path, is_idle):
    other = with_change(run, path)
    assert (run_id(other) == run_id(run)) == is_idle
    assert (canonical(other) == canonical(run)) == (described(other) == described(run)) == is_idle


@pytest.mark.parametrize("name", RUNS)
def test_the_keys_without_effect_are_those_that_the_dataclasses_declare(name):
    groups = {item.name: getattr(RUNS[name], item.name) for item in fields(RunConfig)}
    declared = {f"{name}.{key}" for name, group in groups.items() if is_dataclass(group) for key in group.idle()}
    assert declared == IDLE[name]


def test_the_data_set_alone_makes_another_run():
    ids = {run_id(RunConfig(data=data)) for data in (SinusoidConfig(), DataConfig("cifar10"), DataConfig("mnist"))}
    assert len(ids) == 3


def test_of_a_family_that_is_not_known_here_every_key_has_an_effect():
    mine = [RunConfig(architecture=ArchitectureConfig("mine", window=window)) for window in (2, 4)]
    assert run_id(mine[0]) != run_id(mine[1])


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


def test_the_meaning_is_part_of_the_ids_and_the_layout_is_not(monkeypatch):
    def ids():
        return run_id(RunConfig()), scan_id(config.GridConfig())

    before = ids()
    monkeypatch.setattr("geomsym.results.identity.LAYOUT", LAYOUT + 1)
    assert ids() == before
    monkeypatch.setattr("geomsym.results.identity.MEANING", MEANING + 1)
    assert not {*ids()} & {*before}


def test_an_id_is_a_hash_of_the_names_and_of_the_values_that_are_not_the_defaults():
    record = {
        "architecture": {"name": "gap"},
        "data": {"name": "digits"},
        "dtype": "float64",
        "inference": {"name": "nn_plus"},
        "meaning": MEANING,
        "transform": {"name": "global_rotation", "seed": 3, "strength": 0.5},
    }
    text = json.dumps(record, separators=(",", ":"))
    assert run_id(RUNS["digits"]) == hashlib.sha256(text.encode()).hexdigest()[:12]


def later(kind):
    """A dataclass with two keys more."""
    keys = [("dropout", float, 0.0), ("schedule", list[int], field(default_factory=lambda: [1, 2]))]
    return make_dataclass(f"Later{kind.__name__}", keys, bases=(kind,))


@pytest.mark.parametrize("group", ["data", "transform", "architecture", "inference", ""])
def test_a_new_key_with_a_default_changes_no_id(group):
    for run in RUNS.values():
        owner = getattr(run, group) if group else run
        grown = later(type(owner))(**{item.name: getattr(owner, item.name) for item in fields(owner)})
        runs = [replace(run, **{group: new}) if group else new for new in (grown, replace(grown, dropout=0.5))]
        assert run_id(runs[0]) == run_id(run) != run_id(runs[1])
        assert described(runs[0]) != described(run)


def test_a_new_key_of_a_scan_changes_no_id():
    scan = config.GridConfig(resolution=5)
    grown = later(config.GridConfig)(resolution=5)
    assert scan_id(grown) == scan_id(scan) != scan_id(replace(grown, schedule=[1]))


def test_every_setting_is_another_scan():
    grid = config.GridConfig(resolution=5)
    others = [config.GridConfig(), replace(grid, layer="1"), replace(grid, normalization="none"), config.PathConfig()]
    assert scan_id(grid) == scan_id(config.GridConfig(resolution=5, bounds=[-1.5, 1.5]))
    assert len({scan_id(cfg) for cfg in [grid, *others]}) == 5


def test_whole_numbers_of_bounds_are_the_same_scan():
    assert scan_id(config.GridConfig(bounds=[-1, 1])) == scan_id(config.GridConfig(bounds=[-1.0, 1.0]))


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


@pytest.mark.parametrize("name", RUNS)
def test_the_description_has_every_value_with_an_effect_is_plain_and_survives_yaml(name):
    run, plain = RUNS[name], described(RUNS[name])
    keys = {".".join(path) for path in leaves(run)} - IDLE[name] - {"data.root"}
    found = {f"{group}.{key}" for group, values in plain.items() if isinstance(values, dict) for key in values}
    assert found | {"seed", "dtype"} == keys | ({"data.fingerprint"} if name == "mnist" else set())
    assert plain["data"].get("fingerprint") == fingerprint(run.data)
    assert yaml.safe_load(yaml.safe_dump(plain)) == plain


@pytest.mark.parametrize("name", RUNS)
def test_a_description_from_before_some_keys_were_there_is_completed(name):
    plain = described(RUNS[name])
    assert completed(plain) == plain
    before = {group: values if not isinstance(values, dict) else dict(values) for group, values in plain.items()}
    del before["data"]["seed"], before["dtype"]
    assert completed(before) == described(replace(RUNS[name], dtype="float32"))


@pytest.mark.parametrize("damage", [{"data": {"name": "gone"}}, {"data": 3}, {"inference": {"name": "nn", "x": 1}}])
def test_what_describes_no_run_of_this_version_stays_as_it_is(damage):
    plain = described(RunConfig()) | damage
    assert completed(plain) is plain


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
    assert str(tmp_path) not in json.dumps(described(here))
    assert canonical(here).data.root == str(tmp_path / "a.npz")  # it is to be read from there


def test_changed_content_under_the_same_name_is_another_run(tmp_path):
    before = run_id(arrays(tmp_path / "a.npz"))
    assert run_id(arrays(tmp_path / "a.npz", shift=1)) != before


def test_arrays_that_are_not_there_are_the_users_error(tmp_path):
    with pytest.raises(UserError, match=r"^data\.root=.*does not exist"):
        run_id(RunConfig(data=DataConfig("arrays", root=str(tmp_path / "none.npz"))))
