"""Kernel regression against closed forms, least squares, Gaussian conditioning, and run as a user runs it."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from geomsym.architectures import specs
from geomsym.cli.compose import compose
from geomsym.cli.main import app
from geomsym.config import KernelRegressionConfig
from geomsym.data import Dataset, Split
from geomsym.errors import ConfigError, UserError
from geomsym.execute import perform
from geomsym.inference import kernel_regression
from geomsym.inference.kernel_regression import condition_number, group_means, posterior_variance, solve
from geomsym.kernels import Kernels
from geomsym.plotting.learning_curves import learning_curves
from geomsym.results import RunFolder, collect, load
from geomsym.run import run

CLASSES = 3
LAYERS = specs("fcn", CLASSES, width=8, depth=1)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rbf(x1, x2, length=1.0):
    return (-torch.cdist(x1.flatten(1), x2.flatten(1)).square() / (2 * length**2)).exp()


@dataclass(frozen=True)
class Matrices:
    nngp: torch.Tensor
    ntk: torch.Tensor
    precision: float = 2.0**-52


def stand_in(specs, x1, x2=None):
    """Linear for nngp, a Gaussian bell for ntk."""
    x1, x2 = x1.double(), (x1 if x2 is None else x2).double()
    return Matrices(x1.flatten(1) @ x2.flatten(1).mT, rbf(x1, x2))


@pytest.fixture
def stand_in_kernel(monkeypatch):
    """Plain kernels in the place of a network's."""

    def matrices(self, specs, x1, x2=None, report=lambda done, total: None):
        report(1, 2)
        report(2, 2)
        return stand_in(specs, x1, x2)

    monkeypatch.setattr(Kernels, "matrices", matrices)
    monkeypatch.setattr(Kernels, "diagonal", lambda self, specs, x: stand_in(specs, x).nngp.diagonal())


def split(count, seed):
    labels = torch.randint(CLASSES, (count,), generator=torch.Generator().manual_seed(seed))
    return Split(normal(count, 2, 2, 2, seed=seed), labels)


DATA = Dataset(split(20, 0), split(11, 1), split(17, 2), ("a", "b", "c"))


def spectrum(*values):
    """A symmetric matrix with these eigenvalues."""
    Q, _ = torch.linalg.qr(normal(len(values), len(values), seed=9))
    return Q @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ Q.mT


def test_two_points_by_hand():
    """((2, 1), (1, 2)) a = (3, 0) has a = (2, −1); ridge ½ adds ½·tr/n = 1, and a = (9, −3)/8."""
    K, y = torch.tensor([[2.0, 1.0], [1.0, 2.0]]), torch.tensor([[3.0], [0.0]])
    plain, ridged = solve(K, y), solve(K, y, ridge=0.5)
    assert plain.coefficients.flatten().tolist() == pytest.approx([2, -1], abs=1e-14)
    assert ridged.coefficients.flatten().tolist() == pytest.approx([9 / 8, -3 / 8], abs=1e-14)
    assert plain.condition == pytest.approx(3) and ridged.condition == pytest.approx(2)  # circulant: κ₁ = λmax/λmin
    assert plain.jitter == 0 and plain.residual < 1e-15 and plain.coefficients.dtype == torch.float64


@pytest.mark.parametrize("ridge", [1e-3, 0.1, 10.0])
def test_a_linear_kernel_is_ridge_regression(ridge):
    """min |X w − y|² + ρ|w|², ρ = ridge·tr(X Xᵀ)/n, by least squares on X stacked on √ρ·I."""
    X, Z, y = normal(12, 5), normal(7, 5, seed=1), normal(12, 2, seed=2)
    rho = ridge * X.square().sum().item() / 12
    stacked = np.vstack([X, rho**0.5 * np.eye(5)])
    w = np.linalg.lstsq(stacked, np.vstack([y, np.zeros((5, 2))]), rcond=None)[0]
    found = Z @ X.mT @ solve(X @ X.mT, y, ridge).coefficients
    np.testing.assert_allclose(found, Z.numpy() @ w, rtol=0, atol=1e-11)


def test_without_a_ridge_the_targets_are_interpolated_and_with_one_they_are_not():
    X, y = normal(15, 3), normal(15, 2, seed=1)
    K = rbf(X, X)
    torch.testing.assert_close(K @ solve(K, y).coefficients, y, rtol=0, atol=1e-10)
    assert (K @ solve(K, y, 0.1).coefficients - y).norm() > 0.05 * y.norm()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_predictor_does_not_depend_on_the_kernels_scale(scale):
    K, y = rbf(normal(9, 2), normal(9, 2)), normal(9, 1, seed=1)
    first, scaled = solve(K, y, 0.01), solve(scale * K, y, 0.01)
    torch.testing.assert_close(scale * scaled.coefficients, first.coefficients, rtol=1e-11, atol=0)
    assert scaled.condition == pytest.approx(first.condition, rel=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e5])
