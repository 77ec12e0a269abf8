"""The `bec` command."""

import sys

__all__ = ["INTERRUPTED", "main"]

INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly also while it is being imported."""
    try:
        from bec_kernel.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
