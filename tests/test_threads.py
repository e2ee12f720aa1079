"""Threads of torch and numba in sessions of their own: by quota and by the variables that people set."""

import os
import subprocess
import sys

import pytest

from marks import slow

KERNEL = """
import threading
import torch
from geomsym import cores
cores._schedulable, cores.cpu_quota = (lambda: 64), (lambda: {quota})
from geomsym.architectures import specs
from geomsym.kernels import kernel_matrices
def kernel():
    kernel_matrices(specs("gap", depth=1), torch.ones(2, 3, 2, 2))
    import numba
    print(numba.get_num_threads(), torch.get_num_threads())
torch.set_num_threads(5)
kernel()
thread = threading.Thread(target=kernel); thread.start(); thread.join()
"""
WORKER = """
import numba, torch
from geomsym import cores
cores._schedulable, cores.cpu_quota = (lambda: 64), (lambda: 64)
from geomsym.threads import set_threads
set_threads(3)
print(numba.get_num_threads(), torch.get_num_threads())
"""


def printed(code, **variables):
    environment = {name: value for name, value in os.environ.items() if name not in LIMITS} | variables
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.split("\n")[:-1]


LIMITS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS")


def test_a_plain_session_keeps_to_its_quota_in_every_thread():
    """Affinity is wide here: numba would start four threads, and torch has been given five."""
    first, second = printed(KERNEL.format(quota=2), NUMBA_NUM_THREADS="4")
    assert first == "2 2" and second.split()[0] == "2"


def test_a_plain_session_uses_all_cores_that_it_may():
    """The control of the test above."""
    assert printed(KERNEL.format(quota=64), NUMBA_NUM_THREADS="4")[0] == "4 5"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        *slow(({"NUMBA_NUM_THREADS": "4"}, "3 3")),
        *slow(({"NUMBA_NUM_THREADS": "1"}, "1 3")),
        ({"NUMBA_NUM_THREADS": "4", "OMP_NUM_THREADS": "2"}, "2 2"),
    ],
)
def test_workers_take_no_more_threads_than_the_variables_allow(variables, expected):
    assert printed(WORKER, **variables) == [expected]
