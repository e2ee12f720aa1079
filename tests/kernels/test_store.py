"""Tiles on disk: what shares them, who computes them, and what becomes of a job that was killed."""

import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch

from geomsym.architectures import specs
from geomsym.errors import ConfigError, DataError
from geomsym.kernels import Kernels, kernel_matrices, tiles
from geomsym.kernels.backends import BACKENDS, Backend
from geomsym.kernels.store import FolderStore, images_name, network_name

GAP = specs("gap", depth=2)
FAMILIES = [specs("vec", depth=2), specs("lap", depth=2, window=2), GAP]
SMALL_TILES = 2 * 2 * 16 * 12 * 8  # the memory of four pairs of 4×4 images in the reference


def images(n, seed=0, shape=(3, 4, 4)):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def computed(monkeypatch):
    """The number of pairs that the reference computes, times the networks of the pass."""
    counts = []
    plain = BACKENDS["torch"]

    def block(networks, x1, x2):
        counts.append(len(x1) * len(x2) * len(networks))
        return plain.block(networks, x1, x2)

    monkeypatch.setitem(BACKENDS, "torch", Backend(block, plain.supports, plain.coverage, plain.work))
    return counts


def stored(folder, alongside=()):
    return Kernels("torch", SMALL_TILES, FolderStore(folder), tuple(alongside))


def equal(a, b):
    return torch.equal(a.nngp, b.nngp) and torch.equal(a.ntk, b.ntk)


def test_what_is_read_is_what_was_computed(tmp_path, computed):
    x1, x2 = images(5), images(3, seed=1)
    plain = Kernels("torch", SMALL_TILES)
    for arguments in ((x1,), (x1, x2)):
        expected = plain.matrices(GAP, *arguments)
        computed.clear()
        first = stored(tmp_path).matrices(GAP, *arguments)
        assert sum(computed) == (4 + 4 + 1 + 4 + 2 + 2 if len(arguments) == 1 else 15)
        computed.clear()
        again = stored(tmp_path).matrices(GAP, *arguments)
        assert computed == [] and equal(first, expected) and equal(again, expected)


def test_a_larger_subset_computes_only_what_a_smaller_one_lacks(tmp_path, computed):
    x = images(8)
    stored(tmp_path).matrices(GAP, x[:4])
    done = sum(computed)
    whole = stored(tmp_path).matrices(GAP, x)
    assert sum(computed) == 4 * 10 and done == 4 * 3  # tiles of the upper triangle
    assert equal(whole, Kernels("torch", SMALL_TILES).matrices(GAP, x))


def test_other_images_dtypes_and_layers_share_nothing(tmp_path, computed):
    """The control: one pixel, a bias, the precision."""
    x = images(2)
    y = x.clone()
    y[0, 0, 0, 0] += 1e-9
    store = stored(tmp_path)
    other = specs("gap", depth=2, b_variance=0.02)
    for network, data in ((GAP, x), (GAP, y), (other, x), (GAP, x.float())):
        computed.clear()
        store.matrices(network, data)
        assert sum(computed) == 4
    assert not torch.equal(store.matrices(GAP, x).ntk, store.matrices(GAP, y).ntk)


def test_names_depend_on_what_values_depend_on():
    assert network_name(GAP, torch.float32, "torch") == network_name(
        specs("gap", depth=2, width=7), torch.float32, "torch"
    )
    names = {network_name(network, torch.float32, "torch") for network in FAMILIES}
    names |= {network_name(GAP, torch.float64, "torch"), network_name(GAP, torch.float32, "numba")}
    assert len(names) == 5
    x = images(2)
    assert len({images_name(x), images_name(x.flip(0)), images_name(x[:1]), images_name(x.reshape(2, 12, 2, 2))}) == 4


def test_a_first_layer_that_is_not_gaussian_has_no_kernel():
    with pytest.raises(ConfigError, match=r"architecture.first_layer_init=uniform: .*give gaussian"):
        kernel_matrices(specs("gap", depth=1, first_layer_init="uniform"), images(2))


@pytest.mark.parametrize(("backend", "padding"), [("torch", "circular"), ("torch", "zero"), ("numba", "circular")])
def test_one_pass_serves_all_readouts(tmp_path, backend, padding):
    x = images(5).float()
    settings = {"depth": 2, "padding": padding}
    networks = [specs("vec", **settings), specs("lap", window=2, **settings), specs("gap", **settings)]
    together = Kernels(backend, store=FolderStore(tmp_path), alongside=tuple(networks))
    together.matrices(networks[0], x)
    assert len(list(tmp_path.glob("*/*.npy"))) == 3
    for network in networks:
        ours, alone = together.matrices(network, x), Kernels(backend).matrices(network, x)
        torch.testing.assert_close(ours.ntk, alone.ntk, rtol=1e-6, atol=0)
        torch.testing.assert_close(ours.nngp, alone.nngp, rtol=1e-6, atol=0)


