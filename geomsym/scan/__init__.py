"""The geometry of one network's representation over training, measured on a slice of input space, as tables.

A configuration says where and how: `RunConfig`, `GeometryConfig` and weights go in, tables come out.
"""

from geomsym.scan.networks import State
from geomsym.scan.runs import check_scans, measure
from geomsym.scan.slice_choice import slice_of
from geomsym.scan.tables import Scan, check_scan, scan

__all__ = ["Scan", "State", "check_scan", "check_scans", "measure", "scan", "slice_of"]
