"""The `bec` command."""

from bec_kernel.cli.app import app, main

__all__ = ["app", "main"]
