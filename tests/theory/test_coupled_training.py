"""Two networks side by side: what their gaps are, when they end, what a penalty does."""

import pytest
import torch

from geomsym.architectures import specs
from geomsym.errors import ConfigError
from geomsym.inference import gradient_descent
from geomsym.theory.coupled_training import coupled_config, gaussian_images, train_coupled
from geomsym.theory.invariant_groups import Penalty
from geomsym.transforms import sample_transform


def layers(name: str, **changes):
    return specs(name, 3, **({"width": 6, "depth": 2} | changes))


def element(group: str, shape=(3, 4, 4), seed=5):
    return sample_transform(group, shape, seed, dtype=torch.float64)


def test_the_penalty_of_power_two_is_weight_decay():
    """B with a penalty strength/2·|θ|² takes the steps of B with `l2` that much larger."""
    data, tau, stack = gaussian_images(), element("pixel_rotation"), layers("vec", width=4)
    by_penalty = train_coupled(stack, tau, data, coupled_config(l2=0.0, max_steps=10), 0, Penalty(2, 0.05))
    by_decay = train_coupled(stack, tau, data, coupled_config(l2=0.05, max_steps=10), 0)
    without = train_coupled(stack, tau, data, coupled_config(l2=0.0, max_steps=10), 0)
    curves = [[gap.predictions for gap in found.gaps] for found in (by_penalty, by_decay, without)]
    assert curves[0] == pytest.approx(curves[1], rel=1e-10) and curves[0] != pytest.approx(curves[2], rel=1e-3)


def test_gaps_begin_before_training_and_the_deviation_is_their_largest():
    """Adam breaks rotations step by step, from a coupling that is exact."""
    cfg = coupled_config(optimizer="adam", max_steps=20)
    found = train_coupled(layers("fcn"), element("global_rotation"), gaussian_images(), cfg, 0)
    assert len(found.gaps) == 21 and max(found.residual, found.gaps[0].largest) < 1e-13
    assert min(min(gap.predictions, gap.weights) for gap in found.gaps[1:]) > 1e-4
    assert found.deviation == max(max(gap.predictions, gap.weights) for gap in found.gaps)


def test_training_ends_where_the_gap_is_enough():
    cfg, reports = coupled_config(optimizer="adam", max_steps=20), []
    found = train_coupled(
        layers("fcn"), element("global_rotation"), gaussian_images(), cfg, 0, None, 1e-3, lambda *r: reports.append(r)
    )
    assert 1 < len(found.gaps) < 21 and found.gaps[-1].largest >= 1e-3 > found.gaps[-2].largest
    assert [done for done, _, _ in reports] == list(range(len(found.gaps) + 1)) and reports[0][1] == 21


def test_the_settings_of_the_checks_train():
    """Invariance of networks that stand still would show nothing: noise of three classes is fitted halfway."""
    curve = gradient_descent(layers("fcn", width=64), gaussian_images(), coupled_config(eval_every=100), 0).curve
    assert curve[max(curve)]["train", "mse"] < 0.5 * curve[0]["train", "mse"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 1e3}, r"^inference\.learning_rate=1000\.0: training diverged .* at a rate of 1e\+03: "),
        (
            {"learning_rate": None, "learning_rate_factor": 1e4},
            r"^inference\.learning_rate_factor=10000\.0: training diverged within 100 steps at a rate of ",
        ),
    ],
)
def test_divergence_is_told_under_the_key_that_set_the_rate(settings, message):
    with pytest.raises(ConfigError, match=message):
        train_coupled(layers("fcn"), element("global_rotation"), gaussian_images(), coupled_config(**settings), 0)
