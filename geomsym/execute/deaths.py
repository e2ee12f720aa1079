"""Why a worker process died: by which signal, with which exit code, for lack of memory."""

import os
import signal
from pathlib import Path

from geomsym.cores import control_groups
from geomsym.errors import UserError


class WorkerDied(UserError):
    """A worker process died: why, and what to do."""

    def __str__(self) -> str:
        reason, remedy = self.args
        return f"its worker process {reason}. {remedy}"


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


def how_it_ended(exit_code: int, kills: int, memory: int) -> tuple[str, str]:
    """What an exit code says, and what to do.

    `kills` is how many processes ran out of memory meanwhile, `memory` how many bytes this one has had at most.
    """
    if exit_code >= 0:
        return f"ended with exit code {exit_code}", "What it said stands above."
    name = _signal_name(-exit_code)
    if name != "SIGKILL":
        return f"was ended by {name}{_meaning(name)}", CONTINUES
    if kills:
        return f"was ended by the kernel for lack of memory (SIGKILL){_largest(memory)}", FEWER
    return f"was ended by SIGKILL, for lack of memory or by someone{_largest(memory)}", f"If it was memory: {FEWER}"


CONTINUES = "The same command tries again."
FEWER = "Give fewer --workers; the same command tries again."


def peak_memory(pid: int | None) -> int:
    """The most memory in bytes that a living process has had; 0 where the system doesn't say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
    except OSError:
        return 0


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


def _largest(memory: int) -> str:
    """The memory that a process has had, beside what the machine has."""
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        there = 0
    return f" (it had {memory / 2**30:.1f} GiB, the machine has {there / 2**30:.1f})" if memory and there else ""
