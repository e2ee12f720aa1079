"""Commands run in the process of the test."""

from typer.testing import CliRunner

from geomsym.cli.main import app

SMALL = ["data=sinusoid", "data.subset_size=40", "data.test_size=40", "architecture=fcn", "architecture.width=8",
         "architecture.depth=2", "inference.max_steps=20", "inference.learning_rate=0.1"]  # fmt: skip
"""A run of a few milliseconds."""


def invoke(*arguments: object):
    """The result of a command; anything but an exit is a bug and is raised here."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
