"""The address of a scan: where the geometry of a run, measured in one way, is written down.

geometry.csv is written last, so that a scan without it isn't finished.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from geomsym.config import GeometryConfig
from geomsym.files import write_csv, write_text
from geomsym.results.identity import scan_id
from geomsym.results.records import SpoiltRun, check_scan_tables
from geomsym.results.schema import SCAN_TABLES

if TYPE_CHECKING:
    import pandas as pd


class ScanFolder:
    """A scan of a run: its id, which says where and how geometry is measured, and its files."""

    def __init__(self, run: Path, run_id: str, geometry: GeometryConfig):
        self.run_id = run_id
        self.geometry = geometry
        self.id = scan_id(geometry)
        self.path = run / "scans" / self.id

    @property
    def is_finished(self) -> bool:
        """Whether its tables are there, and whole."""
        try:
            check_scan_tables(self.path)
        except SpoiltRun:
            return False
        return (self.path / "geometry.csv").is_file()

    def write(self, tables: "Mapping[str, pd.DataFrame]") -> None:
        """Write the `SCAN_TABLES`; columns that they lack are empty."""
        text = yaml.safe_dump(asdict(self.geometry), sort_keys=False, allow_unicode=True)
        write_text(self.path / "config.yaml", text)
        for name in reversed(SCAN_TABLES):  # geometry.csv last
            table = tables[name].assign(run_id=self.run_id, scan=self.id)
            write_csv(self.path / f"{name}.csv", table.reindex(columns=list(SCAN_TABLES[name])))
