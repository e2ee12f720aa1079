"""The symmetry groups acting on images: random elements, and paths from the identity into them.

What `__init__.pyi` lists is imported when it is first used: the names and symbols of groups need no torch.

>>> import torch
>>> from geomsym.transforms import sample_transform
>>> tau = sample_transform("pixel_rotation", (3, 8, 8), seed=0)
>>> x = torch.randn(10, 3, 8, 8)
>>> torch.allclose(tau.inverse(tau(x)), x, atol=1e-5)
True
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
