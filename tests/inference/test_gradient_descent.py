"""Training: steps by hand, the learning rate's limit as a theorem, batches, and whole runs on separable data."""

from dataclasses import replace
from math import isfinite

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from geomsym.architectures import build, specs
from geomsym.architectures.layer_specs import Dense, Flatten
from geomsym.config import GradientDescentConfig
from geomsym.data import Dataset, Split
from geomsym.inference import INFERENCE, gradient_descent, result
from geomsym.inference.evaluation import evaluate
from geomsym.inference.gradient_descent import (
    batch_indices,
    count_parameters,
    descend,
    pauses,
)
from geomsym.inference.losses import objective

SHAPE, CLASSES = (3, 4, 4), 3
FCN = specs("fcn", CLASSES, width=32, depth=2)


def dataset(train=30, validation=9, test=15, classes=CLASSES, noise=0.3, dtype=torch.float32) -> Dataset:
    """A random mean a class, plus noise: separable."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(classes, *SHAPE, generator=generator, dtype=torch.float64)

    def split(count: int) -> Split:
        y = torch.arange(count) % classes
        x = means[y] + noise * torch.randn(count, *SHAPE, generator=generator, dtype=torch.float64)
        return Split(x.to(dtype), y)

    return Dataset(split(train), split(validation), split(test), tuple(map(str, range(classes))))


def unlearnable() -> Dataset:
    """Three labels on one and the same image: accuracy can't exceed a third."""
    data = dataset()
    return data.map(lambda x: torch.ones_like(x))


def config(**changes) -> GradientDescentConfig:
    """Factor 1: with three classes and momentum 0.9 the limit is 5.7."""
    small = {"batch_size": 10, "max_steps": 200, "eval_every": 20, "learning_rate_factor": 1.0}
    return GradientDescentConfig(**(small | changes))


# --- Steps ---


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_momentum_steps_are_those_by_hand(loss):
    """v ← m·v + ∇L + λθ, θ ← θ − η·v: three steps on the batches that the seed gives."""
    data, eta, m, decay = dataset(dtype=torch.float64), 0.3, 0.9, 0.05
    cfg = config(loss=loss, momentum=m, l2=decay)
    network, by_hand = (build(FCN, SHAPE, 1, torch.float64) for _ in range(2))
    batches = batch_indices(len(data.train), cfg.batch_size, 4)
    theta = list(by_hand.parameters())
    velocity = [torch.zeros_like(p) for p in theta]
    losses = []
    for _ in range(3):
        indices = next(batches)
        value = objective(loss, "centered")(by_hand(data.train.x[indices]), data.train.y[indices])
        losses.append(value.item())
        for p, v, gradient in zip(theta, velocity, torch.autograd.grad(value, theta), strict=True):
            v.mul_(m).add_(gradient + decay * p.detach())
            p.data -= eta * v
    assert list(descend(network, data.train, cfg, eta, 4, [0, 1, 3])) == [
        (0, 0.0),
        (1, pytest.approx(losses[0], rel=1e-13)),
        (3, pytest.approx((losses[1] + losses[2]) / 2, rel=1e-13)),
    ]
    for ours, theirs in zip(network.parameters(), theta, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-13)


def test_weight_decay_alone_shrinks_by_one_minus_eta_lambda():
    """Images and residuals that give no gradient leave θ ← (1 − ηλ)·θ: the penalty is λ/2·|θ|², not λ|θ|²."""
    x, y = torch.zeros(4, *SHAPE, dtype=torch.float64), torch.zeros(4, dtype=torch.int64)
    layers = (Flatten(), Dense(2, 2.0, 0.0))
    network, initial = (build(layers, SHAPE, 0, torch.float64) for _ in range(2))
    cfg = config(momentum=0.0, l2=0.25)
    list(descend(network, Split(x, y), cfg, 0.5, 0, [0, 1]))
    for now, before in zip(network.parameters(), initial.parameters(), strict=True):
        torch.testing.assert_close(now, (1 - 0.5 * 0.25) * before, rtol=0, atol=1e-15)


