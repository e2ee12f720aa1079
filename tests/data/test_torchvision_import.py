"""Whatever its build, torchvision is importable, and left alone where it imports by itself."""

import subprocess
import sys
import textwrap

PACKAGE = """
import sys, types
import torch

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name in ("torchvision", "torchvision.part"):
            import importlib.machinery
            return importlib.machinery.ModuleSpec(name, self, is_package=name == "torchvision")
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        if module.__name__ == "torchvision":
            BODY

sys.meta_path.insert(0, Finder())
from geomsym.data.torchvision_import import _declared, import_torchvision
"""


def ran(body, then):
    """Run `then` in a new process in which importing torchvision runs `body`; returns what it prints."""
    code = PACKAGE.replace("BODY", body) + textwrap.dedent(then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_missing_operators_are_declared_and_the_half_import_is_forgotten():
    body = "import torchvision.part; torch._C._dispatch_has_kernel_for_dispatch_key('torchvision::nms', 'Meta')"
    then = """
    try:
        import torchvision
    except RuntimeError as error:
        print("torchvision::nms" in str(error))
    first = sys.modules["torchvision.part"]
    print(import_torchvision().__name__, len(_declared), sys.modules["torchvision.part"] is first)
    print(torch.ops.torchvision.qnms.default.name())
    """
    assert ran(body, then) == ["True", "torchvision", "1", "False", "torchvision::qnms"]


def test_nothing_is_declared_where_the_import_works():
    then = "print(import_torchvision().__name__, len(_declared), hasattr(torch.ops.torchvision, 'nms'))"
    assert ran("pass", then) == ["torchvision", "0", "False"]


def test_other_errors_pass_through():
    then = """
    try:
        import_torchvision()
    except RuntimeError as error:
        print(error, len(_declared))
    """
    assert ran("raise RuntimeError('unrelated')", then) == ["unrelated", "0"]
