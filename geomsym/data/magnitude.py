"""Values that can't be computed with: so large that their squares leave the range of numbers.

Such are the fill values that stand for missing data, −3.4e38 in many formats. Every algorithm here works with squares
of pixels, kernels openly and training in its gradients.
"""

import torch
from torch import Tensor

from geomsym.errors import DataError

REMEDY = "a fill value for missing data? replace such values, or scale the images"


def check_magnitude(x: Tensor, name: str, index: Tensor | None = None) -> None:
    """Raise `DataError` for images x [n, c, h, w] of which one has a sum of squares that isn't finite in x's dtype.

    The message has the image's place in the source, `index` [n] if it is given, and the largest value with its place.
    `name` is what the images are called.
    """
    norms = x.flatten(1).square().sum(1)
    bad = (~norms.isfinite()).nonzero()[:, 0]
    if len(bad):
        image = int(bad[0])
        largest = int(x[image].abs().argmax())
        c, h, w = (int(i) for i in torch.unravel_index(torch.tensor(largest), x.shape[1:]))
        value = x[image].flatten()[largest].item()
        place = f"{image if index is None else int(index[image])}, channel {c}, row {h}, column {w}"
        dtype = str(x.dtype).removeprefix("torch.")
        count = f"; so in {len(bad)} of {len(x)} images" if len(bad) > 1 else ""
        raise DataError(f"{name} {place}: {value:g}, whose square is too large for {dtype}{count}; {REMEDY}")
