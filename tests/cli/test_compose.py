"""The override grammar: what it means, and what its errors say."""

import pytest
import yaml

from geomsym.cli.compose import compose, compose_sweep, resolved
from geomsym.cli.groups import options
from geomsym.config import ArchitectureConfig, RunConfig, XorConfig
from geomsym.errors import UserError


def swept(*arguments, of):
    """The values of a dotted key along a sweep."""
    group, _, key = of.partition(".")
    return [getattr(getattr(run, group), key) if key else getattr(run, group) for run in compose_sweep(arguments)[1]]


def test_choices_and_keys_in_any_order():
    run = compose(["architecture.width=7", "seed=3", "architecture=lcn", "data=xor", "dtype=float64"])
    assert run == RunConfig(data=XorConfig(), architecture=ArchitectureConfig("lcn", width=7), seed=3, dtype="float64")


def test_the_last_of_two_values_counts():
    assert compose(["seed=1", "architecture=gap", "seed=2", "architecture=vec"]) == compose(
        ["architecture=vec", "seed=2"]
    )


def test_values_have_their_types():
    run = compose(
        ["inference.l2=1", "data.flip=true", "data.subset_size=null", "data.root='a b,c'", "transform.seed=0"]
    )
    assert type(run.inference.l2) is float and run.data.flip is True and run.data.subset_size is None
    assert run.data.root == "a b,c" and run.transform.seed == 0


def test_an_interpolation_takes_another_value():
    assert compose(["seed=4", "data.seed=${seed}"]).data.seed == 4


def test_an_experiment_brings_its_values_and_null_none():
    assert compose(["experiment=quickstart"]).architecture.depth == 4
    assert compose(["experiment=quickstart", "architecture.depth=3"]).architecture.depth == 3
    assert compose(["experiment=null"]) == RunConfig()


def test_lists_and_ranges_are_sweeps():
    assert swept("seed=2,0", of="seed") == swept("seed=choice(2,0)", of="seed") == [2, 0]
    assert swept("seed=range(1,7,3)", of="seed") == [1, 4]
    assert swept("seed=sort(3,1,2)", of="seed") == [1, 2, 3]
    assert swept("inference.l2=1e-7,0.5", of="inference.l2") == [1e-7, 0.5]
    assert swept("inference.checkpoint_steps=[1,2],[]", of="inference.checkpoint_steps") == [[1, 2], []]
    assert swept("data.root='a,b',c", of="data.root") == ["a,b", "c"]
    assert swept("data.flip=true,false", of="data.flip") == [True, False]


def test_a_glob_selects_options_and_no_schemas():
    assert swept("data=glob(*)", of="data.name") == list(options("data"))
    assert swept("transform=glob(*_rotation)", of="transform.name") == [
        name for name in options("transform") if name.endswith("_rotation")
    ]
    assert "gap" not in swept("architecture=glob(*,exclude=g*)", of="architecture.name")
    assert swept("data=glob([xor,dig*])", of="data.name") == ["digits", "xor"]


def test_the_last_override_varies_fastest_and_no_run_comes_twice():
    runs = compose_sweep(["architecture=gap,vec", "seed=0,1,0"])[1]
    assert [(run.architecture.name, run.seed) for run in runs] == [("gap", 0), ("gap", 1), ("vec", 0), ("vec", 1)]


def test_without_lists_a_sweep_is_one_run():
    assert compose_sweep(["seed=3"]) == (None, [compose(["seed=3"])])


def test_an_option_keeps_what_an_experiment_gives_to_it():
    experiment, runs = compose_sweep(["experiment=quickstart", "architecture=gap", "seed=5"])
    everything = compose_sweep(["experiment=quickstart"])[1]
    widths = {run.architecture.width for run in everything if run.architecture.name == "gap"}
    assert experiment == "quickstart" and len(runs) == 5 * 3  # transforms, algorithms
    assert {(run.architecture.name, run.architecture.width, run.seed) for run in runs} == {("gap", *widths, 5)}
    quoted = compose_sweep(["experiment=quickstart", "architecture='gap'", "seed=5"])[1]
    assert quoted == runs


