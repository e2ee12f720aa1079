"""What the system refuses, in words: path, reason, remedy."""

import errno
import os

import pytest
import torch

from geomsym.errors import DataError
from geomsym.system_errors import REASONS, explanation


@pytest.mark.parametrize("number", REASONS)
def test_every_refusal_names_path_reason_and_remedy(number):
    said = explanation(OSError(number, os.strerror(number), "/a/b"))
    reason, remedy = REASONS[number]
    assert said == f"/a/b: {reason}; {remedy}"


def test_refusals_without_a_path_or_a_number():
    assert explanation(OSError(errno.ENOSPC, "x")).startswith("the disk is full; make room")
    assert explanation(OSError("odd\nthings")).startswith("odd things; check that")
    assert explanation(OSError()).startswith("OSError; check that")
    assert explanation(OSError(12345, "unheard of", b"/a")).startswith("/a: unheard of; check that")
    assert explanation(OSError(errno.EBADF, "x", 3)).startswith("x; check")
    assert explanation(OSError(errno.EXDEV, "x", "/a", None, "/b")).startswith("/a and /b: x;")


def test_lack_of_memory():
    assert explanation(MemoryError()).startswith("not enough memory; give a smaller data.subset_size")
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert explanation(caught.value).startswith("not enough memory (")


def test_a_bug_is_no_refusal():
    assert explanation(RuntimeError("x")) is explanation(ValueError("x")) is None
    assert explanation(DataError("x: y")) == "x: y"
