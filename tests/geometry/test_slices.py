"""Slices and the samples they go through: exact ends, tangents, distances kept, paths through the data, errors."""

import math
from functools import partial

import pytest
import torch
from sklearn.decomposition import PCA

from geomsym.errors import ConfigError, DataError
from geomsym.geometry import neighbours as nearby
from geomsym.geometry.slices import data_path, grid, line, plane, principal_components, principal_line

PATHS = {"line": line, "principal_line": partial(principal_line, components=1), "data_path": data_path}


def gaussian(n: int = 60, d: int = 20, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def circle(n: int = 40) -> torch.Tensor:
    """Points of the unit circle in order, and far from it two that are each other's neighbours."""
    angles = torch.arange(n, dtype=torch.float64) * (2 * math.pi / n)
    far = torch.tensor([[9.0, 9.0], [9.0, 9.1]], dtype=torch.float64)
    return torch.cat([torch.stack([angles.cos(), angles.sin()], 1), far])


def lengths(points: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(points.diff(dim=0), dim=1)


# Grids


def test_a_grid_is_row_major_with_its_bounds():
    square = grid(2, (-1.5, 1.5), 4)
    assert square.kind == "grid" and square.anchors == ()
    rows = square.points.reshape(4, 4, 2)
    assert rows[0, :, 0].tolist() == rows[:, 0, 1].tolist() == [-1.5, -0.5, 0.5, 1.5]
    assert torch.equal(rows[..., 0], rows[0, :, 0].expand(4, 4))
    assert torch.equal(square.points, torch.stack([square.coordinates["u"], square.coordinates["v"]], 1))
    assert torch.equal(square.tangents, torch.eye(2).double().expand(16, 2, 2))


def test_the_bounds_of_a_grid_are_exact():
    low, high = 0.1, 0.7  # 0.1 + (0.7 − 0.1) is not 0.7
    points = grid(2, (low, high), 7).points
    assert points.min() == low and points.max() == high


# Paths


@pytest.mark.parametrize("points", [2, 3, 64])
def test_both_ends_of_a_line_are_the_samples(points):
    x = gaussian()
    straight = line(x, (3, 17), points)
    assert straight.kind == "path" and straight.points.shape == (points, 20)
    assert torch.equal(straight.points[[0, -1]], x[[3, 17]].double())
    assert [(anchor.index, anchor.coordinates) for anchor in straight.anchors] == [(3, {"t": 0.0}), (17, {"t": 1.0})]
    torch.testing.assert_close(straight.tangents[:, 0], (x[17] - x[3]).double().expand(points, 20), atol=1e-6, rtol=0)


@pytest.mark.parametrize("points", [2, 5, 64])
def test_both_ends_of_a_data_path_are_the_samples(points):
    x = gaussian()
    path = data_path(x, (3, 17), points, neighbours=3)
    assert torch.equal(path.points[[0, -1]], x[[3, 17]].double())


@pytest.mark.parametrize("name", PATHS)
def test_a_path_has_equal_steps_and_a_tangent_as_long_as_itself(name):
    path = PATHS[name](circle(), (0, 13), 4001)
    steps = lengths(path.points)
    speed = torch.linalg.vector_norm(path.tangents, dim=(1, 2))
    torch.testing.assert_close(speed, speed.mean().expand_as(speed))
    torch.testing.assert_close(steps.sum(), speed[0], rtol=1e-4, atol=0)  # a bend between two points is cut off
    assert (steps <= speed[0] / 4000 * (1 + 1e-9)).all()
    assert torch.equal(path.coordinates["t"], torch.linspace(0, 1, 4001, dtype=torch.float64))


@pytest.mark.parametrize("name", PATHS)
def test_the_tangent_is_the_derivative_in_t(name):
    path = PATHS[name](circle(), (0, 13), 1000)
    quotients = path.points.diff(dim=0) / path.coordinates["t"].diff()[:, None]
    inside = (path.tangents[1:] == path.tangents[:-1]).all(dim=(1, 2))  # on one segment
    assert inside.sum() > 900
    torch.testing.assert_close(quotients[inside], path.tangents[:-1, 0][inside], atol=1e-9, rtol=0)


def test_the_principal_line_stays_in_the_subspace_and_is_straight():
    x = gaussian()
    path = principal_line(x, (3, 17), 9, components=4)
    pca = PCA(4, svd_solver="full").fit(x.double().numpy())
    z = torch.from_numpy(pca.transform(path.points.numpy()))
    torch.testing.assert_close(torch.from_numpy(pca.inverse_transform(z.numpy())), path.points)
    torch.testing.assert_close(z[[0, -1]], torch.from_numpy(pca.transform(x[[3, 17]].double().numpy())))
    torch.testing.assert_close(z.diff(dim=0), z.diff(dim=0).mean(0).expand(8, 4))
    away = torch.linalg.vector_norm(x[[3, 17]].double() - path.points[[0, -1]], dim=1)
    assert [anchor.distance for anchor in path.anchors] == pytest.approx(away.tolist())
    assert away.min() > 1  # or the line between the samples would pass as well


def test_with_all_components_the_principal_line_is_the_line():
    x = gaussian()
    torch.testing.assert_close(principal_line(x, (3, 17), 9, components=20).points, line(x, (3, 17), 9).points)


@pytest.mark.parametrize("n", [12, 60])
def test_principal_components_agree_with_scikit_learn(n):
    x = gaussian(n) * torch.linspace(1, 3, 20)
    mean, components = principal_components(x, 5)
    pca = PCA(5, svd_solver="full").fit(x.double().numpy())
    torch.testing.assert_close(mean, torch.from_numpy(pca.mean_))
    cosines = components @ torch.from_numpy(pca.components_).T
    torch.testing.assert_close(cosines.abs(), torch.eye(5).double(), atol=1e-6, rtol=0)


def test_the_data_path_follows_the_circle():
    x = circle(40)
    path = data_path(x, (0, 13), 27, neighbours=2)
    assert [anchor.index for anchor in path.anchors] == list(range(14))
    assert [anchor.coordinates["t"] for anchor in path.anchors] == pytest.approx([k / 13 for k in range(14)])
    torch.testing.assert_close(path.points[::2], x[:14])  # 26 steps over 13 segments of one length
    radii = torch.linalg.vector_norm(path.points, dim=1)
    assert radii.min() > 0.99
    assert torch.linalg.vector_norm(line(x, (0, 13), 27).points, dim=1).min() < 0.6  # the line leaves it


def test_the_data_path_is_shortest_yet_never_shorter_than_the_line():
    x = gaussian(80, 3)
    straight = torch.dist(x[0].double(), x[50].double())
    total = {}
    for neighbours in (4, 8, 20, 79):
        total[neighbours] = torch.linalg.vector_norm(data_path(x, (0, 50), 5, neighbours).tangents[0])
        assert total[neighbours] >= straight * (1 - 1e-12)
    assert total[4] > total[8] > straight * 1.01  # more edges, shorter paths
    torch.testing.assert_close(data_path(x, (0, 50), 5, 79).points, line(x, (0, 50), 5).points)  # every edge


def test_repeated_samples_on_a_data_path_make_no_stop():
    x = torch.tensor([0.0, 1, 2, 2, 2, 2])[:, None]
    passed = []
    for end in (2, 3, 4, 5):
        path = data_path(x, (0, end), 9, neighbours=2)
        torch.testing.assert_close(path.points[:, 0], torch.linspace(0, 2, 9, dtype=torch.float64))
        assert (path.tangents == 2).all()
        assert path.anchors[-1].index == end and path.anchors[-1].coordinates == {"t": 1.0}
        passed.append([anchor.coordinates["t"] for anchor in path.anchors])
    assert any(t.count(1.0) > 1 for t in passed)  # some end is reached through another sample equal to it


# Planes


def test_a_plane_keeps_distances_and_holds_its_corners():
    x = gaussian()
    square = plane(x, (3, 17, 5), resolution=8)
    e = square.tangents[0]
    torch.testing.assert_close(e @ e.T, torch.eye(2).double(), atol=1e-14, rtol=0)
    corners = torch.tensor([list(anchor.coordinates.values()) for anchor in square.anchors]).double()
    samples = x[[3, 17, 5]].double()
    torch.testing.assert_close(torch.pdist(corners), torch.pdist(samples))
    torch.testing.assert_close(samples[0] + corners @ e, samples)
    flat = torch.stack([square.coordinates["u"], square.coordinates["v"]], 1)
    torch.testing.assert_close(torch.pdist(flat), torch.pdist(square.points))
    assert corners[0].tolist() == [0, 0] and corners[1, 1] == 0 and corners[1, 0] > 0 and corners[2, 1] > 0


def test_the_square_is_centred_on_the_triangle_with_a_margin():
    x = torch.tensor([[1.0, 1, 0], [5, 1, 0], [1, 3, 0]])
    square = plane(x, (0, 1, 2), resolution=3, margin=0.25)
    u, v = square.coordinates["u"].reshape(3, 3), square.coordinates["v"].reshape(3, 3)
    assert u[0].tolist() == pytest.approx([-1, 2, 5]) and v[:, 0].tolist() == pytest.approx([-2, 1, 4])
    torch.testing.assert_close(square.points.reshape(3, 3, 3)[2, 0], torch.tensor([0.0, 5, 0]).double())
    assert torch.equal(u, u[:1].expand(3, 3))  # row-major: u runs along the rows


def test_the_axes_stay_orthonormal_for_a_narrow_triangle():
    x = torch.zeros(3, 50, dtype=torch.float64)
    x[1], x[2] = 1.0, 0.5
    x[2, 0] += 1e-4
    e = plane(x, (0, 1, 2), resolution=2).tangents[0]
    torch.testing.assert_close(e @ e.T, torch.eye(2).double(), atol=1e-14, rtol=0)
    x[2, 0] -= 1e-4 - 1e-9
    with pytest.raises(DataError, match="on one line"):
        plane(x, (0, 1, 2))


# Choosing samples


def test_the_first_of_each_class():
    y = torch.tensor([2, 0, 2, 1, 0, 1])
    classes = nearby.class_indices(["cat", "dog"], 2, ("bird", "cat", "dog"))
    assert classes == (1, 2) and nearby.first_of_classes(y, classes) == (3, 0)
    assert nearby.class_indices(None, 3, ("bird", "cat", "dog", "ship")) == (0, 1, 2)


@pytest.mark.parametrize("classes", [(0, 2), (2, 0), None])
def test_the_nearest_pair_of_two_classes(classes):
    x, y = gaussian(), torch.arange(60) % 3
    apart = torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist")
    allowed = y[:, None] < y if classes is None else (y[:, None] == classes[0]) & (y == classes[1])
    best = apart.masked_fill(~allowed, torch.inf).argmin().item()
    assert nearby.nearest_pair(x, y, classes) == divmod(best, 60)


def test_the_nearest_pair_across_a_boundary_takes_predictions():
    x = torch.tensor([[0.0], [1.0], [1.1], [3.0]])
    assert nearby.nearest_pair(x, torch.tensor([0, 0, 1, 1])) == (1, 2)
    assert nearby.nearest_pair(x, torch.tensor([0, 0, 0, 1])) == (2, 3)


# Errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: grid(3), r"geometry=grid: the data have 3 dimensions.*--plane.*--interpolate"),
        (lambda x: grid(2, (1.0, -1.0)), r"geometry\.bounds=\[1\.0, -1\.0\]: must be two numbers low < high"),
        (lambda x: grid(2, resolution=1), r"geometry\.resolution=1: .*at least 2"),
        (lambda x: plane(x, (0, 1, 2), resolution=1), r"geometry\.resolution=1"),
        (lambda x: plane(x, (0, 1, 2), margin=-1.0), r"geometry\.margin=-1\.0"),
        (lambda x: line(x, (0, 1), 1), r"geometry\.points=1: .*at least 2"),
        (lambda x: line(x, (0, 99)), r"geometry\.samples=\[0, 99\]: indices go from 0 to 59: 99 doesn't"),
        (lambda x: line(x, (-1, 2)), r"geometry\.samples=\[-1, 2\]"),
        (lambda x: principal_line(x, (0, 1), components=21), r"geometry\.components=21: must be from 1 to 20"),
        (lambda x: data_path(x, (0, 1), neighbours=60), r"geometry\.neighbours=60: must be from 1 to 59"),
        (lambda x: nearby.samples_by_index(x, [1], 2), r"geometry\.samples=\[1\]: .*two different samples"),
        (lambda x: nearby.samples_by_index(x, [1, 2, 1], 3), r"geometry\.samples=\[1, 2, 1\]: .*three different"),
        (lambda x: nearby.class_indices(["dgo", "cat"], 2, ("cat", "dog")), r"geometry\.classes=dgo: .*'dog'"),
        (lambda x: nearby.class_indices(["cat", "cat"], 2, ("cat", "dog")), r"geometry\.classes=.*two different"),
        (lambda x: nearby.class_indices(None, 3, ("cat", "dog")), r"geometry\.classes=null: three.*geometry\.samples"),
        (lambda x: nearby.first_of_classes(torch.tensor([0, 1]), (0, 2)), r"geometry\.classes=2: none of 2 samples"),
    ],
)
def test_what_a_configuration_gets_wrong(call, message):
    with pytest.raises(ConfigError, match=message):
        call(gaussian())


