"""What the operating system refuses, in words: the path, the reason, the remedy.

A full disk or a folder of someone else's is no bug of the program. Wherever such an error ends a run or a command, the
person at the terminal gets a sentence that says what to change.
"""

import errno
import os

from geomsym.errors import UserError

PLACE = "give another folder (--out, or the option that names this path)"

REASONS = {
    errno.EACCES: ("permission denied", f"ask its owner for the permission, or {PLACE}"),
    errno.EPERM: ("the system doesn't permit it", f"ask its owner for the permission, or {PLACE}"),
    errno.EROFS: ("the file system is read-only", PLACE),
    errno.ENOSPC: ("the disk is full", f"make room there, or {PLACE}"),
    errno.EDQUOT: ("your disk quota is used up", f"make room there, or {PLACE}"),
    errno.EFBIG: ("the file would be larger than is allowed", PLACE),
    errno.ENAMETOOLONG: ("the name is too long for the file system", "give a shorter one"),
    errno.ENOENT: ("no such file or folder", "check the name; it may have been moved or deleted meanwhile"),
    errno.ENOTDIR: ("a part of this path is a file, not a folder", "give another path, or move that file away"),
    errno.EISDIR: ("is a folder, not a file", "give the name of a file"),
    errno.EEXIST: ("something of this name is there already", "move it away, or give another name"),
    errno.ELOOP: ("links that lead in a circle", "give the path that they were to lead to"),
    errno.EMFILE: ("too many open files", "give fewer --workers, or raise the limit, as with «ulimit -n 4096»"),
    errno.ENFILE: ("the machine has too many open files", "close other programs, or give fewer --workers"),
    errno.EAGAIN: ("the system has no more processes or threads for you", "give fewer --workers"),
    errno.ENOMEM: ("not enough memory", "give fewer --workers, or close other programs"),
    errno.EIO: ("the device reports an error", f"check the disk, or {PLACE}"),
    errno.ESTALE: ("the network drive has lost this file", "repeat the command"),
    errno.ENOTEMPTY: ("the folder isn't empty", "move what is in it away"),
}
"""Error numbers: the reason, and what to do."""

TRANSIENT = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.EINTR)
"""Refusals that say nothing about the file."""

NOT_OURS = (errno.EACCES, errno.EPERM, errno.EROFS)
"""Refusals to write to what belongs to someone else."""

MEMORY = (
    "not enough memory",
    "smaller data.subset_size, inference.batch_size or architecture.width, or fewer --workers",
)

TORCH_OUT_OF_MEMORY = ("you tried to allocate", "out of memory")
"""What torch says, on the CPU and on a GPU."""


def explanation(error: BaseException) -> str | None:
    """What a user can do about an error, in a line; None where it is a bug."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return _of_system(error)
    if _is_out_of_memory(error):
        text = " ".join(str(error).split())
        return f"{MEMORY[0]}{f' ({text[:200]})' if text else ''}; give a {MEMORY[1]}"
    return None


def _of_system(error: OSError) -> str:
    paths = " and ".join(dict.fromkeys(os.fsdecode(p) for p in (error.filename, error.filename2) if _is_path(p)))
    text = " ".join((error.strerror or str(error) or type(error).__name__).split())
    check = "check that the path can be used and that the disk has room"
    reason, remedy = REASONS.get(error.errno or 0, (text, check))
    return f"{paths}: {reason}; {remedy}" if paths else f"{reason}; {remedy}"


def _is_path(name: object) -> bool:
    return isinstance(name, str | bytes | os.PathLike)  # a file's number says nothing


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in TORCH_OUT_OF_MEMORY)
    )