def test_repeated_images_need_the_first_jitter_and_are_still_fitted(scale):
    X, y = normal(10, 3).repeat(2, 1), normal(10, 2, seed=1).repeat(2, 1)
    K = scale * rbf(X, X)
    solution = solve(K, y)
    assert solution.jitter == 1e-10 and solution.condition < 1e13 and solution.residual < 1e-6
    torch.testing.assert_close(K @ solution.coefficients, y, rtol=0, atol=1e-6)
    assert solve(K, y, ridge=1e-3).jitter == 0


@pytest.mark.parametrize("exponent", range(5, 11))
def test_the_jitter_is_the_first_that_suffices(exponent):
    """The mean diagonal is 1, the lowest eigenvalue −0.3·10^−exponent."""
    negative = 0.3 * 10.0**-exponent
    K = spectrum(-negative, 0.5, 1.0, 2.5 + negative)
    solution = solve(K, normal(4, 1))
    assert solution.jitter == 10.0**-exponent
    assert solution.condition > 1 / negative


@pytest.mark.parametrize("ridge", [1e-4, 0.1])
def test_equal_images_merge_into_their_mean_target(ridge):
    """The system of five images, one of them three times, beside that of all seven; and its limit without a ridge."""
    X, y = normal(5, 3), normal(7, 2, seed=1)
    place = torch.tensor([0, 1, 2, 0, 3, 4, 0])
    whole = rbf(X, X)[place][:, place] * torch.linspace(1, 2, 5)[place].outer(torch.linspace(1, 2, 5)[place])
    first = torch.tensor([0, 1, 2, 4, 5])
    counts, means = torch.bincount(place), group_means(y, place)
    merged = solve(whole[first][:, first], means, ridge, counts)
    all_seven = solve(whole, y, ridge)
    summed = torch.zeros(5, 2, dtype=torch.float64).index_add(0, place, all_seven.coefficients)
    torch.testing.assert_close(merged.coefficients, summed, rtol=1e-9, atol=0)
    cross = normal(4, 7, seed=2)
    cross = cross[:, first][:, place]  # as of equal images
    torch.testing.assert_close(
        posterior_variance(merged, cross[:, first], 9 * torch.ones(4)),
        posterior_variance(all_seven, cross, 9 * torch.ones(4)),
        rtol=1e-8, atol=1e-8,
    )  # fmt: skip
    limit = solve(whole[first][:, first], means, 0.0, counts)
    assert limit.jitter == 0
    torch.testing.assert_close(whole[:, first] @ limit.coefficients, means[place], rtol=0, atol=1e-10)


def noisy(K, seed=3):
    """K with the rounding of float32."""
    relative = 2.0**-24 * (2 * torch.rand(K.shape, generator=torch.Generator().manual_seed(seed)).double() - 1)
    return K * (1 + (relative + relative.mT) / 2)


@pytest.mark.parametrize("exponent", [3, 5, 7, 9, 11])
def test_values_of_single_precision_are_solved_right_or_refused(exponent):
    """The lowest eigenvalue is 10^−exponent of the largest. By float64's rules a wrong solution passes."""
    K, y = spectrum(10.0 ** (1 - exponent), *np.linspace(1, 10, 30)), normal(31, 1)
    right = solve(K, y).coefficients
    rounded = noisy(K)
    if exponent <= 5:
        assert (solve(rounded, y, precision=2.0**-23).coefficients - right).norm() < 0.2 * right.norm()
    else:
        with pytest.raises(ConfigError, match=r"inference\.ridge=0\.0: .*: give dtype=float64, or else a larger ridge"):
            solve(rounded, y, precision=2.0**-23)
    if exponent == 9:
        trusted = solve(rounded, y)
        assert trusted.residual < 1e-4 and (trusted.coefficients - right).norm() > 0.5 * right.norm()


CONFLICTING = [
    *[
        ("fcn", activation, 3, "circular", "nngp")
        for activation in ("relu", "erf", "gelu", "sigmoid", "tanh", "linear")
    ],
    *[(name, "relu", 3, "circular", method) for name in ("lcn", "vec", "lap", "gap") for method in ("ntk", "nngp")],
    ("vec", "gelu", 5, "zero", "ntk"),
    ("vec", "erf", 3, "zero", "nngp"),
    ("vec", "relu", 5, "circular", "ntk"),
]