@pytest.mark.parametrize("make", [*PATHS.values(), lambda x, ends: plane(x, (*ends, 2))])
@pytest.mark.parametrize("ends", [(0, 0), (0, 1)])
def test_equal_samples_span_nothing(make, ends):
    x = gaussian()
    x[1] = x[0]
    with pytest.raises(DataError, match=r"geometry\.samples: samples 0 and [01] are equal"):
        make(x, ends)


def test_samples_that_agree_in_the_leading_components():
    cross = torch.tensor([[-1.0, 0], [1, 0], [0, 0.1], [0, -0.1]])
    with pytest.raises(DataError, match=r"geometry\.components=1.*more components"):
        principal_line(cross, (2, 3), components=1)
    assert torch.equal(principal_line(cross, (2, 3), 2, components=2).points, cross[2:].double())


def test_samples_that_no_neighbours_connect():
    with pytest.raises(DataError, match=r"geometry\.neighbours=1: no path .* sample 0 to sample 40 .* more neighbours"):
        data_path(circle(), (0, 40), neighbours=1)


def test_a_network_that_predicts_one_class_has_no_pair_across_its_boundary():
    with pytest.raises(DataError, match=r"all 60 .* as class 3.*geometry\.samples"):
        nearby.nearest_pair(gaussian(), torch.full((60,), 3))