def test_companions_cost_no_second_pass(tmp_path, computed):
    x = images(4)
    stored(tmp_path, FAMILIES).matrices(FAMILIES[0], x)
    assert sum(computed) == 3 * 4 * 3
    for network in FAMILIES:
        stored(tmp_path, FAMILIES).matrices(network, x)
    assert sum(computed) == 3 * 4 * 3


def test_networks_with_other_layers_do_not_go_along(tmp_path):
    others = (
        specs("gap", depth=3),
        specs("fcn", depth=2),
        specs("lcn", depth=2),
        specs("gap", depth=2, padding="zero"),
    )
    stored(tmp_path, others).matrices(GAP, images(2))
    assert len(list(tmp_path.glob("*/*.npy"))) == 1


def test_no_lock_is_left(tmp_path):
    stored(tmp_path).matrices(GAP, images(5))
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_tile_that_somebody_else_computes_is_waited_for(tmp_path, computed):
    """While another process holds a tile, the rest is computed; the tile is read when it comes."""
    x = images(4)
    expected = Kernels("torch", SMALL_TILES).matrices(GAP, x)
    computed.clear()
    context = multiprocessing.get_context("spawn")
    claimed, written = context.Event(), context.Event()
    other = context.Process(target=hold_first_tile, args=(tmp_path, claimed, written))
    other.start()
    assert claimed.wait(60)
    reports = []

    def report(done, total):
        reports.append((done, total))
        if done == 8:
            written.set()

    ours = stored(tmp_path).matrices(GAP, x, report=report)
    other.join()
    assert reports == [(0, 12), (4, 12), (8, 12), (12, 12)] and sum(computed) == 8
    assert equal(ours, expected)


def hold_first_tile(folder, claimed, written):
    """In another process: claim the first tile, and finish it on request."""
    tiling = tiles.Tiling.of(GAP, images(4), None, "torch", SMALL_TILES, FolderStore(folder), ())
    original = tiling.block

    def slow(networks, x1, x2):
        claimed.set()
        assert written.wait(60)
        return original(networks, x1, x2)

    object.__setattr__(tiling, "block", slow)
    next(tiling.results())


def test_a_killed_process_leaves_its_tile_to_others(tmp_path, computed):
    context = multiprocessing.get_context("spawn")
    claimed, never = context.Event(), context.Event()
    other = context.Process(target=hold_first_tile, args=(tmp_path, claimed, never))
    other.start()
    assert claimed.wait(60)
    os.kill(other.pid, signal.SIGKILL)
    other.join()
    ours = stored(tmp_path).matrices(GAP, images(4))
    assert sum(computed) == 12
    assert equal(ours, Kernels("torch", SMALL_TILES).matrices(GAP, images(4)))


def test_a_damaged_tile_is_named(tmp_path):
    x = images(2)
    stored(tmp_path).matrices(GAP, x)
    (tile,) = tmp_path.glob("*/*.npy")
    tile.write_bytes(tile.read_bytes()[:-8])
    with pytest.raises(DataError, match=f"{tile.name}.*delete it"):
        stored(tmp_path).matrices(GAP, x)


def test_a_tile_that_fails_leaves_no_file(tmp_path, monkeypatch):
    plain = BACKENDS["torch"]

    def failing(networks, x1, x2):
        raise RuntimeError("out of memory")

    monkeypatch.setitem(BACKENDS, "torch", Backend(failing, plain.supports, plain.coverage, plain.work))
    with pytest.raises(RuntimeError):
        stored(tmp_path).matrices(GAP, images(2))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("n", [1, 31, 33, 70])
def test_a_symmetric_tile_by_halves(n):
    """Its blocks are those of the matrix, each pair is computed once, and it is exactly symmetric."""
    x = images(n, shape=(1, 1, 2))
    pairs = []

    def block(networks, x1, x2):
        pairs.append(len(x1) * len(x2))
        K = torch.cdist(x1.flatten(1), x2.flatten(1))
        return [(K + k, K * 2 + k) for k in range(len(networks))]

    result = tiles._symmetric_block(block, [GAP, GAP], x)
    for k, (nngp, ntk) in enumerate(result):
        expected = torch.cdist(x.flatten(1), x.flatten(1))
        torch.testing.assert_close(nngp, expected + k, atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(ntk, expected * 2 + k, atol=1e-6, rtol=1e-6)
        assert torch.equal(nngp, nngp.mT)
    assert sum(pairs) <= n * (n + 32) / 2 + 32 * n / 2


def test_the_diagonal_is_that_of_the_matrix():
    x = images(11).float()
    for network in FAMILIES:
        np.testing.assert_allclose(
            Kernels().diagonal(network, x), kernel_matrices(network, x).nngp.diagonal(), rtol=1e-6
        )
