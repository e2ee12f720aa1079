"""Subsets are balanced, nested, disjoint, and refused where a class runs out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geomsym.config import DataConfig
from geomsym.data.base import LabelledImages, Source
from geomsym.data.subsets import balanced_order, partition
from geomsym.errors import ConfigError

COUNTS = st.lists(st.integers(1, 12), min_size=2, max_size=5)


def source_of(train_counts, test_counts=None):
    """A source with so many examples of each class, in shuffled storage order; its images are never read."""
    names = tuple(f"class{k}" for k in range(len(train_counts)))
    pools = []
    for counts in (train_counts, test_counts or train_counts):
        labels = np.repeat(np.arange(len(counts)), counts)
        pools.append(LabelledImages(np.random.default_rng(3).permutation(labels), read=pytest.fail))
    return Source(*pools, names)


def choose(source, **values):
    return partition(source, DataConfig("mnist", **values))


def spread(labels, classes):
    counts = np.bincount(labels, minlength=classes)
    return counts.max() - counts.min()


@settings(deadline=None)  # seconds are not what is tested
@given(COUNTS, st.integers(0, 2**31))
def test_an_order_is_a_permutation_whose_stretches_are_balanced_until_a_class_runs_out(counts, seed):
    source = source_of(counts)
    order = balanced_order(source.train.labels, np.random.default_rng(seed))
    assert sorted(order) == list(range(sum(counts)))
    labels, full = source.train.labels[order], min(counts) * len(counts)
    for start in range(full):
        for end in range(start, full + 1):
            assert spread(labels[start:end], len(counts)) <= 1


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(0, 1000), st.data())
def test_subsets_are_nested_balanced_and_disjoint_from_validation(counts, seed, data):
    source, room = source_of(counts), min(counts) * len(counts)
    held_out = data.draw(st.integers(0, room - 1))
    large = data.draw(st.integers(1, room - held_out))
    small = data.draw(st.integers(1, large))
    bigger = choose(source, subset_size=large, validation_size=held_out, seed=seed)
    smaller = choose(source, subset_size=small, validation_size=held_out, seed=seed)
    everything = choose(source, subset_size=None, validation_size=held_out, seed=seed)
    assert len(bigger.train) == large and len(bigger.validation) == held_out
    assert np.array_equal(bigger.train[:small], smaller.train)
    assert np.array_equal(everything.train[:large], bigger.train)
    assert np.array_equal(bigger.validation, smaller.validation)
    assert not set(everything.train) & set(everything.validation)
    assert len(everything.train) == sum(counts) - held_out
    for index in (bigger.train, smaller.train, bigger.validation):
        assert spread(source.train.labels[index], len(counts)) <= 1


def test_the_largest_size_named_in_the_error_is_the_largest_that_works():
    source = source_of([9, 4, 6])  # class1 misses its fifth turn, after 4·3 + 1 examples
    with pytest.raises(ConfigError) as caught:
        choose(source, subset_size=12, validation_size=2)
    assert str(caught.value) == (
        "data.subset_size=12: class 'class1' has only 4 examples, and classes are equally large: "
        "give at most 11 beside data.validation_size=2, or null for all that are left"
    )
    assert len(choose(source, subset_size=11, validation_size=2).train) == 11


@pytest.mark.parametrize("key", ["test_size", "validation_size"])
def test_the_other_sizes_are_refused_under_their_own_key(key):
    with pytest.raises(ConfigError, match=rf"data\.{key}=8: class 'class0' has only 3 .*give at most 6"):
        choose(source_of([3, 6]), **{key: 8})


def test_validation_may_not_take_everything():
    with pytest.raises(ConfigError, match=r"data\.validation_size=4: leaves nothing of 4 training examples"):
        choose(source_of([2, 2]), validation_size=4)


def test_test_subsets_come_from_the_test_pool_and_are_nested():
    source = source_of([5, 5], [20, 30])
    small, large = (choose(source, test_size=size).test for size in (10, 40))
    assert np.array_equal(large[:10], small)
    assert spread(source.test.labels[large], 2) == 0
    assert len(choose(source, test_size=None).test) == 50


def test_another_seed_chooses_other_examples_and_the_same_seed_the_same():
    source = source_of([50, 50])
    first, again, other = (choose(source, subset_size=20, seed=seed).train for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert set(first) != set(other)


def test_a_whole_source_ignores_sizes():
    pool = source_of([2, 2])
    whole = Source(pool.train, pool.test, pool.class_names, whole=True)
    chosen = choose(whole, subset_size=400, test_size=1000)
    assert sorted(chosen.train) == sorted(chosen.test) == [0, 1, 2, 3]
