"""The `bec` command: `main` is its entry point.

Only `main` imports the application, so that Ctrl-C ends the command quietly also
during that import.
"""

import sys

from bec_kernel.cli.exit_codes import INTERRUPTED

__all__ = ["main"]


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly with exit code 130."""
    try:
        from bec_kernel.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
