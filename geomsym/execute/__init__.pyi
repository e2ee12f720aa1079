from .deaths import WorkerDied
from .local import Done, Job, Progress, execute
from .record import jobs, perform
from .scans import perform_scan

__all__ = ["Done", "Job", "Progress", "WorkerDied", "execute", "jobs", "perform", "perform_scan"]
