"""How many cores and threads this process may use."""

import os
from collections.abc import Iterator
from functools import cache
from math import ceil, inf
from pathlib import Path


def available_cores() -> int:
    """The number of cores that this process may use, by its affinity and by the quotas of its control groups."""
    return max(1, min(_schedulable(), ceil(min(cpu_quota(), 1e6))))


def available_threads() -> int:
    """The threads that a computation may have: as many as there are cores, or $OMP_NUM_THREADS where that is less."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # «4,2» are the levels of nested loops
    return min(available_cores(), int(first)) if first.isdecimal() and int(first) > 0 else available_cores()


def _schedulable() -> int:
    if hasattr(os, "process_cpu_count"):  # from Python 3.13
        return os.process_cpu_count() or 1  # pyright: ignore[reportAttributeAccessIssue]
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def cpu_quota(process: Path = Path("/proc/self")) -> float:
    """The smallest CPU quota, in cores, of the control groups that hold a process; infinite where there is none.

    Both versions of Linux's control groups, see cgroups(7). joblib and loky read the quota of the outermost group
    alone, which misses those of systemd and Slurm.
    """
    return min((_quota(group) for folder, mount in control_groups(process, "cpu") for group in _upwards(folder, mount)),
               default=inf)  # fmt: skip


def control_groups(process: Path, controller: str) -> Iterator[tuple[Path, Path]]:
    """The folders of a process's control groups that have a controller, each with the mount point that it is under."""
    try:
        mounts = (process / "mountinfo").read_text(errors="surrogateescape").splitlines()
        groups = (process / "cgroup").read_text(errors="surrogateescape").splitlines()
    except OSError:  # not Linux
        return
    paths = {name: path for _, names, path in (line.split(":", 2) for line in groups) for name in names.split(",")}
    for line in mounts:
        before, _, after = line.partition(" - ")
        root, mount = before.split()[3:5]
        kind, _, options = after.split(maxsplit=2)
        name = "" if kind == "cgroup2" else controller  # version 2 has one group for all controllers
        if kind == "cgroup2" or (kind == "cgroup" and controller in options.split(",")):
            yield _below(Path(mount), root, paths.get(name, "/")), Path(mount)


def _below(mount: Path, root: str, path: str) -> Path:
    """Where a group is below a mount point that shows the groups from `root` on; a container may hide what is above."""
    inside = os.path.relpath(path, root)
    return mount if ".." in Path(inside).parts else mount / inside


def _upwards(folder: Path, mount: Path) -> Iterator[Path]:
    yield from (group for group in (folder, *folder.parents) if group.is_relative_to(mount))


def _quota(group: Path) -> float:
    """The quota of one group, in cores: version 2 has it in one file, version 1 in two."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = " ".join((group / name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        if quota.isdecimal() and float(period) > 0:  # «max» and −1 mean none
            return float(quota) / float(period)
    return inf
