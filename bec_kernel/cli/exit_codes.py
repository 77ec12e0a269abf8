"""Pure: exit codes of the `bec` command."""

INTERRUPTED = 130
"""After Ctrl-C: 128 + SIGINT, as shells do it."""
