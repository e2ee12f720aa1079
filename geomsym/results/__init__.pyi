from .collecting import collect, gather, write_tables
from .experiment_folder import Found, counted, experiments, require_room, statuses, survey
from .identity import LAYOUT, MEANING, canonical, described, run_id, scan_id
from .loading import Results, load
from .records import STATUSES, WITH_RESULT, OtherVersion, SpoiltRun
from .run_folder import RunFolder
from .scan_folder import ScanFolder
from .schema import (
    ANCHOR_COLUMNS,
    CURVE_COLUMNS,
    GEOMETRY_COLUMNS,
    LISTED,
    MAGNIFICATION_COLUMNS,
    RUN_COLUMNS,
    RUNS,
    SCAN_TABLES,
    SETTINGS,
    SPECTRUM_COLUMNS,
    STATISTIC_COLUMNS,
    tail_of,
)

__all__ = [
    "ANCHOR_COLUMNS",
    "CURVE_COLUMNS",
    "GEOMETRY_COLUMNS",
    "LAYOUT",
    "LISTED",
    "MAGNIFICATION_COLUMNS",
    "MEANING",
    "RUNS",
    "RUN_COLUMNS",
    "SCAN_TABLES",
    "SETTINGS",
    "SPECTRUM_COLUMNS",
    "STATISTIC_COLUMNS",
    "STATUSES",
    "WITH_RESULT",
    "Found",
    "OtherVersion",
    "Results",
    "RunFolder",
    "ScanFolder",
    "SpoiltRun",
    "canonical",
    "collect",
    "counted",
    "described",
    "experiments",
    "gather",
    "load",
    "require_room",
    "run_id",
    "scan_id",
    "statuses",
    "survey",
    "tail_of",
    "write_tables",
]