def test_all_points_of_a_name_are_kept():
    assert sorted(set(swept("experiment=quickstart", "architecture=lap", of="architecture.window"))) == [2, 4]


def test_a_detail_of_an_experiment_is_replaced_everywhere():
    assert set(swept("experiment=quickstart", "architecture.width=9", of="architecture.width")) == {9}


def test_an_axis_is_set_by_its_name():
    assert swept("axes.seed=[3,1]", of="seed") == [3, 1]
    pairs = "axes.pair=[{seed:1,data.seed:2},{seed:2,data.seed:1}]"
    assert swept(pairs, of="seed") == [1, 2] and swept(pairs, of="data.seed") == [2, 1]
    assert set(swept("experiment=quickstart", "axes.architecture=[vec]", of="architecture.name")) == {"vec"}


def test_the_resolved_config_of_a_run_is_the_run():
    plain = yaml.safe_load(resolved(["architecture=lcn", "data.root='it\\'s'", "inference.l2=1e-7"], sweep=False))
    assert plain["architecture"]["width"] == 16 and plain["data"]["root"] == "it's"
    assert plain["inference"]["l2"] == 1e-7 and "axes" not in plain


def test_the_resolved_config_of_a_sweep_is_its_first_run_and_its_axes():
    arguments = ["inference.l2=1e-7,0", "data.root='it\\'s',null", "axes.a=[{seed:5,data.seed:1}]"]
    plain = yaml.safe_load(resolved(arguments, sweep=True))
    assert plain["seed"] == 5 and plain["inference"]["l2"] == 1e-7 and plain["data"]["root"] == "it's"
    assert plain["axes"]["inference.l2"] == [{"inference.l2": 1e-7}, {"inference.l2": 0}]
    assert plain["axes"]["data.root"] == [{"data.root": "it's"}, {"data.root": None}]
    assert plain["axes"]["a"] == [{"seed": 5, "data.seed": 1}]


ERRORS = [
    ("architecture=gapp", r"architecture=gapp: not one of fcn, gap, lap, lcn, stack, vec.*; did you mean 'gap'\?"),
    ("architecture=null", r"architecture=null: not one of fcn"),
    ("experiment=quikstart", r"experiment=quikstart: not one of .*; did you mean 'quickstart'\?"),
    ("data.subset_siz=3", r"data\.subset_siz=3: no such key; did you mean 'data\.subset_size'\? \(data=photo_patches"),
    ("data.noise_variance=1", r"data\.noise_variance=1: no such key.*\(data=photo_patches has root, .*crop_size\)"),
    ("sed=3", r"sed=3: no such key; did you mean 'seed'\? \(there are data, transform, .*seed, dtype\)"),
    ("seed.x=1", r"seed\.x=1: no such key; did you mean 'seed'\?"),
    ("hydra.verbose=true", r"hydra\.verbose=true: no such key"),
    ("axes={seed:[1]}", r"axes=\{seed:\[1\]\}: no such key"),
    ("transform.name=identity", r"transform\.name=identity: write transform=identity, which brings"),
    ("data.subset_size=abc", r"data\.subset_size=abc: Value 'abc' of type 'str' could not be converted to Integer"),
    ("seed=1.5", r"seed=1\.5: Value '1\.5' of type 'float' could not"),
    ("seed=", r"seed=: Value '' of type 'str' could not"),
    ("seed=null", r"seed=null: .*not Optional"),
    ("seed=-1", r"seed=-1: give a number of at least 0"),
    ("data.subset_size=-3", r"data\.subset_size=-3: give a number of at least 1, or null for every training example"),
    ("transform.strength=2", r"transform\.strength=2\.0: give a number in \[0, 1\]"),
    ("data.crop_size=17", r"data\.crop_size=17: give a multiple of data\.image_size=8"),
    ("dtype=float16", r"dtype=float16: not one of float32, float64"),
    ("inference.checkpoint_steps=[1,x]", r"inference\.checkpoint_steps=.*Value 'x' of type 'str'"),
    ("seed=${foo}", r"seed=\$\{foo\}: Interpolation key 'foo' not found"),
    ("seed=???", r"seed=\?\?\?: Missing mandatory value"),
    ("+seed=1", r"\+seed=1: only KEY=VALUE is understood"),
    ("~seed", r"~seed: only KEY=VALUE is understood"),
    ("architecture@x=gap", r"architecture@x=gap: only KEY=VALUE is understood"),
    ("seed=interval(0,1)", r"seed=interval\(0,1\): an interval has no grid; write range"),
    ("seed", r"seed: not of the form KEY=VALUE"),
    ("seed=[1", r"seed=\[1: not of the form KEY=VALUE"),
    ("a b=3", r"a b=3: not of the form KEY=VALUE"),
]
"""What neither a run nor a sweep understands."""

