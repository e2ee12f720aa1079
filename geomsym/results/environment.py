"""Where a run took place: code version, library versions, machine and device."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import geomsym
from geomsym.cores import available_cores

LIBRARIES = ("torch", "torchvision", "numba", "numpy", "scipy", "pandas", "scikit-learn", "scikit-image", "hydra-core")


def environment(device: str) -> dict[str, Any]:
    """A record of the environment as plain data, for environment.json."""
    return {
        "geomsym": geomsym.__version__,
        **_git(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "platform": platform.platform(),
        "device": device,
        "device_name": torch.cuda.get_device_name(device)
        if device.startswith("cuda")
        else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "cores": available_cores(),
    }


@cache
def _git() -> dict[str, Any]:
    """Commit and dirty flag of the checkout that the code runs from; nothing where it is installed from a wheel."""
    root = Path(geomsym.__file__).parents[1]
    if not (root / ".git").exists():
        return {}
    try:
        commit, status = (
            subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True).stdout.decode().strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, UnicodeDecodeError, subprocess.CalledProcessError):
        return {}
    return {"git_commit": commit, "git_dirty": bool(status)}
