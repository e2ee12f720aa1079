"""Where runs happen, and how they are written down."""

from geomsym.cores import available_cores
from geomsym.execute.deaths import WorkerDied
from geomsym.execute.local import Done, Job, Progress, execute
from geomsym.execute.record import folder_of, is_finished, jobs, perform, plan

__all__ = [
    "Done",
    "Job",
    "Progress",
    "WorkerDied",
    "available_cores",
    "execute",
    "folder_of",
    "is_finished",
    "jobs",
    "perform",
    "plan",
]
