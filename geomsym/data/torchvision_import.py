"""Importing torchvision beside a torch of another build.

A torchvision built for CUDA beside a CPU-only torch fails at import, because its compiled operators are not
loaded and two of them, `nms` and `qnms`, are looked up by name. Nothing here uses them: declaring their
schemas is enough.
"""

import functools
import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.library import Library

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_declared: "list[Library]" = []  # a declaration lasts only as long as its Library object


@functools.cache
def import_torchvision() -> ModuleType:
    """The torchvision package; missing operators are declared only where the import fails for them."""
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    _declare_operators()
    _forget_half_imported()
    return importlib.import_module("torchvision")


def _declare_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _declared.append(library)


def _forget_half_imported() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