def test_the_first_step_of_adam_is_the_sign_of_the_gradient():
    data, eta, decay = dataset(dtype=torch.float64), 0.01, 0.05
    cfg = config(optimizer="adam", learning_rate=eta, l2=decay)
    network, by_hand = (build(FCN, SHAPE, 1, torch.float64) for _ in range(2))
    indices = next(batch_indices(len(data.train), cfg.batch_size, 4))
    value = objective("mse", "centered")(by_hand(data.train.x[indices]), data.train.y[indices])
    theta = list(by_hand.parameters())
    list(descend(network, data.train, cfg, eta, 4, [0, 1]))
    for now, p, gradient in zip(network.parameters(), theta, torch.autograd.grad(value, theta), strict=True):
        g = gradient + decay * p
        torch.testing.assert_close(now, p - eta * g / (g.abs() + 1e-8), rtol=0, atol=1e-13)


# --- Learning rate ---


def limit_case(momentum: float, factor: float):
    """A model that is linear in its parameters, ten outputs, full batches, no penalty; η = factor·2/λmax."""
    data = dataset(train=30, classes=10, dtype=torch.float64)
    cfg = config(
        batch_size=30, max_steps=300, ntk_samples=30, momentum=momentum, l2=0.0,
        learning_rate_factor=factor, stop_when_fitted=False,
    )  # fmt: skip
    return gradient_descent((Flatten(), Dense(10, 2.0, 0.3)), data, cfg, seed=0)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_squared_error_is_stable_up_to_2k_1_plus_m_over_lambda_max(momentum):
    """The Hessian's largest eigenvalue is λmax/K, and heavy-ball descent is stable for η·h < 2(1 + m)."""
    limit = 10 * (1 + momentum)
    below, above = limit_case(momentum, 0.95 * limit), limit_case(momentum, 1.05 * limit)
    assert below.status != "diverged" and above.status == "diverged"
    first, last = below.curve[0]["train", "mse"], below.curve[300]["train", "mse"]
    assert last < 0.1 * first
    assert below.metrics["steps"] == 300 and above.metrics["steps"] < 300


def test_nn_plus_is_inside_the_limit_and_dividing_by_the_classes_too_is_outside():
    """c = 8 with K = 10 and momentum 0.9 is 0.42 of it; η0 = 2K/λmax would put it at 4.2."""
    assert limit_case(0.9, 8.0).status != "diverged"
    assert limit_case(0.9, 80.0).status == "diverged"


@pytest.mark.parametrize(("factor", "status"), [(8.0, "ok"), (80.0, "diverged")])
def test_the_same_holds_of_a_wide_network_trained_on_batches(factor, status):
    data = dataset(train=60, classes=10)
    cfg = config(learning_rate_factor=factor, max_steps=1000)
    assert gradient_descent(specs("fcn", 10, width=256, depth=2), data, cfg, seed=0).status == status


# --- Batches and pauses ---