TRAIN_ERRORS = [
    ("seed=1,2", r"seed=1,2: several values are a sweep; use «geomsym sweep»"),
    ("architecture=glob(*)", r"architecture=glob\(\*\): several values are a sweep"),
    ("axes.seed=[1,2]", r"axes\.seed=\[1,2\]: several values are a sweep"),
    ("data.root=a,b", r"data\.root=a,b: several values are a sweep; use «geomsym sweep», or quote the value"),
]

SWEEP_ERRORS = [
    ("architecture=glob(zz*)", r"architecture=glob\(zz\*\): matches nothing; there are fcn, gap"),
    ("data=glob(base*)", r"data=glob\(base\*\): matches nothing; there are arrays"),
    ("seed=range(1,1)", r"seed=range\(1,1\): matches nothing"),
    ("seed=glob(*)", r"seed=glob\(\*\): glob selects options of a group \(data, transform,"),
    ("experiment=quickstart,fig2", r"experiment=quickstart,fig2: one experiment at a time"),
    ("architecture=gap,gapp", r"architecture=gapp: not one of"),
    ("seed=1,-1", r"seed=-1: give a number of at least 0"),
    ("axes.seed=3", r"axes\.seed=3: give a list of values, as in axes\.seed=\[a,b\]"),
    ("axes.seed=[]", r"axes\.seed=\[\]: give a list of values"),
    ("axes.seed=1,2", r"axes\.seed=1,2: an axis is one list of values; write axes\.seed=\[a,b\]"),
    ("axes.seed=range(0,3)", r"axes\.seed=range\(0,3\): an axis is one list of values"),
    ("axes.sed=[1]", r"sed=1: no such key; did you mean 'seed'\?"),
    ("axes.architecture=[gap,gapp]", r"architecture=gapp: not one of"),
    ("axes.x=[{seed:1},{sed:2}]", r"sed=2: no such key; did you mean 'seed'\?"),
]


@pytest.mark.parametrize(("argument", "message"), ERRORS + TRAIN_ERRORS)
def test_what_a_run_refuses(argument, message):
    with pytest.raises(UserError, match=f"^{message}"):
        compose([argument])


@pytest.mark.parametrize(("argument", "message"), ERRORS + SWEEP_ERRORS)
def test_what_a_sweep_refuses(argument, message):
    with pytest.raises(UserError, match=f"^{message}"):
        compose_sweep([argument])


def test_an_error_deep_in_a_sweep_is_found_before_anything_runs():
    with pytest.raises(UserError, match=r"^data\.crop_size=12: give a multiple of data\.image_size=8"):
        compose_sweep(["experiment=quickstart", "data.crop_size=16,24,12"])


def test_the_papers_sizes_are_those_of_its_experiment():
    runs = compose_sweep(["experiment=fig2"])[1]
    widths = {(run.architecture.name, run.architecture.window, run.architecture.width) for run in runs}
    assert widths == {
        ("fcn", 4, 1024), ("lcn", 4, 32), ("vec", 4, 128), ("lap", 4, 128), ("lap", 8, 128), ("gap", 4, 128),
    }  # fmt: skip
    assert {run.architecture.depth for run in runs} == {8}
    trained = [run.inference for run in runs if run.inference.name != "ntk"]
    assert {(cfg.name, cfg.max_steps, cfg.learning_rate_factor) for cfg in trained} == {
        ("nn", 10**6, 1.0), ("nn_plus", 10**6, 8.0),
    }  # fmt: skip