@pytest.mark.parametrize(("name", "activation", "kernel_size", "padding", "method"), CONFLICTING)
def test_images_repeated_under_another_label_do_no_harm_in_single_precision(
    name, activation, kernel_size, padding, method
):
    """A tenth of the training images is there twice, the second time with another label."""
    y = torch.randint(4, (60,), generator=torch.Generator().manual_seed(0))
    centres = normal(4, 3, 4, 4, seed=5)
    train, test = (Split(centres[y] + normal(60, 3, 4, 4, seed=seed), y) for seed in (1, 2))
    original = torch.arange(60) % 54
    twice = Split(train.x[original], (y[original] + (torch.arange(60) >= 54)) % 4)
    data = Dataset(twice, Split(test.x[:0], y[:0]), test, tuple("abcd"))
    layers = specs(name, 4, depth=2, window=2, activation=activation, kernel_size=kernel_size, padding=padding)
    single, double = (
        kernel_regression(layers, images, KernelRegressionConfig(method), 0).metrics
        for images in (data.map(lambda x: x.float()), data)
    )
    assert single["test_mse"] == pytest.approx(double["test_mse"], rel=0.01)
    assert single["jitter"] == double["jitter"] and double["test_accuracy"] > 0.5  # by chance 0.25


def test_images_that_differ_by_less_than_single_precision_resolves_are_refused_in_it():
    """NNGP of a deep ReLU network on the compiled path: in float64 there is an answer, of a condition of 1e10."""
    x, y = normal(40, 3, 4, 4), torch.arange(40) % 4
    x[20:] = x[:20] * (1 + 1e-4 * normal(20, 3, 4, 4, seed=1))
    data = Dataset(Split(x, y), Split(x[:0], y[:0]), Split(normal(9, 3, 4, 4, seed=2), y[:9]), tuple("abcd"))
    cfg, layers = KernelRegressionConfig("nngp"), specs("vec", 4, depth=2)
    assert kernel_regression(layers, data, cfg, 0).metrics["condition"] > 1e9
    with pytest.raises(ConfigError, match=r"give dtype=float64, or else a larger ridge"):
        kernel_regression(layers, data.map(lambda x: x.float()), cfg, 0)


def test_an_indefinite_matrix_is_refused_with_the_remedy():
    K, y = spectrum(-0.1, 1.0, 2.1), normal(3, 1)
    with pytest.raises(ConfigError, match=r"inference\.ridge=0\.0: .*0\.0001 of its mean.*ridge, such as 0\.001"):
        solve(K, y)
    with pytest.raises(ConfigError, match=r"inference\.ridge=0\.01: .*such as 0\.1"):
        solve(K, y, 0.01)
    assert solve(K, y, 0.2).jitter == 0


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_kernel_that_is_not_finite_is_refused(value):
    K = torch.eye(4)
    K[1, 2] = K[2, 1] = value
    with pytest.raises(UserError, match=r"kernel matrix \[4, 4\]: 2 of 16 values aren't finite; .*architecture\.depth"):
        solve(K, torch.ones(4, 1))


def test_a_kernel_of_zeros_is_refused():
    with pytest.raises(UserError, match="mean diagonal is 0; are the images all zero"):
        solve(torch.zeros(3, 3), torch.ones(3, 1))


def test_targets_of_zero_have_no_residual():
    solution = solve(rbf(normal(4, 2), normal(4, 2)), torch.zeros(4, 1))
    assert solution.residual == 0 and not solution.coefficients.any()


