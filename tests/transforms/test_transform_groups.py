"""The registry, what each group may mix, seeds, and the requests that are refused."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from geomsym.errors import ConfigError
from geomsym.transforms import (
    GROUPS,
    is_subgroup,
    largest_groups,
    memory,
    sample_moving,
    sample_path,
    sample_transform,
)

SHAPE = (3, 3, 4)
ON_CHANNELS = ["shared_rotation", "pixel_rotation", "shared_permutation", "pixel_permutation"]
ROTATIONS = ["shared_rotation", "pixel_rotation", "global_rotation"]
CONFIGS = Path(__file__).parents[2] / "configs" / "transform"


def response(name: str, seed: int = 0, shape: tuple[int, int, int] = SHAPE) -> torch.Tensor:
    """The map as a tensor T[c, h, w, c', h', w'] of output by input."""
    size = shape[0] * shape[1] * shape[2]
    basis = torch.eye(size, dtype=torch.float64).reshape(-1, *shape)
    return sample_transform(name, shape, seed, dtype=torch.float64)(basis).reshape(size, size).T.reshape(*shape, *shape)


def test_groups_are_listed_in_the_designs_order():
    assert list(GROUPS) == ["identity", *ON_CHANNELS, "global_permutation", "global_rotation"]
    assert all(group.name == name for name, group in GROUPS.items())
    assert [name for name, group in GROUPS.items() if group.is_rotation] == ROTATIONS


def test_every_group_has_its_configuration_file():
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(GROUPS)
    for name in GROUPS:
        assert OmegaConf.load(CONFIGS / f"{name}.yaml").name == name


@pytest.mark.parametrize("name", ["identity", "shared_rotation", "shared_permutation"])
def test_shared_groups_act_with_one_matrix_at_all_pixels(name):
    at_pixels = torch.einsum("ihwjhw->hwij", response(name))
    torch.testing.assert_close(at_pixels, at_pixels[:1, :1].expand_as(at_pixels), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["pixel_rotation", "pixel_permutation"])
def test_pixel_groups_act_with_different_matrices(name):
    at_pixels = torch.einsum("ihwjhw->hwij", response(name))
    assert not torch.equal(at_pixels, at_pixels[:1, :1].expand_as(at_pixels))


def weight_between_pixels(name: str) -> float:
    """The sum of T² over pairs of different pixels, of at most D."""
    total = response(name).square()
    return float(total.sum() - torch.einsum("ihwjhw->", total))


@pytest.mark.parametrize("name", ["identity", *ON_CHANNELS])
def test_channel_groups_do_not_mix_pixels(name):
    assert weight_between_pixels(name) == 0


@pytest.mark.parametrize("name", ["global_permutation", "global_rotation"])
def test_global_groups_mix_pixels(name):
    assert weight_between_pixels(name) > 20


@pytest.mark.parametrize("name", ["identity", "shared_permutation", "pixel_permutation", "global_permutation"])
def test_permutations_only_move_values(name):
    x = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moved = sample_transform(name, SHAPE, 1, dtype=torch.float64)(x)
    assert torch.equal(moved.flatten().sort().values, x.flatten().sort().values)


def test_pixel_rotations_are_independent_across_pixels():
    q = sample_transform("pixel_rotation", (3, 60, 60), 0, dtype=torch.float64).matrix
    products = (q[:, 1:] * q[:, :-1]).flatten(0, 1)  # neighbours' entries: mean 0, variance 1/9
    assert products.mean(0).abs().max() < 5 / 3 / len(products) ** 0.5


@pytest.mark.parametrize("channels", [2, 5])
@pytest.mark.parametrize("name", GROUPS)
def test_any_number_of_channels_from_two(name, channels):
    matrix = response(name, shape=(channels, 2, 3)).reshape(6 * channels, -1)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(6 * channels, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(set(GROUPS) - {"identity"}))
def test_seeds_fix_the_element_and_tell_elements_apart(name):
    assert torch.equal(response(name, 4), response(name, 4))
    assert any(not torch.equal(response(name, 4), response(name, seed)) for seed in range(5, 9))


def test_the_global_random_state_neither_matters_nor_changes():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = response("global_rotation")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(first, response("global_rotation"))


def test_unknown_groups_get_a_suggestion():
    with pytest.raises(ConfigError, match=r"transform\.name=pixel_rotatoin: .*did you mean 'pixel_rotation'"):
        sample_transform("pixel_rotatoin", SHAPE)


@pytest.mark.parametrize("name", ON_CHANNELS)
def test_channel_groups_refuse_grey_images(name):
    with pytest.raises(ConfigError, match=rf"transform\.name={name}: .*single channel.*global_permutation"):
        sample_transform(name, (1, 4, 4))


@pytest.mark.parametrize("name", ["identity", "global_permutation", "global_rotation"])
def test_the_other_groups_accept_grey_images(name):
    assert sample_transform(name, (1, 4, 4))(torch.zeros(2, 1, 4, 4)).shape == (2, 1, 4, 4)


@pytest.mark.parametrize("name", sorted(set(GROUPS) - set(ROTATIONS)))
def test_groups_without_a_path_refuse_a_strength(name):
    with pytest.raises(ConfigError, match=r"transform\.strength=0\.5: .*null.*pixel_rotation"):
        sample_transform(name, SHAPE, strength=0.5)
    with pytest.raises(ConfigError, match=r"transform\.strength"):
        sample_path(name, SHAPE)


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_strengths_outside_the_path_are_refused(strength):
    with pytest.raises(ConfigError, match=r"transform\.strength=.*\[0, 1\]"):
        sample_transform("pixel_rotation", SHAPE, strength=strength)


@pytest.mark.parametrize("shape", [(3, 4), (3, 0, 4), (2, 3, 4, 4)])
def test_shapes_that_are_no_images_are_refused(shape):
    with pytest.raises(ConfigError, match=r"shape=.*\(channels, height, width\)"):
        sample_transform("identity", shape)


@pytest.mark.parametrize("strength", [None, 0.5])
def test_a_matrix_that_does_not_fit_is_refused_before_anything_is_drawn(monkeypatch, strength):
    monkeypatch.setattr(memory, "main_memory", lambda: 24 * 10**9)
    monkeypatch.setattr(torch, "randn", lambda *sizes, **options: pytest.fail("a matrix was allocated"))
    with pytest.raises(ConfigError) as caught:
        sample_transform("global_rotation", (3, 224, 224), strength=strength)
    message = str(caught.value)
    for part in (
        "transform.name=global_rotation",
        "150528×150528",
        "24.0 GB",
        "data.image_size",
        "pixel_rotation",
    ):
        assert part in message


def test_the_memory_of_the_gpu_counts_too(monkeypatch):
    monkeypatch.setattr(memory, "main_memory", lambda: 10**12)
    monkeypatch.setattr(memory, "cuda_memory", lambda device: 10**6)
    with pytest.raises(ConfigError, match=r"1200×1200 matrix needs .* of GPU memory"):
        sample_transform("global_rotation", (3, 20, 20), device="cuda")


def test_main_memory_without_meminfo_is_the_machines(monkeypatch, tmp_path):
    known = memory.main_memory()
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "absent")
    assert 0 < known <= memory.main_memory()


