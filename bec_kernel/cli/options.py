"""Common to all commands: options, errors in one line, an example in the help."""

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from bec_kernel.cli.exit_codes import INTERRUPTED
from bec_kernel.errors import BecError, ScanAborted
from bec_kernel.version import __version__

_F = TypeVar("_F", bound=Callable[..., Any])

app = typer.Typer(
    name="bec",
    help="Beamline experiment control. Begin with: bec demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Data = Annotated[Path | None, typer.Option(help="The instance's data folder.")]
Devices = Annotated[
    Path | None, typer.Option(help="A device list (YAML), or a folder of them.")
]
Sim = Annotated[
    Path | None,
    typer.Option(help="The same, with a simulated twin for each hardware device."),
]
Virtual = Annotated[
    bool, typer.Option("--virtual", help="Simulated devices on a virtual clock.")
]
Port = Annotated[int, typer.Option(help="The broker's, on loopback; 0: any free one.")]
WORDS = {"ignore_unknown_options": True, "allow_interspersed_args": False}
"""Settings of a command whose words are not options of its own."""


def command(**settings: Any) -> Callable[[_F], _F]:
    """Register a command whose errors are one line, and whose help has an example."""

    def register(function: _F) -> _F:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            except KeyboardInterrupt:
                raise typer.Exit(INTERRUPTED) from None
            except BecError as error:
                sys.stderr.write(f"bec: {error}\n")
                asked = isinstance(error.__context__, KeyboardInterrupt)
                is_ours = isinstance(error, ScanAborted) and asked
                raise typer.Exit(INTERRUPTED if is_ours else 1) from None

        doc, _, example = inspect.cleandoc(function.__doc__ or "").rpartition("\n\n")
        app.command(help=doc, epilog=example, **settings)(run)
        return function

    return register


@app.callback(invoke_without_command=True)
def _bec(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.")
    ] = False,
) -> None:
    if version:
        say(f"bec {__version__}")
        raise typer.Exit


def say(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
