"""The number of threads of torch and of numba, which share OpenMP's."""

import os

import torch

from geomsym.cores import available_cores, available_threads


def set_threads(number: int) -> None:
    """Give torch and numba so many threads, or as many as $OMP_NUM_THREADS and $NUMBA_NUM_THREADS allow."""
    import numba
    from numba import config

    number = min(number, available_threads())
    numba.set_num_threads(min(number, config.NUMBA_NUM_THREADS))  # pyright: ignore[reportAttributeAccessIssue]
    torch.set_num_threads(number)  # after numba, which sets the number of OpenMP's threads to that of all cores


def keep_torch_to_cores() -> None:
    """Lower torch's number of threads to that of the cores; torch itself knows of no quotas."""
    if torch.get_num_threads() > available_cores():
        torch.set_num_threads(available_cores())


def keep_numba_to_cores() -> None:
    """Lower numba's number of threads to that of the cores, and start them without a change to torch's number.

    numba counts them for every thread of Python anew. It knows of no quotas, and $NUMBA_NUM_THREADS is for it alone.
    """
    import numba

    threads = torch.get_num_threads()
    limit = available_cores() if "NUMBA_NUM_THREADS" in os.environ else available_threads()
    numba.set_num_threads(min(numba.get_num_threads(), limit))
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
