"""Data sources, subsets and preprocessing: `load(cfg)` gives a `Dataset`, `SOURCES` lists what there is.

What `__init__.pyi` lists is imported when it is first used, and each source imports what it needs when it is opened:
neither the names of sources nor the identity of a run needs torch or an image library.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
