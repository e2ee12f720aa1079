"""Which images of a set are equal: each is computed once, and equal ones have the same kernels to the last bit."""

import torch
from torch import Tensor


def distinct(x: Tensor) -> tuple[Tensor, Tensor]:
    """The indices [m] of the images that differ from all before them, and for each image the place [n] of its equal.

    Images [n, …] are x[first][place]. 0 and −0 are equal.
    """
    places: dict[bytes, int] = {}
    first, place = [], []
    for i, image in enumerate(x.cpu().numpy() + 0.0):
        k = places.setdefault(image.tobytes(), len(first))
        if k == len(first):
            first.append(i)
        place.append(k)
    return torch.tensor(first, device=x.device), torch.tensor(place, device=x.device)