# --- Subgroups ---


def test_the_order_of_the_groups_is_that_of_inclusion():
    """Written out: every group with all that it contains."""
    below = {name: {other for other in GROUPS if is_subgroup(other, name)} for name in GROUPS}
    shared = {"identity", "shared_permutation"}
    assert below["identity"] == {"identity"} and below["shared_permutation"] == shared
    assert below["shared_rotation"] == shared | {"shared_rotation"}
    assert below["pixel_permutation"] == shared | {"pixel_permutation"}
    assert below["pixel_rotation"] == shared | {"shared_rotation", "pixel_permutation", "pixel_rotation"}
    assert below["global_permutation"] == shared | {"pixel_permutation", "global_permutation"}
    assert below["global_rotation"] == set(GROUPS)


def test_the_largest_of_some_groups():
    assert largest_groups(GROUPS) == ["global_rotation"] and largest_groups([]) == []
    assert largest_groups(["identity", "pixel_rotation", "global_permutation"]) == [
        "pixel_rotation",
        "global_permutation",
    ]
    assert largest_groups(["shared_permutation", "shared_rotation"]) == ["shared_rotation"]


# --- Elements that move something ---


def test_an_element_that_moves_is_the_first_from_its_seed_on():
    """Of the permutations of three channels, seeds 1, 2 and 8 give the identity."""
    x = torch.randn(3, 2, 2, dtype=torch.float64)
    for seed, taken in ((0, 0), (1, 3), (2, 3), (3, 3), (8, 9)):
        tau = sample_moving("shared_permutation", (3, 2, 2), seed, torch.float64)
        assert not torch.equal(tau(x), x)
        assert torch.equal(tau(x), sample_transform("shared_permutation", (3, 2, 2), taken, dtype=torch.float64)(x))


def test_groups_without_another_element_are_refused():
    assert torch.equal(sample_moving("identity", (3, 2, 2))(torch.ones(3, 2, 2)), torch.ones(3, 2, 2))
    with pytest.raises(ConfigError, match=r"global_permutation: its elements leave all images \[1, 1, 1\] as they are"):
        sample_moving("global_permutation", (1, 1, 1))
