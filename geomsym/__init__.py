"""geomsym: symmetries of data, architecture and inference, and the geometry of learned representations."""


def __getattr__(name: str) -> str:
    """`__version__`, looked up where it is asked for: what looks it up takes longer to import than Python to start."""
    if name != "__version__":
        raise AttributeError(f"module 'geomsym' has no attribute '{name}'")
    from importlib.metadata import version

    return version("geomsym")
