"""The learning rate, its unit λmax by both definitions, and the warning above what is stable."""

import logging
from dataclasses import replace
from math import inf, isnan

import pytest
import torch

from geomsym.architectures import build, specs
from geomsym.architectures.layer_specs import Dense, Flatten
from geomsym.config import GradientDescentConfig
from geomsym.data import Dataset, Split
from geomsym.errors import ConfigError, UserError
from geomsym.inference import gradient_descent
from geomsym.inference.learning_rate import choose_learning_rate, initial_draws, stable_learning_rate
from geomsym.inference.output_kernel import mean_output_kernel
from geomsym.inference.tangent_kernel import largest_tangent_eigenvalue

SHAPE = (3, 4, 4)


def layers(classes: int = 3, width: int = 16, depth: int = 2):
    return specs("fcn", classes, width=width, depth=depth)


def config(**changes) -> GradientDescentConfig:
    return GradientDescentConfig(**({"batch_size": 10, "max_steps": 300, "eval_every": 20} | changes))


def dataset(classes: int, count: int = 40, dtype=torch.float32) -> Dataset:
    """A random mean a class, plus noise: separable."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(classes, *SHAPE, generator=generator, dtype=torch.float64)
    y = torch.arange(count) % classes
    x = means[y] + 0.3 * torch.randn(count, *SHAPE, generator=generator, dtype=torch.float64)
    split, none = Split(x.to(dtype), y), Split(x[:0].to(dtype), y[:0])
    return Dataset(split, none, split, tuple(map(str, range(classes))))


def warnings_of(caplog, specs, data, cfg, seed=0) -> list[logging.LogRecord]:
    caplog.clear()
    gradient_descent(specs, data, cfg, seed)
    return [record for record in caplog.records if record.name.startswith("geomsym")]


# --- λmax ---


@pytest.mark.parametrize("outputs", ["mean", "all"])
def test_the_rate_is_the_factor_times_two_over_the_largest_eigenvalue_of_the_first_samples_kernel(outputs):
    x = dataset(3, dtype=torch.float64).train.x
    cfg = config(learning_rate_factor=3.0, ntk_samples=12, ntk_draws=2, ntk_outputs=outputs)
    lambda_max, rate = choose_learning_rate(layers(), x, cfg, seed=5)
    draws = list(initial_draws(layers(), x, 5, 2))
    mean = sum(mean_output_kernel(model, x[:12]) for model in draws) / 2
    expected = float(torch.linalg.eigvalsh(mean)[-1]) / 12
    if outputs == "all":
        expected = largest_tangent_eigenvalue(draws, x[:12])
    assert lambda_max == pytest.approx(expected, rel=1e-12)
    assert rate == pytest.approx(6 / lambda_max, rel=1e-14)


@pytest.mark.parametrize("draws", [1, 3])
def test_with_one_output_both_definitions_agree(draws):
    x = dataset(2, dtype=torch.float64).train.x
    of = {
        outputs: choose_learning_rate(layers(1), x, config(ntk_draws=draws, ntk_outputs=outputs), 0)[0]
        for outputs in ("mean", "all")
    }
    assert of["mean"] == pytest.approx(of["all"], rel=1e-2)


def test_the_kernel_of_all_outputs_has_the_larger_eigenvalue_at_finite_width():
    """A block on the diagonal has no larger one, and the mean of blocks none larger than the largest of them."""
    x = dataset(10).train.x
    for seed in range(5):
        mean, both = (
            choose_learning_rate(layers(10, width=8), x, config(ntk_draws=1, ntk_outputs=outputs), seed)[0]
            for outputs in ("mean", "all")
        )
        assert both > 1.02 * mean


def test_the_first_draw_is_the_runs_own_network_and_the_others_are_independent():
    x = dataset(3).train.x
    first, second, third = initial_draws(layers(), x, 7, 3)
    again = list(initial_draws(layers(), x, 7, 3))
    assert all(map(torch.equal, first.parameters(), build(layers(), SHAPE, 7).parameters()))
    weights = torch.stack([model[1].weight.flatten() for model in (first, second, third)])
    assert torch.corrcoef(weights).triu(1).abs().max() < 0.15
    assert all(torch.equal(a[1].weight, b[1].weight) for a, b in zip((first, second, third), again, strict=True))
    other = list(initial_draws(layers(), x, 8, 2))[1]
    assert not torch.equal(second[1].weight, other[1].weight)


def test_lambda_max_repeats_bit_by_bit_and_differs_little_between_precisions():
    double = dataset(3, dtype=torch.float64).train.x
    found, again = (choose_learning_rate(layers(), double, config(), 3)[0] for _ in range(2))
    assert found == again != choose_learning_rate(layers(), double, config(), 4)[0]
    assert choose_learning_rate(layers(), double.float(), config(), 3)[0] == pytest.approx(found, rel=1e-5)


def test_a_learning_rate_that_is_given_is_taken():
    lambda_max, rate = choose_learning_rate(layers(), dataset(3).train.x, config(learning_rate=0.125), 0)
    assert isnan(lambda_max) and rate == 0.125


@pytest.mark.parametrize("outputs", ["mean", "all"])
def test_a_network_that_nothing_affects_has_no_learning_rate(outputs):
    linear = (Flatten(), Dense(2, 2.0, 0.0))
    with pytest.raises(ConfigError, match=r"inference\.learning_rate=null: .*λmax = 0"):
        choose_learning_rate(linear, torch.zeros(5, *SHAPE), config(ntk_outputs=outputs), 0)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("outputs", ["mean", "all"])
def test_a_kernel_that_is_not_finite_is_refused_with_a_remedy(outputs, bad):
    x = torch.full((5, *SHAPE), bad)
    with pytest.raises(UserError, match=r"tangent kernel at initialisation: .*aren't finite; scale the images"):
        choose_learning_rate(layers(), x, config(ntk_outputs=outputs), 0)


# --- What is stable ---


@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("classes", [2, 10])
def test_the_stable_rate_of_a_linear_model_is_in_closed_form(classes, momentum, decay):
    """The Hessian is (σ_w²/m·XᵀX/N + …)/K + λ, and heavy-ball descent is stable for η·h < 2(1 + m)."""
    x = dataset(classes, dtype=torch.float64).train.x
    X = x.flatten(1)
    curvature = float(torch.linalg.eigvalsh(2 / 48 * X @ X.mT + 0.3)[-1]) / len(x) / classes + decay
    model = build((Flatten(), Dense(classes, 2.0, 0.3)), SHAPE, 0, torch.float64)
    found = stable_learning_rate(model, x, config(momentum=momentum, l2=decay))
    assert found == pytest.approx(2 * (1 + momentum) / curvature, rel=0.01)


@pytest.mark.parametrize("changes", [{"loss": "cross_entropy"}, {"optimizer": "adam", "learning_rate": 1e3}])
def test_where_no_limit_is_known_there_is_none_and_no_warning(changes, caplog):
    data, cfg = dataset(2), config(max_steps=20, **{"learning_rate_factor": 100.0, **changes})
    assert stable_learning_rate(build(layers(2), SHAPE), data.train.x, cfg) == inf
    assert warnings_of(caplog, layers(2), data, cfg) == []


LINEAR = (Flatten(), Dense(2, 2.0, 0.3))


@pytest.mark.parametrize("network", [LINEAR, layers(2, width=256)])
def test_two_classes_with_nn_plus_are_warned_of_and_diverge_and_the_factor_that_is_given_trains(network, caplog):
    """NN+ has 8, and K·(1 + m) = 3.8. Above it a linear model must diverge; a network may recover, but this doesn't."""
    data, whole = dataset(2), config(batch_size=40, stop_when_fitted=False)
    (record,) = warnings_of(caplog, network, data, whole)
    text = record.getMessage()
    assert text.startswith("inference.learning_rate_factor=8: above ") and "K·(1 + m) = 3.8" in text
    limit, proposed = float(text.split()[2].rstrip(",")), float(text.split()[-1])
    assert proposed == pytest.approx(limit / 2, rel=0.05)
    assert gradient_descent(network, data, whole, 0).status == "diverged"
    safe = replace(whole, learning_rate_factor=proposed)
    assert warnings_of(caplog, network, data, safe) == []
    assert gradient_descent(network, data, safe, 0).status == "ok"


