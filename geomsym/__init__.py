"""geomsym: symmetries of data, architecture and inference, and the geometry of learned representations."""

from importlib.metadata import version

__version__ = version("geomsym")
