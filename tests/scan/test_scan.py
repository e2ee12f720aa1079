"""Scans of networks over training: every column beside the function that it comes from, and what is refused."""

import numpy as np
import pytest
import torch

from geomsym.architectures import build, specs
from geomsym.config import GeometryConfig, GridConfig, PathConfig, PlaneConfig
from geomsym.data import Dataset, Split
from geomsym.errors import ConfigError
from geomsym.geometry import feature_map, feature_maps, logits, scalar_curvature, slice_volume, volume
from geomsym.results import ANCHOR_COLUMNS, GEOMETRY_COLUMNS, SPECTRUM_COLUMNS
from geomsym.scan import check_scan, scan, slice_of

FCN = specs("fcn", outputs=3, depth=2, width=7, activation="gelu")


def split(n, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, *shape, generator=generator)
    return Split(x, torch.arange(n) % 3)


def dataset(shape):
    return Dataset(split(12, shape, 0), split(0, shape, 1), split(9, shape, 2), ("a", "b", "c"))


PLANE_DATA, IMAGES = dataset((2, 1, 1)), dataset((2, 3, 3))


def states(layers, data, seeds=(0, 1)):
    """Two networks as if one had been trained into the other."""
    return {10 * k: build(layers, data.input_shape, seed).state_dict() for k, seed in enumerate(seeds)}


def network(layers, data, seed=1):
    return build(layers, data.input_shape, seed, torch.float32).double()


def test_a_grid_measures_what_the_functions_do():
    cfg, reports = GridConfig(resolution=4, bounds=[-1.0, 2.0]), []
    found = scan(FCN, PLANE_DATA, states(FCN, PLANE_DATA), cfg, 0, lambda *report: reports.append(report))
    assert reports == [(0, 32, "points"), (16, 32, "points"), (32, 32, "points")]
    assert set(found.geometry) <= set(GEOMETRY_COLUMNS) and set(found.spectra) <= set(SPECTRUM_COLUMNS)
    assert found.geometry.groupby("step").size().to_dict() == {0: 16, 10: 16}
    last = found.geometry[found.geometry.step == 10]
    x = torch.tensor(last[["u", "v"]].to_numpy())
    assert x.min() == -1 and x.max() == 2 and len(x.unique(dim=0)) == 16
    features = feature_map(network(FCN, PLANE_DATA), PLANE_DATA.input_shape)
    expected = volume(features, x)
    outputs = torch.stack([logits(network(FCN, PLANE_DATA), PLANE_DATA.input_shape)(point) for point in x])
    p = outputs.softmax(1)
    margin = outputs.sort(dim=1).values
    for name, values in {
        "log_volume": expected.log_volume,
        "slice_log_volume": expected.log_volume,  # the grid is all of input space
        "rank": torch.full((16,), 2),
        "scalar_curvature": scalar_curvature(features, x),
        "predicted_class": outputs.argmax(1),
        "entropy": -(p * p.log()).sum(1),
        "margin": margin[:, 2] - margin[:, 1],
    }.items():
        np.testing.assert_allclose(last[name].to_numpy(float), values, rtol=1e-9, atol=1e-12)
    assert last.curvature_error.isna().all() and set(last.normalization) == {"features"}
    spectrum = found.spectra[found.spectra.step == 10].set_index("index")
    logs = 2 * expected.spectrum.log()
    np.testing.assert_allclose(spectrum.log_eigenvalue, logs.mean(0), rtol=1e-12)
    np.testing.assert_allclose(spectrum.low, logs.quantile(0.05, dim=0), rtol=1e-9)
    inside = (PLANE_DATA.train.x.flatten(1).clamp(-1, 2) == PLANE_DATA.train.x.flatten(1)).all(1)
    assert found.anchors["index"].tolist() == inside.nonzero().flatten().tolist()
    assert set(found.anchors) <= set(ANCHOR_COLUMNS) and set(found.anchors.split) == {"train"}


@pytest.mark.parametrize("family", ["fcn", "lcn", "vec", "lap", "gap"])
def test_every_layer_of_every_architecture_along_a_path(family):
    layers = specs(family, outputs=3, depth=2, width=5, window=3, activation="erf")
    cfg = PathConfig(points=5, layer="all", samples=[4, 0], normalization="none", spectrum=False)
    found = scan(layers, IMAGES, states(layers, IMAGES), cfg, 0)
    assert found.spectra.empty and found.geometry.groupby(["layer", "step"]).size().to_dict() == {
        (layer, step): 5 for layer in ("1", "2") for step in (0, 10)
    }
    ends = IMAGES.test.x.flatten(1)[[4, 0]].double()
    x = torch.stack([torch.lerp(*ends, t) for t in torch.linspace(0, 1, 5, dtype=torch.float64)])
    tangents = (ends[1] - ends[0]).expand(5, 1, 18)
    for layer, features in feature_maps(network(layers, IMAGES), IMAGES.input_shape).items():
        rows = found.geometry[(found.geometry.layer == str(layer)) & (found.geometry.step == 10)]
        along = slice_volume(features, x, tangents, normalization="none").log_volume
        np.testing.assert_allclose(rows.slice_log_volume, along, rtol=1e-9)
        np.testing.assert_allclose(rows.log_volume, volume(features, x, normalization="none").log_volume, rtol=1e-9)
        assert rows.scalar_curvature.isna().all()  # 18 dimensions: exact curvature must be asked for
    assert found.anchors[["split", "index", "label", "t"]].to_numpy().tolist() == [
        ["test", 4, 1, 0.0],
        ["test", 0, 0, 1.0],
    ]


