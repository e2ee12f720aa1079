"""Where runs happen: jobs in worker processes, and what is done in each.

What `__init__.pyi` lists is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
