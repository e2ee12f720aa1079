"""Which images of a set are equal: each is computed once, so that equal ones stay equal to the last bit.

Matrix products round the rows of a batch differently, by where in it they stand. A kernel matrix of images that were
equal, and differ now in their last bits, is nearly singular, and regression with it gives nonsense.
"""

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor


def distinct(x: Tensor) -> tuple[Tensor, Tensor]:
    """The indices [m] of the images that differ from all before them, and for each image the place [n] of its equal.

    Images [n, …] are x[first][place]. 0 and −0 are equal.
    """
    places: dict[bytes, int] = {}
    first, place = [], []
    for i, image in enumerate(x.cpu().numpy()):
        k = places.setdefault(hashlib.blake2b((image + 0.0).tobytes(), digest_size=20).digest(), len(first))
        if k == len(first):
            first.append(i)
        place.append(k)
    return torch.tensor(first, device=x.device), torch.tensor(place, device=x.device)


def on_distinct(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function of each image by itself, [n, …] -> [n, …], that gives equal images equal results to the last bit."""
    first, place = distinct(x)
    return function(x) if len(first) == len(x) else function(x[first])[place]
