from .base import Event, Executor, Failed, Finished, Progressed, Retried, Tell
from .deaths import WorkerDied
from .job import Job, RunJob, ScanJob
from .planning import folder_of, identity, is_finished, keep_initial_weights, plan, trouble
from .processes import Processes
from .record import jobs, perform
from .serial import Serial
from .study import complete

__all__ = [
    "Event",
    "Executor",
    "Failed",
    "Finished",
    "Job",
    "Processes",
    "Progressed",
    "Retried",
    "RunJob",
    "ScanJob",
    "Serial",
    "Tell",
    "WorkerDied",
    "complete",
    "folder_of",
    "identity",
    "is_finished",
    "jobs",
    "keep_initial_weights",
    "perform",
    "plan",
    "trouble",
]