def test_curvature_is_estimated_on_request_the_same_in_every_run():
    layers = specs("fcn", outputs=3, depth=1, width=40, activation="erf")
    exact = scan(layers, IMAGES, states(layers, IMAGES), PathConfig(points=3, curvature="exact"), 0).geometry
    cfg = PathConfig(points=3, curvature="estimate", directions=6, frames=40)
    first, again, other = (scan(layers, IMAGES, states(layers, IMAGES), cfg, seed).geometry for seed in (0, 0, 1))
    assert first.equals(again) and not first.equals(other)
    error = (first.scalar_curvature - exact.scalar_curvature) / first.curvature_error
    assert exact.curvature_error.isna().all() and error.abs().max() < 5 and error.abs().max() > 0


def test_samples_by_class_and_by_distance():
    x, y = IMAGES.test.x.flatten(1), IMAGES.test.y
    for cfg, classes in ((PathConfig(), (0, 1)), (PathConfig(classes=["c", "a"]), (2, 0))):
        anchors = slice_of(IMAGES, cfg, network(FCN, IMAGES)).anchors
        assert [anchor.index for anchor in anchors] == [int((y == k).nonzero()[0]) for k in classes]
    nearest = slice_of(IMAGES, PathConfig(choice="nearest"), network(FCN, IMAGES)).anchors
    distances = torch.cdist(x[y == 0], x[y == 1])
    i, j = (anchor.index for anchor in nearest)
    assert (y[i], y[j]) == (0, 1) and torch.dist(x[i], x[j]) == pytest.approx(distances.min().item(), rel=1e-5)
    predicted = network(FCN, IMAGES)(IMAGES.test.x.double()).argmax(1)
    kinds = [str(k) for k in predicted.unique().tolist()[:2]]
    names = [IMAGES.class_names[int(k)] for k in kinds]
    across = slice_of(IMAGES, PathConfig(choice="boundary", classes=names), network(FCN, IMAGES)).anchors
    assert [str(int(predicted[anchor.index])) for anchor in across] == kinds


@pytest.mark.parametrize("route", ["line", "pca", "data"])
def test_every_route_is_a_path(route):
    cfg = PathConfig(route=route, points=6, components=4, neighbours=4)
    found = scan(FCN, IMAGES, states(FCN, IMAGES), cfg, 0)
    assert set(found.geometry.path) == {route} and found.geometry.slice_log_volume.notna().all()


def test_a_plane_has_its_corners_as_anchors():
    found = scan(FCN, IMAGES, states(FCN, IMAGES), PlaneConfig(resolution=3), 0)
    assert len(found.anchors) == 3 and found.anchors[["u", "v"]].to_numpy()[0].tolist() == [0, 0]
    assert found.geometry.groupby("step").size().tolist() == [9, 9] and found.geometry["path"].isna().all()


@pytest.mark.parametrize(
    ("data", "cfg", "message"),
    [
        (IMAGES, GridConfig(), "geometry=grid: the data have 18 dimensions, not 2"),
        (PLANE_DATA, GridConfig(layer="3"), "geometry.layer=3: hidden layers by number: 1 to 2"),
        (PLANE_DATA, GridConfig(layer="conv"), "geometry.layer=conv: no such submodule"),
        (IMAGES, PathConfig(samples=[0, 99]), "geometry.samples=[0, 99]: indices go from 0 to 8"),
        (IMAGES, PathConfig(samples=[2, 2]), "geometry.samples=[2, 2]: give the indices of two different samples"),
        (IMAGES, PathConfig(classes=["a", "x"]), "geometry.classes=x: not one of a, b, c"),
        (IMAGES, PathConfig(route="pca"), "geometry.components=50: must be from 1 to 9"),
        (IMAGES, PlaneConfig(choice="nearest"), "geometry.choice=nearest: joins two samples, and a plane takes three"),
    ],
)
def test_what_can_not_be_measured_is_refused_before_training(data, cfg: GeometryConfig, message):
    with pytest.raises(ConfigError) as caught:
        check_scan(FCN, data, cfg)
    assert str(caught.value).startswith(message)
