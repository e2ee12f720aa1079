from .base import Event, Executor, Failed, Finished, Progressed, Retried, Tell
from .deaths import WorkerDied
from .job import Job, RunJob, ScanJob
from .processes import Processes
from .record import jobs, perform
from .scans import perform_scan
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
    "jobs",
    "perform",
    "perform_scan",
]
