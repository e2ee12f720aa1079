"""The `geomsym` command."""

import sys
from typing import Annotated

import typer
from typer.core import TyperGroup

import geomsym
from geomsym.data.digests import looked_at_once
from geomsym.system_errors import explanation

from . import bench, data, kernel, plot, status, sweep, train, verify, volume
from .options import EPILOG
from .output import is_closed_pipe, leave_full_output, print_in_any_encoding


class Commands(TyperGroup):
    """The commands; what a user can mend ends with its message and exit code 2, and a bug with its traceback."""

    def main(self, *args, **kwargs):
        """Run the program, which prints to streams of any encoding."""
        print_in_any_encoding()
        return super().main(*args, **kwargs)

    def invoke(self, ctx):
        """Run the command that was asked for."""
        try:
            with looked_at_once():
                return super().invoke(ctx)
        except Exception as error:
            message = None if is_closed_pipe(error) else explanation(error)
            if message is None:
                raise
            leave_full_output()
            typer.secho(f"Error: {message}", fg="red", err=True)
            raise typer.Exit(2) from error


app = typer.Typer(
    name="geomsym",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Symmetries of data, architecture and inference, and the geometry of learned representations.",
)
app.command(epilog=EPILOG)(train.train)
app.command(epilog=EPILOG)(sweep.sweep)
app.command(epilog=EPILOG)(volume.volume)
app.command()(plot.plot)
app.command(epilog=EPILOG)(kernel.kernel)
app.command(epilog=EPILOG)(verify.verify)
app.command()(status.status)
app.add_typer(data.app)
app.add_typer(bench.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"geomsym {geomsym.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """Symmetries of data, architecture and inference, and the geometry of learned representations."""


if __name__ == "__main__":
    sys.exit(app())
