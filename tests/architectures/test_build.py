"""Networks from specs: the law of their parameters, seeds, dtypes, and what families share."""

from math import sqrt

import pytest
import scipy.stats
import torch
from torch import nn

from geomsym.architectures import ARCHITECTURES, build, specs
from geomsym.architectures.build import draw, module
from geomsym.architectures.layer_specs import shapes
from geomsym.errors import ConfigError
from geomsym.seeds import torch_generator

IMAGE = (3, 4, 6)
SMALL = {"width": 5, "depth": 3, "window": 2}
every_family = pytest.mark.parametrize("name", ARCHITECTURES)


def images(count: int = 4) -> torch.Tensor:
    return torch.randn(count, *IMAGE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def values(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@every_family
@pytest.mark.parametrize("padding", ["circular", "zero"])
def test_every_module_gives_the_shape_that_its_spec_says(name, padding):
    layer_specs = specs(name, outputs=7, padding=padding, **SMALL)
    x = images()
    for layer, expected in zip(
        build(layer_specs, IMAGE, dtype=torch.float64), shapes(layer_specs, IMAGE)[1:], strict=True
    ):
        x = layer(x)
        assert x.shape == (4, *expected)


@every_family
def test_a_seed_determines_the_network(name):
    one, again, other = (values(build(specs(name, **SMALL), IMAGE, seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert (one - other).abs().median() > 0.5


@every_family
def test_float32_and_float64_agree_to_rounding(name):
    layer_specs = specs(name, **SMALL)
    single, double = (build(layer_specs, IMAGE, 3, dtype) for dtype in (torch.float32, torch.float64))
    assert {p.dtype for p in single.parameters()} == {torch.float32}
    assert {p.dtype for p in double.parameters()} == {torch.float64}
    assert torch.equal(values(single), values(double).float())
    x = images()
    torch.testing.assert_close(single(x.float()).double(), double(x), rtol=0, atol=1e-5)


@every_family
def test_parameters_are_standard_normal(name):
    network = build(specs(name, outputs=40, width=40, depth=2, window=2), IMAGE, 0, torch.float64)
    for parameter_name, value in network.named_parameters():
        assert scipy.stats.kstest(value.detach().flatten().numpy(), "norm").pvalue > 1e-5, parameter_name
    independent_layers = [p.detach().flatten()[:200] for p in network.parameters() if p.numel() >= 200]
    correlations = torch.corrcoef(torch.stack(independent_layers))
    correlations.fill_diagonal_(0)
    assert correlations.abs().max() < 5 / sqrt(200)


def test_normality_tells_the_uniform_law_of_the_same_variance():
    sample = draw((3000,), "uniform", torch_generator(0, "test"))
    assert scipy.stats.kstest(sample.numpy(), "norm").pvalue < 1e-5


@every_family
def test_a_uniform_first_layer_changes_its_weights_only(name):
    settings = {"outputs": 40, "width": 60, "depth": 2, "window": 2, "first_layer_init": "uniform"}
    network = build(specs(name, **settings), IMAGE, 0, torch.float64)
    first, *others = [value.detach().flatten() for value in network.parameters()]
    bound = sqrt(3)
    assert first.abs().max() <= bound and first.abs().max() > 0.99 * bound
    assert scipy.stats.kstest(first.numpy(), scipy.stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-5
    deviation = (first.square().mean() - 1).abs() / (first.square().std() / sqrt(len(first)))
    assert deviation < 5
    for value in others:
        assert scipy.stats.kstest(value.numpy(), "norm").pvalue > 1e-5


def test_vec_and_gap_share_their_body():
    x = images()
    vec, gap = (build(specs(name, **SMALL), IMAGE, 5, torch.float64) for name in ("vec", "gap"))
    body = len(gap) - 2
    for ours, theirs in zip(vec[:body].parameters(), gap[:body].parameters(), strict=True):
        assert torch.equal(ours, theirs)
    means = vec[:body](x).mean((2, 3))
    torch.testing.assert_close(gap(x), gap[-1](means), rtol=0, atol=1e-13)


def test_gap_is_vec_with_its_readout_repeated_over_positions():
    """Theorem 3.1, the first inclusion: VEC's readout is √d times smaller, hence repeated weights are W·√d/d."""
    x = images()
    vec, gap = (build(specs(name, **SMALL), IMAGE, 5, torch.float64) for name in ("vec", "gap"))
    positions = IMAGE[1] * IMAGE[2]
    with torch.no_grad():
        repeated = gap[-1].weight.repeat_interleave(positions, dim=1)
        vec[-1].weight.copy_(repeated * sqrt(positions) / positions)
        vec[-1].bias.copy_(gap[-1].bias)
    torch.testing.assert_close(vec(x), gap(x), rtol=0, atol=1e-13)


def test_lap_with_the_largest_and_smallest_window_is_gap_and_vec():
    x = images()[:, :, :, :4]
    nets = {
        key: build(specs(key[:3], width=5, depth=2, window=window), (3, 4, 4), 1, torch.float64)
        for key, window in {"lap1": 1, "lap4": 4, "vec": 1, "gap": 1}.items()
    }
    torch.testing.assert_close(nets["lap4"](x), nets["gap"](x), rtol=0, atol=1e-13)
    torch.testing.assert_close(nets["lap1"](x), nets["vec"](x), rtol=0, atol=1e-13)


def test_points_are_images_of_one_pixel():
    points = torch.randn(6, 2, 1, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for name in ARCHITECTURES:
        network = build(specs(name, outputs=3, width=4, depth=2, window=1), (2, 1, 1), 0, torch.float64)
        assert network(points).shape == (6, 3)


def test_layers_that_do_not_fit_the_image_are_refused():
    with pytest.raises(ConfigError, match=r"architecture\.window=4"):
        build(specs("lap", width=5, depth=1, window=4), IMAGE)


def test_an_unknown_kind_of_layer_is_a_programming_error():
    with pytest.raises(TypeError, match="no torch module is registered for 'conv'"):
        module("conv", IMAGE, torch_generator(0, "test"))
