"""Where runs happen, and how they are written down."""

from geomsym.execute.local import Done, Job, Progress, available_cores, execute
from geomsym.execute.record import folder_of, is_finished, jobs, perform, plan, trouble

__all__ = [
    "Done",
    "Job",
    "Progress",
    "available_cores",
    "execute",
    "folder_of",
    "is_finished",
    "jobs",
    "perform",
    "plan",
    "trouble",
]
