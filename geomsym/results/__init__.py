"""Results: the one address of a run, and the tidy tables of experiments.

What `__init__.pyi` lists is imported when it is first used: runs can be named, planned and counted without pandas and
torch, and `load` takes no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
