from .deaths import WorkerDied
from .local import Done, Job, Progress, execute
from .planning import folder_of, identity, is_finished, keep_initial_weights, plan, trouble
from .record import jobs, perform

__all__ = [
    "Done",
    "Job",
    "Progress",
    "WorkerDied",
    "execute",
    "folder_of",
    "identity",
    "is_finished",
    "jobs",
    "keep_initial_weights",
    "perform",
    "plan",
    "trouble",
]