@settings(deadline=None, max_examples=60)
@given(examples=st.integers(1, 40), batch_size=st.integers(1, 50), seed=st.integers(0, 10**6))
def test_every_example_occurs_once_an_epoch_in_batches_of_one_size(examples, batch_size, seed):
    stream = batch_indices(examples, batch_size, seed)
    size, epochs = min(batch_size, examples), 4
    batches = [next(stream) for _ in range(-(-epochs * examples // size))]
    assert {tuple(batch.shape) for batch in batches} == {(size,)}
    slots = torch.cat(batches)[: epochs * examples].reshape(epochs, examples)
    assert torch.equal(slots.sort(1).values, torch.arange(examples).expand(epochs, -1))
    again = batch_indices(examples, batch_size, seed)
    assert all(torch.equal(batch, next(again)) for batch in batches)


def test_epochs_and_seeds_have_orders_of_their_own():
    first, other = batch_indices(20, 20, 0), batch_indices(20, 20, 1)
    orders = [next(first), next(first), next(other)]
    assert len({tuple(order.tolist()) for order in orders}) == 3


def test_the_order_is_uniform_over_batches():
    """In how many of 600 epochs example 0 comes in the first half: binomial, 300 ± 12."""
    stream = batch_indices(10, 5, 0)
    count = sum(0 in next(stream).tolist() for _ in range(0, 600) if next(stream) is not None)
    assert abs(count - 300) < 5 * 600**0.5 / 2


def test_pauses_are_the_start_the_multiples_the_checkpoints_and_the_end():
    data = dataset()
    assert pauses(data, config(max_steps=20, eval_every=7, checkpoint_steps=[3, 14])) == [0, 3, 7, 14, 20]
    assert pauses(data, config(max_steps=14, eval_every=7)) == [0, 7, 14]
    assert pauses(data, config(max_steps=1, eval_every=7)) == [0, 1]


@pytest.mark.parametrize(("sizes", "batch_size"), [((40, 0, 20), 10), ((450, 50, 100), 40), ((5, 0, 100), 40)])
def test_automatic_pauses_spend_at_most_a_tenth_on_evaluation(sizes, batch_size):
    """A forward pass costs a third of a training step; the spacing is the smallest that keeps to a tenth."""
    data = dataset(*sizes)
    found = pauses(data, config(eval_every=None, max_steps=10_000, batch_size=batch_size))
    spacing = found[1]
    evaluation = sum(sizes) / 3
    step = min(batch_size, sizes[0])
    assert evaluation <= 0.1 * step * spacing * (1 + 1e-12)
    assert evaluation > 0.1 * step * (spacing - 1)
    assert found == [*range(0, 10_000, spacing), 10_000]


# --- Runs ---


METRICS = {
    "learning_rate", "lambda_max", "parameters", "steps", "train_accuracy", "train_mse", "validation_accuracy",
    "test_accuracy", "test_mse", "best_test_accuracy", "selected_test_accuracy",
}  # fmt: skip


@pytest.mark.parametrize("name", ["fcn", "lcn", "vec", "lap", "gap"])
def test_a_run_on_separable_data_stops_when_all_training_examples_are_right(name):
    layers = specs(name, CLASSES, width=16, depth=2, window=2)
    fit = gradient_descent(layers, dataset(), config(max_steps=5000), seed=0)
    *earlier, last = fit.curve
    assert fit.status == "ok" and 0 in fit.curve and last < 5000
    assert fit.curve[last]["train", "accuracy"] == 1 == fit.metrics["train_accuracy"]
    assert all(fit.curve[step]["train", "accuracy"] < 1 for step in earlier)
    assert all(step % 20 == 0 for step in fit.curve)
    assert set(fit.metrics) == METRICS and all(isfinite(value) for value in fit.metrics.values())
    assert fit.metrics["steps"] == last
    assert fit.metrics["best_test_accuracy"] == max(s["test", "accuracy"] for s in fit.curve.values()) > 0.9
    assert fit.metrics["parameters"] == count_parameters(build(layers, SHAPE))


def test_training_goes_on_when_it_is_not_to_stop():
    fit = gradient_descent(FCN, dataset(), config(stop_when_fitted=False), seed=0)
    assert list(fit.curve) == list(range(0, 201, 20)) and fit.status == "ok"


def test_every_evaluation_is_reported_behind_the_estimate_of_the_learning_rate(monkeypatch):
    monkeypatch.setattr(result, "REPORT_EVERY", float("inf"))
    reports = []
    fit = gradient_descent(FCN, dataset(), config(), 0, lambda *report: reports.append(report))
    steps = [(step, 200, f"train {scores['train', 'accuracy']:.0%}") for step, scores in fit.curve.items()]
    preparing = [note for *_, note in reports[: -len(steps)]]
    assert reports[-len(steps) :] == steps
    assert set(preparing) == {"λmax", "stability"} <= set(result.PREPARATIONS)
    assert [done for done, total, note in reports if note == "λmax"][-1] == 3 * CLASSES  # draws, outputs


def test_steps_between_evaluations_are_reported_by_the_clock_and_change_nothing(monkeypatch):
    cfg, counts = config(eval_every=100, max_steps=100, stop_when_fitted=False), {}
    fits = {}
    for every in (0.0, float("inf")):
        monkeypatch.setattr(result, "REPORT_EVERY", every)
        reports = []
        fits[every] = gradient_descent(FCN, dataset(), cfg, 0, lambda *report, into=reports: into.append(report))
        counts[every] = [done for done, _, note in reports if note not in result.PREPARATIONS]
    assert counts[0.0] == list(range(101)) and counts[float("inf")] == [0, 100]
    assert fits[0.0].curve == fits[float("inf")].curve


@pytest.mark.parametrize("rate", [1e2, 1e30])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_huge_learning_rate_diverges_without_leaving_nan_behind(rate, loss):
    fit = gradient_descent(FCN, unlearnable(), config(learning_rate=rate, loss=loss, l2=0.1), seed=0)
    assert fit.status == "diverged"
    assert 0 in fit.curve and max(fit.curve) < 200
    assert all(isfinite(value) for scores in fit.curve.values() for value in scores.values())


def test_images_that_are_not_finite_diverge_before_the_first_step():
    data = dataset().map(lambda x: x * float("nan"))
    fit = gradient_descent(FCN, data, config(learning_rate=0.1), seed=0)
    assert (fit.status, fit.curve, fit.metrics["steps"]) == ("diverged", {}, 0)


def test_what_cannot_be_learned_is_unfitted():
    fit = gradient_descent(FCN, unlearnable(), config(), seed=0)
    assert fit.status == "unfitted" and fit.metrics["steps"] == 200
    assert fit.metrics["train_accuracy"] == pytest.approx(1 / 3)


def test_too_few_steps_are_unfitted():
    fit = gradient_descent(FCN, dataset(noise=1.0), config(max_steps=1, learning_rate_factor=1e-3), seed=0)
    assert fit.status == "unfitted" and list(fit.curve) == [0, 1]


def test_checkpoints_are_the_states_at_their_steps_and_at_the_end():
    data = dataset(dtype=torch.float64)
    cfg = config(max_steps=50, stop_when_fitted=False, checkpoint_steps=[0, 7])
    fit = gradient_descent(FCN, data, cfg, seed=3)
    assert list(fit.checkpoints) == [0, 7, 50] and list(fit.curve) == [0, 7, 20, 40, 50]
    network = build(FCN, SHAPE, 3, torch.float64)
    for name, value in network.state_dict().items():
        assert torch.equal(fit.checkpoints[0][name], value)
    for step, state in fit.checkpoints.items():
        network.load_state_dict(state)
        assert evaluate(network, data, cfg) == fit.curve[step]
    assert not torch.equal(fit.checkpoints[7]["1.weight"], fit.checkpoints[50]["1.weight"])


def test_a_run_that_stops_early_keeps_its_final_state():
    cfg = config(max_steps=5000, checkpoint_steps=[0, 5000])
    fit = gradient_descent(FCN, dataset(), cfg, seed=3)
    assert list(fit.checkpoints) == [0, max(fit.curve)] and max(fit.curve) < 5000


def test_without_checkpoint_steps_no_state_is_kept():
    assert gradient_descent(FCN, dataset(), config(), seed=0).checkpoints == {}


def test_pauses_do_not_change_the_training():
    cfg = config(max_steps=40, stop_when_fitted=False, checkpoint_steps=[40])
    often, rarely = (gradient_descent(FCN, dataset(), replace(cfg, eval_every=n), 0) for n in (3, 40))
    assert often.curve[40] == rarely.curve[40]
    assert all(torch.equal(often.checkpoints[40][n], v) for n, v in rarely.checkpoints[40].items())


@pytest.mark.parametrize("name", ["fcn", "lcn", "gap"])
def test_float32_runs_repeat_bit_by_bit_and_differ_by_seed(name):
    layers = specs(name, CLASSES, width=8, depth=2)
    cfg = config(max_steps=60, stop_when_fitted=False, checkpoint_steps=[60])
    one, again, other = (gradient_descent(layers, dataset(noise=2.0), cfg, seed) for seed in (0, 0, 1))
    assert one.curve == again.curve and one.metrics == again.metrics
    assert all(torch.equal(value, again.checkpoints[60][n]) for n, value in one.checkpoints[60].items())
    assert one.curve[60] != other.curve[60]


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_losses_and_optimizers_fit_and_generalise(loss, optimizer):
    rate = 0.03 if optimizer == "adam" else None
    cfg = config(loss=loss, optimizer=optimizer, learning_rate=rate, max_steps=3000)
    fit = gradient_descent(FCN, dataset(), cfg, seed=0)
    assert fit.status == "ok" and fit.metrics["best_test_accuracy"] > 0.9
    assert {metric for _, metric in fit.curve[0]} == {"accuracy", loss}
    assert fit.curve[max(fit.curve)]["train", loss] < fit.curve[0]["train", loss]


def test_data_smaller_than_a_batch_are_trained_on_whole():
    fit = gradient_descent(FCN, dataset(train=6), config(batch_size=40, max_steps=2000), seed=0)
    assert fit.status == "ok"


def test_the_algorithms_of_the_papers_are_registered():
    assert {"nn", "nn_plus", "cross_entropy"} <= set(INFERENCE)
    assert all(INFERENCE[name] is gradient_descent for name in ("nn", "nn_plus", "cross_entropy"))
