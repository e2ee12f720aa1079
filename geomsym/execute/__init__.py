"""Where runs happen, and how they are written down.

What `__init__.pyi` lists is imported when it is first used: which runs are finished can be told without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
