"""Why a worker process died: by which signal, with which exit code, for lack of memory."""

import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

from geomsym.cores import control_groups
from geomsym.errors import UserError


class WorkerDied(UserError):
    """A worker process died: why, at which jobs by their indices, as far as they are known, and what to do."""

    def __init__(self, reason: str, remedy: str, jobs: Iterable[int] = ()):
        super().__init__(reason, remedy)
        self.jobs = sorted(jobs)

    def __str__(self) -> str:
        return self.told([])

    def told(self, titles: Sequence[str]) -> str:
        """The message, with the titles of the jobs."""
        reason, remedy = self.args
        return f"a worker process {reason}{', at work on ' if titles else ''}{', '.join(titles)}. {remedy}"


def out_of_memory_kills() -> int:
    """How many processes the kernel has ended for lack of memory, in this process's control groups or altogether."""
    inner = [group for group, _ in control_groups(Path("/proc/self"), "memory")]
    files = [group / name for group in inner for name in ("memory.events", "memory.oom_control")]
    counts = [count for file in files if (count := _oom_kill(file)) is not None]
    return max(counts) if counts else _oom_kill(Path("/proc/vmstat")) or 0


def _oom_kill(file: Path) -> int | None:
    try:
        words = file.read_text().split()
        return int(words[words.index("oom_kill") + 1])
    except (OSError, ValueError):
        return None


def how_it_ended(exit_code: int, kills: int) -> tuple[str, str]:
    """What an exit code says, and what to do; `kills` is how many processes ran out of memory meanwhile."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}", f"What it said stands above. {CONTINUES}"
    name = _signal_name(-exit_code)
    if name != "SIGKILL":
        return f"was ended by {name}{_meaning(name)}", CONTINUES
    if kills:
        return "was ended by the kernel for lack of memory (SIGKILL)", f"Give fewer --workers. {CONTINUES}"
    return f"was ended by SIGKILL, for lack of memory or by someone{_largest()}", f"{IF_MEMORY} {CONTINUES}"


CONTINUES = "The same command continues."
IF_MEMORY = "If it was memory, give fewer --workers."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _meaning(name: str) -> str:
    """What stands behind a signal that a program causes itself."""
    crashed = "a crash in compiled code"
    return {
        "SIGSEGV": f": {crashed}",
        "SIGILL": f": {crashed}, built for another processor",
        "SIGFPE": f": {crashed}",
        "SIGABRT": f": {crashed}, which says more above",
        "SIGBUS": f": {crashed}, or a full disk or /dev/shm",
        "SIGTERM": ", from outside",
        "SIGXCPU": ": the limit of its processor time (ulimit -t)",
    }.get(name, "")


def _largest() -> str:
    """The memory of the largest process that this one has started and that has ended, beside what the machine has."""
    try:
        import resource

        taken = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ImportError, ValueError, OSError):
        return ""
    return f" (the largest took {taken / 2**30:.1f} GiB, the machine has {there / 2**30:.1f})"