def test_a_rate_that_is_given_is_held_against_the_same_limit(caplog):
    data, net = dataset(2), build(layers(2), SHAPE)
    limit = stable_learning_rate(net, data.train.x, config())
    assert warnings_of(caplog, layers(2), data, config(learning_rate=0.9 * limit, max_steps=2)) == []
    (record,) = warnings_of(caplog, layers(2), data, config(learning_rate=1.1 * limit, max_steps=2))
    text = record.getMessage()
    assert text.startswith("inference.learning_rate=") and "K·(1 + m)" not in text
    assert float(text.split()[-1]) == pytest.approx(limit / 2, rel=0.05)


def test_ten_classes_with_nn_plus_are_stable_without_a_warning(caplog):
    data = dataset(10, count=60)
    assert warnings_of(caplog, layers(10, width=256), data, config(max_steps=20)) == []


def test_runs_of_one_setting_share_the_key_by_which_warnings_are_told_apart(caplog):
    data = dataset(2)
    settings = [
        warnings_of(caplog, layers(2, width), data, config(max_steps=1, learning_rate_factor=factor), seed)[0].setting
        for width, seed, factor in ((16, 0, 8.0), (32, 1, 8.0), (16, 0, 9.0))
    ]
    assert settings[0] == settings[1] != settings[2]