@pytest.mark.parametrize("length", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("size", [3, 40])
def test_the_condition_is_that_of_the_inverse_within_a_factor_of_three(size, length):
    X = normal(size, 4)
    A = rbf(X, X, length) + 1e-6 * torch.eye(size)
    true = np.linalg.cond(A.numpy(), 1)
    estimate = condition_number(A, torch.linalg.cholesky(A))
    assert true / 3 <= estimate <= true * (1 + 1e-6)
    assert np.linalg.cond(A.numpy(), 2) / 3 <= estimate <= size * np.linalg.cond(A.numpy(), 2) * (1 + 1e-6)


def test_the_posterior_variance_is_that_of_the_conditioned_gaussian():
    """With P the inverse of the joint covariance, that of the test points given the others is (P_**)⁻¹."""
    X, Z, ridge = normal(8, 2), normal(5, 2, seed=1), 0.1
    joint = rbf(torch.cat([X, Z]), torch.cat([X, Z]))
    noisy = joint + torch.diag(torch.tensor([ridge] * 8 + [0.0] * 5, dtype=torch.float64))
    expected = torch.linalg.inv(torch.linalg.inv(noisy)[8:, 8:]).diagonal()
    found = posterior_variance(solve(joint[:8, :8], normal(8, 1), ridge), joint[8:, :8], joint.diagonal()[8:])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert expected.min() > 0 and expected.max() < 1


def test_the_posterior_variance_vanishes_at_training_points_and_is_the_priors_far_away():
    X, far = normal(8, 2), 100 + normal(3, 2)
    solution = solve(2 * rbf(X, X), normal(8, 1))
    at_training = posterior_variance(solution, 2 * rbf(X, X), torch.full((8,), 2.0))
    assert at_training.abs().max() < 1e-10
    assert posterior_variance(solution, 2 * rbf(far, X), torch.full((3,), 2.0)).tolist() == [2, 2, 2]


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("name", ["ntk", "nngp"])
@pytest.mark.parametrize(("coding", "shift"), [("one_hot", 0.0), ("centered", 1 / CLASSES)])
def test_the_scores_are_those_of_the_predictor_written_out(stand_in_kernel, name, ridge, coding, shift):
    fit = kernel_regression(LAYERS, DATA, KernelRegressionConfig(name, coding, ridge), 0)
    K = getattr(stand_in(LAYERS, DATA.train.x), name)
    jitter = {"ntk": 0, "nngp": 0 if ridge else 1e-10}[name]  # 20 points of 8 dimensions are singular
    y = torch.eye(CLASSES, dtype=torch.float64)[DATA.train.y] - shift
    a = torch.linalg.solve(K + (ridge + jitter) * K.trace() / 20 * torch.eye(20), y)
    for split_name, part in DATA.splits.items():
        f = (getattr(stand_in(LAYERS, part.x, DATA.train.x), name) @ a).numpy()
        labels = part.y.numpy()
        assert fit.metrics[f"{split_name}_accuracy"] == pytest.approx((f.argmax(1) == labels).mean())
        if split_name != "validation":
            error = np.square(f - np.eye(CLASSES)[labels] + shift).mean()
            assert fit.metrics[f"{split_name}_mse"] == pytest.approx(error, rel=1e-5, abs=1e-12)
    assert fit.metrics["ridge"] == ridge and fit.metrics["jitter"] == jitter
    assert fit.status == ("ok" if fit.metrics["train_accuracy"] >= 0.95 else "unfitted")


def test_both_statuses_occur(stand_in_kernel):
    fits = [kernel_regression(LAYERS, DATA, KernelRegressionConfig(name), 0) for name in ("ntk", "nngp")]
    assert [fit.status for fit in fits] == ["ok", "unfitted"]
    assert fits[0].metrics["train_accuracy"] == 1 and fits[1].metrics["train_accuracy"] < 0.95


def test_progress_counts_pairs_and_there_is_no_curve_and_one_test_accuracy(stand_in_kernel):
    reports = []
    cfg = KernelRegressionConfig(ridge=1.0)
    fit = kernel_regression(LAYERS, DATA, cfg, 0, lambda *report: reports.append(report))
    accuracies = {fit.metrics[f"{prefix}test_accuracy"] for prefix in ("", "best_", "selected_")}
    assert len(accuracies) == 1 and fit.curve == {} and fit.checkpoints == {}
    assert [done for done, _, _ in reports] == [0, 105, 210, 320, 430, 600, 770]  # of 20·21/2 + 20·11 + 20·17
    assert {total for _, total, _ in reports} == {770} and {note for *_, note in reports} == {"pairs"}
    unvalidated = replace(DATA, validation=Split(DATA.train.x[:0], DATA.train.y[:0]))
    assert "selected_test_accuracy" not in kernel_regression(LAYERS, unvalidated, cfg, 0).metrics


def test_neither_the_seed_nor_single_precision_matters_beyond_rounding(stand_in_kernel):
    cfg = KernelRegressionConfig(ridge=0.1)
    single = DATA.map(lambda x: x.float())
    first, second, rounded = (
        kernel_regression(LAYERS, data, cfg, seed).metrics for data, seed in ((DATA, 0), (DATA, 1), (single, 0))
    )
    assert repr(first) == repr(second)
    assert rounded["test_mse"] == pytest.approx(first["test_mse"], rel=1e-5)
    assert rounded["test_mse"] != first["test_mse"]


SMALL = ["data=sinusoid", "data.subset_size=40", "data.test_size=30", "architecture=fcn", "inference=ntk"]


def test_a_run_from_end_to_end(stand_in_kernel):
    result = run(compose([*SMALL, "inference.ridge=0.001"]))
    assert result.fit.metrics["ridge"] == 0.001 and result.fit.metrics["test_accuracy"] > 0.6


@pytest.mark.parametrize("inference", ["ntk", "nngp"])
def test_the_fully_connected_kernel_does_not_see_a_global_rotation_and_a_pooling_one_does(inference):
    """Xiao & Pennington (2022): the predictor of FCN is the same on the data and on their image under O(3d)."""
    common = ["data.subset_size=20", "data.test_size=20", "data.image_size=4", "architecture.depth=1", "dtype=float64"]
    for architecture, invariant in (("fcn", True), ("gap", False)):
        plain, rotated = (
            run(compose([*common, f"inference={inference}", f"architecture={architecture}", f"transform={group}"]))
            for group in ("identity", "global_rotation")
        )
        same = rotated.fit.metrics["test_mse"] == pytest.approx(plain.fit.metrics["test_mse"], rel=1e-6)
        assert same == invariant


@pytest.mark.filterwarnings("error")
def test_runs_with_and_without_a_curve_share_their_tables_and_figures(stand_in_kernel, tmp_path, tiny):
    kernel = RunFolder(tmp_path, compose(SMALL))
    perform(kernel, "cpu")
    alone = collect(tmp_path)
    assert len(alone.runs) == 1 and alone.curves.empty and load(tmp_path).curves.empty
    assert list(learning_curves(alone)) == []
    text = (kernel.path / "curves.csv").read_text()
    assert text == "run_id,step,epoch,split,metric,value\n"
    perform(RunFolder(tmp_path, tiny()), "cpu")
    both = load(tmp_path) if collect(tmp_path) else None
    assert list(both.runs.inference) == ["nn_plus", "ntk"]
    assert both.runs.steps.isna().tolist() == both.runs.learning_rate.isna().tolist() == [False, True]
    for column in ("ridge", "jitter", "condition", "residual"):
        assert both.runs[column].isna().tolist() == [True, False]
    assert set(both.curves.run_id) == set(both.runs.run_id[:1])
    assert [name for name, _ in learning_curves(both)] == ["learning_curves_sinusoid"]


def train(folder, *arguments):
    return CliRunner().invoke(app, ["train", *SMALL, *arguments, "--out", str(folder), "--device", "cpu"])


def test_the_command_shows_ridge_jitter_condition_and_residual(stand_in_kernel, tmp_path):
    shown = train(tmp_path, "inference.ridge=0.001")
    assert shown.exit_code == 0
    assert all(word in shown.stdout.split() for word in ("ridge", "jitter", "condition", "residual"))
    assert "steps" not in shown.stdout and "learning_rate" not in shown.stdout
    row = json.loads(train(tmp_path, "inference.ridge=0.001", "--json").stdout)
    assert row["ridge"] == 0.001 and row["jitter"] == 0 and row["condition"] > 1 and row["residual"] < 1e-10


def test_the_command_refuses_a_kernel_that_is_not_positive_definite(monkeypatch, tmp_path):
    K = 1 + 3 * torch.eye(40).fliplr()  # diagonal 1, lowest eigenvalue −3
    monkeypatch.setattr(Kernels, "matrices", lambda *_: Matrices(K, K))
    result = train(tmp_path)
    assert result.exit_code == 2 and "inference.ridge=0.0: the training images' kernel isn't positive" in result.stderr


def test_the_command_refuses_a_negative_ridge(tmp_path):
    result = train(tmp_path, "inference.ridge=-1")
    assert result.exit_code == 2 and "inference.ridge=-1.0: give a number of at least 0" in result.stderr


def test_the_posterior_variance_of_a_run_is_that_of_conditioning(stand_in_kernel):
    """Beside a matrix inverse; not for ntk, whose predictor isn't a posterior mean."""
    metrics = kernel_regression(LAYERS, DATA, KernelRegressionConfig("nngp", ridge=0.1), 0).metrics
    K, cross = (stand_in(LAYERS, x, DATA.train.x).nngp for x in (DATA.train.x, DATA.test.x))
    A = K + 0.1 * K.diagonal().mean() * torch.eye(20, dtype=K.dtype)
    prior = DATA.test.x.flatten(1).square().sum(1)
    expected = (prior - (cross @ A.inverse() * cross).sum(1)).mean().item()
    assert metrics["test_variance"] == pytest.approx(expected, rel=1e-8) and 0 < expected < prior.mean()
    assert "test_variance" not in kernel_regression(LAYERS, DATA, KernelRegressionConfig("ntk", ridge=0.1), 0).metrics
